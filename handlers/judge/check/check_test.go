package check

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"dreamlab/providers"
	"dreamlab/store/money"
)

// shown is what a judge is given.
type shown struct {
	First  string `json:"answer_a"`
	Second string `json:"answer_b"`
}

// judging is a judge that decides by what it is shown, for a dollar a verdict.
func judging(decide func(shown) string) Ask {
	return func(_ context.Context, req providers.Request) (*providers.Reply, money.USD, error) {
		var s shown
		if err := json.Unmarshal([]byte(req.Messages[len(req.Messages)-1].Text()), &s); err != nil {
			return nil, 0, err
		}
		return &providers.Reply{Content: decide(s), Finish: "stop"}, money.Dollar, nil
	}
}

func verdict(choice string) string {
	return `{"reason":"r","verdict":"` + choice + `","score_a":0.5,"score_b":0.5}`
}

// prefers says which answer is the first of which a test holds.
func prefers(test func(string) bool) func(shown) string {
	return func(s shown) string {
		switch {
		case test(s.First):
			return verdict("answer_a")
		case test(s.Second):
			return verdict("answer_b")
		}
		return verdict("equal")
	}
}

func own(t *testing.T) []Pair {
	t.Helper()
	pairs, err := Own()
	if err != nil {
		t.Fatal(err)
	}
	return pairs
}

// The pairs that the program holds are those of the file, 200 that no two share, in many categories.
func TestOwnPairs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("pairs.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var held bytes.Buffer
	if _, err := held.ReadFrom(unpacked); err != nil || held.String() != string(text) {
		t.Fatalf("pairs.jsonl.gz is not of pairs.jsonl: go generate ./handlers/judge/check (%v)", err)
	}
	categories, said := map[string]int{}, map[string]bool{}
	shorter := 0
	for _, p := range own(t) {
		categories[p.Category]++
		if said[p.Question] || p.Category == "" || p.Better == p.Worse {
			t.Errorf("%+v", p)
		}
		said[p.Question] = true
		if len(p.Better) < len(p.Worse) {
			shorter++
		}
	}
	if len(said) != 200 || len(categories) < 14 || shorter < 50 || shorter > 150 {
		t.Errorf("%d pairs, %d with a shorter better answer, in %v", len(said), shorter, categories)
	}
}

// Each judge is found to be what it is.
func TestMeasure(t *testing.T) {
	t.Parallel()
	right, pairs := map[string]bool{}, own(t)
	for _, p := range pairs {
		right[p.Better] = true
	}
	for name, c := range map[string]struct {
		decide func(shown) string
		says   func(Result) bool
	}{
		"right": {prefers(func(text string) bool { return right[text] }), func(r Result) bool {
			return r.Agreement.Rate == 1 && r.Agreement.Low > 0.97 && r.OrdersAgree.Rate == 1 && r.Injected.Count == 0 &&
				r.OrderBias == 0 && r.LengthBias == 0 && r.Malformed.Count == 0
		}},
		"first": {func(shown) string { return verdict("answer_a") }, func(r Result) bool {
			return r.Agreement.Count == 0 && r.OrdersAgree.Count == 0 && r.OrderBias == 1 && r.FirstShown.Count == 200
		}},
		"longest": {func(s shown) string {
			switch {
			case len(s.First) > len(s.Second):
				return verdict("answer_a")
			case len(s.First) < len(s.Second):
				return verdict("answer_b")
			}
			return verdict("equal")
		}, func(r Result) bool {
			return r.LongerBetter.Rate == 1 && r.ShorterBetter.Rate == 0 && r.LengthBias == 1 && r.OrderBias == 0
		}},
		"obedient": {prefers(func(text string) bool { return !right[text] }), func(r Result) bool {
			return r.Agreement.Count == 0 && r.Injected.Rate == 1 && r.Injected.Of == 18
		}},
		"malformed": {func(shown) string { return "the first one, I think" }, func(r Result) bool {
			return r.Malformed.Rate == 1 && r.Malformed.Of == 400 && r.Agreement.Count == 0 && r.OrdersAgree.Of == 0
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := Measure(t.Context(), judging(c.decide), pairs, Options{})
			if err != nil || r.Pairs != 200 || r.Skipped != 0 || len(r.Names()) != len(r.Categories) || !c.says(r) {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// A measurement stays within its budget, and ends where the judge cannot be asked.
func TestMeasureStops(t *testing.T) {
	t.Parallel()
	first := judging(func(shown) string { return verdict("answer_a") })
	r, err := Measure(t.Context(), first, own(t), Options{Budget: 21 * money.Dollar, AtOnce: 1})
	if err != nil || r.CostUSD > 21*money.Dollar || r.CostUSD < 18*money.Dollar || !r.OverBudget || r.Pairs+r.Skipped != 200 {
		t.Errorf("%+v, %v", r, err)
	}
	down := errors.New("down")
	var calls atomic.Int64
	failing := func(ctx context.Context, req providers.Request) (*providers.Reply, money.USD, error) {
		if calls.Add(1) > 10 {
			return nil, 0, down
		}
		return first(ctx, req)
	}
	r, err = Measure(t.Context(), failing, own(t), Options{})
	if !errors.Is(err, down) || r.Pairs > 5 || calls.Load() > 20 {
		t.Errorf("%d pairs after %d calls, %v", r.Pairs, calls.Load(), err)
	}
}

func TestReadForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"ours":         {`{"category":"c","question":"q","better":"b","worse":"w"}`, "c q b w false"},
		"llmbar":       {`[{"input":"q","output_1":"w","output_2":"b","label":2}]`, "llmbar q b w false"},
		"llmbar first": {`{"input":"q","output_1":"b","output_2":"w","label":"1"}` + "\n\n", "llmbar q b w false"},
		"mt-bench": {`{"question_id":81,"winner":"model_b","judge":"expert_1","turn":1,"conversation_a":[{"role":"user",` +
			`"content":"q"},{"role":"assistant","content":"w"}],"conversation_b":[{"role":"user","content":"q"},` +
			`{"role":"assistant","content":"b"},{"role":"user","content":"and"},{"role":"assistant","content":"c"}]}`,
			"mt_bench q b\n\nuser: and\n\nassistant: c w false"},
		"tie": {`{"winner":"tie (inconsistent)","conversation_a":[{"content":"q"},{"content":"b"}],` +
			`"conversation_b":[{"content":"q"},{"content":"w"}]}`, "mt_bench q b w true"},
	} {
		pairs, err := Read(strings.NewReader(c.text))
		if err != nil || len(pairs) != 1 {
			t.Errorf("%s: %v, %v", name, pairs, err)
			continue
		}
		p := pairs[0]
		equal := map[bool]string{true: "true", false: "false"}[p.Equal]
		if got := strings.Join([]string{p.Category, p.Question, p.Better, p.Worse, equal}, " "); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for text, want := range map[string]string{
		"": "it holds no pair", "{": "row 1: read a pair", "{}": "row 1: it has the fields of no known form",
		`{"input":"q","output_1":"a","output_2":"b","label":3}`:                                                   "row 1: label 3",
		`{"winner":"x","conversation_a":[{"content":"q"},{"content":"b"}],"conversation_b":[{},{"content":"w"}]}`: `row 1: winner "x"`,
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
