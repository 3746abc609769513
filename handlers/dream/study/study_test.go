package study

import (
	"errors"
	"strings"
	"testing"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

const (
	forA = `{"reason":"It says what was asked.","verdict":"answer_a","score_a":0.9,"score_b":0.1}`
	forB = `{"reason":"It says what was asked.","verdict":"answer_b","score_a":0.1,"score_b":0.9}`
)

var errDown = errors.New("the database is away")

// reply is an answer of a finished text.
func reply(text string) judge.Answer {
	return judge.Answer{Reply: &providers.Reply{Content: text, Finish: "stop"}}
}

func refused(code string) judge.Answer { return judge.Answer{Err: tasks.Fail(code, "no")} }

// TestNext takes an experience through its stages, without anybody to ask.
func TestNext(t *testing.T) {
	t.Parallel()
	broken := judge.Answer{Err: &tasks.Failure{Code: "vendor_unavailable", Err: &providers.Error{Kind: providers.KindModelOutput}}}
	type given map[string]judge.Answer
	for _, test := range []struct {
		name   string
		change func(*learn.Experience)
		given  given
		asked  string // role, step and purpose of the questions
		want   Verdict
		err    error
	}{
		{name: "held out", change: func(e *learn.Experience) { e.HeldOut = true }, want: Verdict{Reject: HeldOut}},
		{name: "nothing is answered", asked: "base exp_1/replay replay"},
		{name: "the vendor refuses the prompt", given: given{"exp_1/replay": refused("content_filter")},
			want: Verdict{Reject: "content_filter"}},
		{name: "no money", given: given{"exp_1/replay": refused("insufficient_quota")}, err: &tasks.Failure{}},
		{name: "a fault of ours", given: given{"exp_1/replay": {Err: errDown}}, err: errDown},
		{name: "the same again", given: given{"exp_1/replay": reply("It is 12.")}, asked: "lead exp_1/improve improve"},
		{name: "an empty replay is no opponent", given: given{"exp_1/replay": reply(" ")}, want: Verdict{
			Reject: NoReplay, Replayed: true, Why: "the base model's answer is empty or was cut",
		}},
		{name: "a reference decides", change: func(e *learn.Experience) { e.Reference = "6 and 6 are 12.\n#### 12" },
			given: given{"exp_1/replay": reply("It is 13, a@b.example.")}, want: Verdict{
				VerifiedBy: "reference", Why: "the answer meets the reference", RejectedHalf: "It is 13, [EMAIL_1].",
				Score: 1000, Replayed: true,
			}},
		{name: "one order first", given: given{"exp_1/replay": reply("13")}, asked: "lead exp_1/judge/1 critique"},
		{name: "one order is left", given: given{"exp_1/replay": reply("13"), "exp_1/judge/1": reply(forA)},
			asked: "verifier exp_1/judge/2 verify"},
		{name: "once more", given: given{"exp_1/replay": reply("13"), "exp_1/judge/1": reply("A"), "exp_1/judge/2": broken},
			asked: "lead exp_1/judge/1/again critique"},
		{name: "the other once more", given: given{"exp_1/replay": reply("13"), "exp_1/judge/1": reply(forA), "exp_1/judge/2": broken},
			asked: "verifier exp_1/judge/2/again verify"},
		{name: "malformed", given: given{"exp_1/replay": reply("13"), "exp_1/judge/1": reply("A"), "exp_1/judge/1/again": broken},
			want: Verdict{Reject: Malformed, Replayed: true}},
		{name: "too long for the judge", given: given{"exp_1/replay": reply("13"), "exp_1/judge/1": refused("context_length_exceeded")},
			want: Verdict{Reject: "context_length_exceeded", Replayed: true}},
		{name: "a fault while judging", given: given{"exp_1/replay": reply("13"), "exp_1/judge/1": {Err: errDown}},
			want: Verdict{Replayed: true}, err: errDown},
		{name: "kept", given: given{"exp_1/replay": reply("13"), "exp_1/judge/1": reply(forA), "exp_1/judge/2": reply(forB)},
			want: Verdict{
				VerifiedBy: "judged", Why: "It says what was asked.", RejectedHalf: "13", Score: 900, Replayed: true, Judged: true,
			}},
		{name: "one order is enough to reject", given: given{"exp_1/replay": reply("13"), "exp_1/judge/1": reply(forB)},
			want: Verdict{Reject: WorseThanReplay, Why: "It says what was asked.", Replayed: true, Judged: true}},
		{name: "the place decides", given: given{"exp_1/replay": reply("13"), "exp_1/judge/1": reply(forA), "exp_1/judge/2": reply(forA)},
			want: Verdict{Reject: Disagreement, Why: "It says what was asked.", Replayed: true, Judged: true}},
	} {
		e := said(func(e *learn.Experience) { e.ID = "exp_1" })
		if test.change != nil {
			test.change(&e)
		}
		questions, verdict, err := New(e).Next(test.given)
		if len(questions) > 0 {
			verdict = Verdict{} // there is none yet
		}
		if got := names(questions); got != test.asked || verdict != test.want {
			t.Errorf("%s: asked %q, verdict %+v", test.name, got, verdict)
		}
		var failure *tasks.Failure
		if !errors.Is(err, test.err) && (!errors.As(err, &failure) || test.err == nil) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func names(questions []Question) string {
	list := make([]string, len(questions))
	for i, q := range questions {
		list[i] = strings.Join([]string{string(q.Role), q.Step, q.Purpose}, " ")
	}
	return strings.Join(list, ", ")
}

func TestDuplicateAsksNothing(t *testing.T) {
	t.Parallel()
	one := New(said(func(*learn.Experience) {}))
	one.RejectDuplicate()
	if questions, v, err := one.Next(nil); len(questions) > 0 || v.Reject != Duplicate || err != nil {
		t.Errorf("asked %v, verdict %+v, %v", questions, v, err)
	}
}

// TestReplaySeesNeitherAnswerNorPersonalData looks at what leaves the house.
func TestReplaySeesNeitherAnswerNorPersonalData(t *testing.T) {
	t.Parallel()
	one := New(said(func(e *learn.Experience) {
		e.Prompt = plainjson.Of([]providers.Message{providers.TextMessage("user", "I am ann@shop.example. How many?")})
	}))
	questions, _, err := one.Next(nil)
	if err != nil || len(questions) != 1 {
		t.Fatalf("asked %v, %v", questions, err)
	}
	shown := string(plainjson.Of(questions[0].Request.Messages))
	if strings.Contains(shown, "ann@") || strings.Contains(shown, "12") || !strings.Contains(shown, "How many?") {
		t.Errorf("the replay is asked %s", shown)
	}
	row := string(one.Example(Verdict{}).Messages)
	if strings.Contains(row, "ann@") || !strings.Contains(row, "It is 12.") {
		t.Errorf("the row is %s", row)
	}
}
