package judge

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/sandbox/model"
)

func sample() Case {
	return Case{
		Prompt:    json.RawMessage(`[{"role":"user","content":"When do you open on Saturday?"}]`),
		First:     "We open at nine on Saturday.",
		Second:    "Bananas are yellow.",
		Reference: "On Saturday we open at nine.",
	}
}

// fromSandbox answers as a judge that reads the object and nothing else.
func fromSandbox(_ context.Context, _ string, req providers.Request) (*providers.Reply, error) {
	var format struct {
		JSONSchema struct{ Schema json.RawMessage } `json:"json_schema"`
	}
	if err := json.Unmarshal(req.ResponseFormat, &format); err != nil {
		return nil, err
	}
	said, err := model.Fill(format.JSONSchema.Schema, req.Messages[len(req.Messages)-1].Text())
	return &providers.Reply{Content: string(said), Finish: "stop"}, err
}

func TestBothOrdersFindTheBetterAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		c    Case
		want Choice
	}{
		"first":  {sample(), First},
		"second": {sample().Swapped(), Second},
		"same":   {Case{Prompt: sample().Prompt, First: "x", Second: "x"}, Equal},
	} {
		out, err := Both(context.Background(), fromSandbox, c.c, "exp/critique")
		if err != nil || out.Choice != c.want || !out.Agreed {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
	}
}

// script answers with the next of its texts and notes the steps.
type script struct {
	texts []string
	steps []string
}

func (s *script) ask(_ context.Context, step string, _ providers.Request) (*providers.Reply, error) {
	s.steps = append(s.steps, step)
	said := s.texts[0]
	s.texts = s.texts[1:]
	if said == "down" {
		return nil, &providers.Error{Kind: providers.KindServer}
	}
	if said == "broken" {
		return nil, &providers.Error{Kind: providers.KindModelOutput}
	}
	return &providers.Reply{Content: said, Finish: "stop"}, nil
}

const (
	forA = `{"reason":"r","verdict":"answer_a","score_a":0.9,"score_b":0.1}`
	forB = `{"reason":"r","verdict":"answer_b","score_a":0.1,"score_b":0.9}`
)

func TestBoth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		texts []string
		want  Outcome
		steps string
		err   error
	}{
		{"agree", []string{forA, forB}, outcome(First, true, 900, 100), "s/1 s/2", nil},
		{"the place decides", []string{forA, forA}, outcome(Equal, false, 500, 500), "s/1 s/2", nil},
		{"malformed once", []string{"{", forB, forA}, outcome(Second, true, 100, 900),
			"s/1 s/1/again s/2", nil},
		{"the vendor calls it malformed", []string{"broken", forA, forB}, outcome(First, true, 900, 100),
			"s/1 s/1/again s/2", nil},
		{"malformed twice", []string{"{", "[]"}, Outcome{}, "s/1 s/1/again", ErrMalformed},
		{"vendor down", []string{"down"}, Outcome{}, "s/1", &providers.Error{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &script{texts: c.texts}
			got, err := Both(context.Background(), s.ask, sample(), "s")
			got.Orders = [2]Verdict{}
			var vendor *providers.Error
			failedAsSaid := errors.Is(err, c.err) || (errors.As(c.err, &vendor) && errors.As(err, &vendor))
			if got != c.want || !failedAsSaid {
				t.Errorf("got %+v, %v", got, err)
			}
			if !slices.Equal(s.steps, strings.Fields(c.steps)) {
				t.Errorf("steps %v", s.steps)
			}
		})
	}
}

// outcome is what two judgements with the reason "r" come to.
func outcome(choice Choice, agreed bool, first, second int64) Outcome {
	return Outcome{Choice: choice, Agreed: agreed, First: first, Second: second, Reason: "r"}
}

// TestNextAsksBothOrdersAtOnce gives the answers in any order, as a batch does.
func TestNextAsksBothOrdersAtOnce(t *testing.T) {
	t.Parallel()
	said := func(text string) Answer { return Answer{Reply: &providers.Reply{Content: text, Finish: "stop"}} }
	down := Answer{Err: &providers.Error{Kind: providers.KindServer}}
	for _, c := range []struct {
		name  string
		given map[string]Answer
		asked string
		fails bool
	}{
		{"nothing is answered", nil, "s/1:critique s/2:verify", false},
		{"the second is", map[string]Answer{"s/2": said(forB)}, "s/1:critique", false},
		{"the first broke", map[string]Answer{"s/1": said("{"), "s/2": said(forB)}, "s/1/again:critique", false},
		{"both broke", map[string]Answer{"s/1": said("{"), "s/2": said("{")}, "s/1/again:critique s/2/again:verify", false},
		{"both are answered", map[string]Answer{"s/1": said(forA), "s/2": said(forB)}, "", false},
		{"the vendor is down", map[string]Answer{"s/2": down}, "", true},
	} {
		out, asked, err := Next(sample(), "s", c.given)
		names := make([]string, len(asked))
		for i, q := range asked {
			names[i] = q.Step + ":" + q.Purpose
		}
		if got := strings.Join(names, " "); got != c.asked || (err != nil) != c.fails {
			t.Errorf("%s: asked %q, %v", c.name, got, err)
		}
		if len(asked) == 0 && err == nil && out.Orders != [2]Verdict{{First, 900, 100, "r"}, {First, 900, 100, "r"}} {
			t.Errorf("%s: the orders are %+v", c.name, out.Orders)
		}
		out.Orders = [2]Verdict{}
		if done := len(asked) == 0 && err == nil; done != (out == outcome(First, true, 900, 100)) {
			t.Errorf("%s: the outcome is %+v", c.name, out)
		}
	}
}

// Where the first judgement is enough, the second order is not asked about.
func TestNextUnless(t *testing.T) {
	t.Parallel()
	said := func(text string) Answer { return Answer{Reply: &providers.Reply{Content: text, Finish: "stop"}} }
	rejects := func(v Verdict) bool { return v.Choice != First }
	straight, turned := sample(), sample()
	for !turned.turned() {
		turned.First += "."
	}
	for straight.turned() {
		straight.First += "."
	}
	for _, c := range []struct {
		name  string
		given map[string]Answer
		asked string
		want  Outcome
	}{
		{"nothing is answered", nil, "s/1", Outcome{}},
		{"the first broke", map[string]Answer{"s/1": said("{")}, "s/1/again", Outcome{}},
		{"the first is enough", map[string]Answer{"s/1": said(forB)}, "", outcome(Second, true, 100, 900)},
		{"it takes both", map[string]Answer{"s/1": said(forA)}, "s/2", Outcome{}},
		{"both are answered", map[string]Answer{"s/1": said(forA), "s/2": said(forA)}, "", outcome(Equal, false, 500, 500)},
	} {
		for _, shown := range []Case{straight, turned} {
			out, asked, err := NextUnless(rejects, shown, "s", answersTo(shown, c.given))
			names := make([]string, len(asked))
			for i, q := range asked {
				names[i] = q.Step
			}
			out.Orders = [2]Verdict{}
			if got := strings.Join(names, " "); got != c.asked || out != c.want || err != nil {
				t.Errorf("%s, turned %v: asked %q, outcome %+v, %v", c.name, shown.turned(), got, out, err)
			}
		}
	}
}

// answersTo are the answers to a case, in the order in which it shows its own.
func answersTo(c Case, given map[string]Answer) map[string]Answer {
	if !c.turned() {
		return given
	}
	out := map[string]Answer{}
	for step, answer := range given {
		reply := *answer.Reply
		reply.Content = map[string]string{forA: forB, forB: forA, "{": "{"}[reply.Content]
		out[step] = Answer{Reply: &reply}
	}
	return out
}

// TestStandard shows what an assistant was told to be apart from the conversation, and half of the cases turned.
func TestStandard(t *testing.T) {
	t.Parallel()
	c := sample()
	c.Prompt = json.RawMessage(`[{"role":"system","content":"Sell \"tea\"."},{"role":"user","content":"hi"}]`)
	request, err := Request(c)
	want := `{"standard":"Sell \"tea\".","conversation":[{"role":"user","content":"hi"}],"reference":`
	if got := request.Messages[1].Text(); err != nil || !strings.HasPrefix(got, want) {
		t.Errorf("%s, %v", got, err)
	}
	turned := 0
	for i := range 200 {
		c.First = strings.Repeat("x", i)
		if c.turned() {
			turned++
		}
	}
	if turned < 70 || turned > 130 {
		t.Errorf("%d of 200 cases are turned", turned)
	}
}

// TestParseReadsWhatModelsWrap reads a verdict in all that models put around it.
func TestParseReadsWhatModelsWrap(t *testing.T) {
	t.Parallel()
	want := Verdict{Choice: First, First: 900, Second: 100, Reason: "r"}
	for _, text := range []string{
		forA, "\ufeff" + forA, forA + " and so on", "```json\n" + forA + "\n```",
		"<think>\nB has {\"verdict\":\"answer_b\"}, no.\n</think>\n\n" + forA, "Here is the result:\n" + forA,
		`{"reason":"r","verdict":"answer_a","score_a":"0.9","score_b":0.1,"confidence":1}`,
		`{"reason":"r","verdict":" Answer_A ","score_a":0.9,"score_b":"0.1"}`,
	} {
		if v, err := Parse(&providers.Reply{Content: text, Finish: "stop"}); err != nil || v != want {
			t.Errorf("Parse(%q) = %+v, %v", text, v, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `null`, `[]`, `{}`, `answer_a`, "<think>" + forA,
		`{"reason":"r","verdict":"answer_c","score_a":0.9,"score_b":0.1}`,
		`{"reason":"r","verdict":"answer_a","score_a":1.5,"score_b":0.1}`,
		`{"reason":"r","verdict":"answer_a","score_a":"high","score_b":0.1}`,
		`{"reason":"r","verdict":"answer_a","score_a":0.5}`,
		`{"reason":"r","verdict":"answer_a","score_a":0.5,"score_b":0.`,
	} {
		if v, err := Parse(&providers.Reply{Content: text, Finish: "stop"}); !errors.Is(err, ErrMalformed) {
			t.Errorf("Parse(%q) = %+v, %v", text, v, err)
		}
	}
	if _, err := Parse(&providers.Reply{Content: forA, Finish: "length"}); !errors.Is(err, ErrMalformed) {
		t.Error("a cut verdict was read")
	}
}

func TestRequestShowsOneObject(t *testing.T) {
	t.Parallel()
	c := sample()
	c.First = "<b> & \u2028"
	req, err := Request(c)
	if err != nil {
		t.Fatal(err)
	}
	shown := req.Messages[len(req.Messages)-1].Text()
	var back object
	if err := json.Unmarshal([]byte(shown), &back); err != nil || back.First != c.First {
		t.Errorf("the object reads back as %+v, %v", back, err)
	}
	if strings.Index(shown, keyFirst) > strings.Index(shown, keySecond) {
		t.Error("the second answer is shown first")
	}
	if _, err := Request(Case{Prompt: json.RawMessage(`[`)}); err == nil {
		t.Error("a broken prompt was put to the judge")
	}
}
