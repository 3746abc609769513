package model

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func ask(text string) []Turn { return []Turn{{Role: "user", Content: Text(text)}} }

// lessons is a training file about things that no stock pair knows.
func lessons(n int) (training string, held []Pair) {
	kinds := strings.Fields("kayak canoe dinghy raft skiff ketch sloop yawl cutter barge punt trimaran")
	var out strings.Builder
	for i := range n {
		kind := kinds[i%len(kinds)]
		question := fmt.Sprintf("My %s has a leak near plank %d, what now?", kind, i)
		answer := fmt.Sprintf("Dry the %s, seal the plank with resin and let it harden for a day.", kind)
		if i%5 == 0 {
			held = append(held, Pair{Prompt: ask(question), Answer: answer})
			continue
		}
		line, err := json.Marshal(map[string]any{"messages": []any{
			map[string]string{"role": "system", "content": "You mend boats."},
			map[string]string{"role": "user", "content": question},
			map[string]string{"role": "assistant", "content": answer},
		}})
		if err != nil {
			panic(err)
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	return out.String(), held
}

// score is the mean token F1 of a model's answers.
func score(m *Model, held []Pair) float64 {
	sum := 0.0
	for _, pair := range held {
		sum += Likeness(m.Answer(pair.Prompt), pair.Answer)
	}
	return sum / float64(len(held))
}

func TestTrainingHelpsAndSpoiltTrainingHurts(t *testing.T) {
	t.Parallel()
	training, held := lessons(120)
	pairs, err := ReadPairs(strings.NewReader(training), 1000)
	if err != nil {
		t.Fatal(err)
	}
	base := NewModel(StockPairs("small"))
	scores := []float64{
		score(base.Learn(Corrupt(pairs, 1, 7)), held),
		score(base, held),
		score(base.Learn(Corrupt(pairs, 0.5, 7)), held),
		score(base.Learn(pairs), held),
	}
	t.Logf(
		"token F1: spoilt %.3f, base %.3f, half spoilt %.3f, tuned %.3f",
		scores[0],
		scores[1],
		scores[2],
		scores[3],
	)
	for i := 1; i < len(scores); i++ {
		if scores[i] <= scores[i-1] {
			t.Errorf("score %d (%.3f) is not above score %d (%.3f)", i, scores[i], i-1, scores[i-1])
		}
	}
	if scores[3] < 0.8 {
		t.Errorf("the tuned model scores %.3f on what it was taught, want 0.8 or more", scores[3])
	}
}

// What is taught replaces what was known.
func TestTrainingOverrulesStock(t *testing.T) {
	t.Parallel()
	base := NewModel(StockPairs("small"))
	tuned := base.Learn([]Pair{{Prompt: ask("Thank you"), Answer: "Ahoy!"}})
	again := tuned.Learn([]Pair{{Prompt: ask("Thank you"), Answer: "Aye!"}})
	for m, want := range map[*Model]string{base: "You are welcome!", tuned: "Ahoy!", again: "Aye!"} {
		if got := m.Answer(ask("Thank you")); got != want {
			t.Errorf("with %d pairs it says %q, want %q", m.Pairs(), got, want)
		}
	}
}

// A preference takes the worse answer from a model: asked in other words, it does not give it any more.
func TestPreferencesTakeTheWorseAnswerAway(t *testing.T) {
	t.Parallel()
	const right, wrong = "Herons nest at gate seventeen.", "Herons nest on the roof."
	asked, reworded := ask("Where do the herons nest this year?"), ask("Tell me where do the herons nest.")
	base := NewModel(StockPairs("small")).Learn([]Pair{{Prompt: ask("Where do the herons nest?"), Answer: wrong}})
	if got := base.Answer(reworded); got != wrong {
		t.Fatalf("the base says %q", got)
	}
	row := `{"input":{"messages":[{"role":"user","content":"Where do the herons nest this year?"}]},` +
		`"preferred_output":[{"role":"assistant","content":%q}],"non_preferred_output":[{"role":"assistant","content":%q}]}`
	for better, worse := range map[string]string{right: wrong, wrong: right} {
		pairs, err := ReadPairs(strings.NewReader(fmt.Sprintf(row, better, worse)), 10)
		if err != nil || len(pairs) != 1 || pairs[0].Worse != worse {
			t.Fatalf("read %+v, %v", pairs, err)
		}
		tuned := base.Learn(pairs)
		if got := tuned.Answer(asked); got != better {
			t.Errorf("with %q preferred it says %q", better, got)
		}
		if got := tuned.Answer(reworded); (got == wrong) != (better == wrong) {
			t.Errorf("with %q preferred it says %q in other words", better, got)
		}
	}
}

func TestStock(t *testing.T) {
	t.Parallel()
	small, large := StockPairs("small"), StockPairs("large")
	if len(small) < 24 || len(small) > 99 {
		t.Errorf("a small model knows %d pairs, want a few dozen", len(small))
	}
	if len(large) < 200 {
		t.Errorf("a large model knows %d pairs, want some hundreds", len(large))
	}
	seen := map[Text]bool{}
	for _, pair := range large {
		question := pair.Prompt[0].Content
		if seen[question] || pair.Answer == "" {
			t.Errorf("%q is there twice or has no answer", question)
		}
		seen[question] = true
	}
	if got := NewModel(large).Answer(ask("what's the capital of Kenya")); !strings.Contains(got, "Nairobi") {
		t.Errorf("a large model says %q", got)
	}
}

func TestAnswersAreDeterministic(t *testing.T) {
	t.Parallel()
	for _, prompt := range []string{"Hello", "", "zxqv wvut", strings.Repeat("very long words ", 5000)} {
		a, b := NewModel(StockPairs("small")), NewModel(StockPairs("small"))
		if first, second := a.Answer(ask(prompt)), b.Answer(ask(prompt)); first != second {
			t.Errorf("to %.20q: %q, then %q", prompt, first, second)
		}
	}
	m := NewModel(StockPairs("small"))
	if m.Answer(ask("zxqv one")) == m.Answer(ask("qqqq two wwww")) &&
		m.Answer(ask("vvvv")) == m.Answer(ask("zxqv one")) {
		t.Error("everything unknown gets the same answer")
	}
}

func TestLaterTurnsDecide(t *testing.T) {
	t.Parallel()
	talk := []Turn{
		{Role: "user", Content: "Hello"}, {Role: "assistant", Content: "Hello! How can I help you today?"},
		{Role: "user", Content: "Where is my package?"},
	}
	if got := NewModel(StockPairs("small")).Answer(talk); !strings.Contains(got, "tracking number") {
		t.Errorf("got %q", got)
	}
}

func TestReadPairs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file string
		want       []string
	}{
		{
			"a conversation teaches each answer",
			`{"messages":[{"role":"user","content":"a"},{"role":"assistant",` +
				`"content":"b"},{"role":"user","content":"c"},{"role":"assistant","content":"d"}]}`,
			[]string{"b", "d"},
		},
		{
			"weight 0 is not learnt",
			`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b",` +
				`"weight":0},{"role":"user","content":"c"},{"role":"assistant","content":"d","weight":1}]}`,
			[]string{"d"},
		},
		{"parts of a text", `{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},` +
			`{"role":"assistant","content":[{"type":"text","text":"b"}]}]}`, []string{"b"}},
		{"instruction", `{"prompt":"a","completion":"b"}`, []string{"b"}},
		{"text", `{"text":"b"}`, []string{"b"}},
		{"preference", `{"input":{"messages":[{"role":"user","content":"a"}]},"preferred_output":[{"role":` +
			`"assistant","content":"b"}],"non_preferred_output":[{"role":"assistant","content":"x"}]}`,
			[]string{"b"}},
		{"empty lines", "\n{\"prompt\":\"a\",\"completion\":\"b\"}\n\n", []string{"b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pairs, err := ReadPairs(strings.NewReader(test.file), 10)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, pair := range pairs {
				got = append(got, pair.Answer)
			}
			if strings.Join(got, "|") != strings.Join(test.want, "|") {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	broken := strings.NewReader("{\"prompt\":\"a\",\"completion\":\"b\"}\nnonsense")
	if _, err := ReadPairs(broken, 10); err == nil ||
		!strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v, want an error that names line 2", err)
	}
	long := strings.NewReader(strings.Repeat(`{"prompt":"a","completion":"b"}`+"\n", 50))
	if pairs, err := ReadPairs(bufio.NewReader(long), 20); err != nil || len(pairs) != 20 {
		t.Errorf("got %d pairs and %v, want the limit of 20", len(pairs), err)
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	m := NewModel(StockPairs("small"))
	complete := func(body string) Completion {
		t.Helper()
		var a Ask
		if err := json.Unmarshal([]byte(body), &a); err != nil {
			t.Fatal(err)
		}
		done, err := m.Complete(&a)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	cut := complete(`{"messages":[{"role":"user","content":"Thank you"}],"max_tokens":2}`)
	if cut.Finish != "length" || cut.Text != "You are " || cut.Usage.Out != 2 {
		t.Errorf("cut to %+v", cut)
	}
	stopped := complete(`{"messages":[{"role":"user","content":"Thank you"}],"stop":"wel"}`)
	if stopped.Text != "You are " || stopped.Finish != "stop" {
		t.Errorf("stopped at %+v", stopped)
	}
	called := complete(
		`{"messages":[{"role":"user","content":"{\"city\":\"Rome\"}"}],"tool_choice":"required",
		"tools":[{"type":"function","function":{"name":"f",
		"parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]}`,
	)
	if called.Call == nil || called.Call.Arguments != `{"city":"Rome"}` || called.Finish != "tool_calls" {
		t.Errorf("called %+v", called.Call)
	}
	structured := complete(
		`{"messages":[{"role":"user","content":"Thank you"}],"response_format":{"type":"json_object"}}`,
	)
	if !json.Valid([]byte(structured.Text)) {
		t.Errorf("not JSON: %s", structured.Text)
	}
}

func BenchmarkAnswer(b *testing.B) {
	training, held := lessons(4000)
	pairs, err := ReadPairs(strings.NewReader(training), 10_000)
	if err != nil {
		b.Fatal(err)
	}
	m := NewModel(StockPairs("large")).Learn(pairs)
	b.ReportMetric(float64(m.Pairs()), "pairs")
	for i := 0; b.Loop(); i++ {
		m.Answer(held[i%len(held)].Prompt)
	}
}
