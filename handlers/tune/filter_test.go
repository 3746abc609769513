package tune

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dreamlab/handlers/tune/mix"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

func example(id, ask, answer string, score int64) learn.Example {
	return learn.Example{
		ID: id, Experience: "exp_" + id, Score: score, Author: "recorded",
		Messages: plainjson.Of([]turn{{Role: "user", Content: ask}, {Role: "assistant", Content: answer}}),
	}
}

// TestFilterCapsWhatWasMadeUp keeps one made-up row for three of conversations, the best.
func TestFilterCapsWhatWasMadeUp(t *testing.T) {
	t.Parallel()
	s := newRowFilter(tasks.MethodSFT, limits{rowTokens: 1000, mix: mix.Limits{Rows: 100}}, newHeldOut())
	for i := range 10 {
		e := example(fmt.Sprint(i), fmt.Sprintf("What is %d and %d?", i, i*i), fmt.Sprintf("It is %d.", i+i*i), int64(i))
		if i >= 6 {
			e.Origin = learn.ExampleImagined
		}
		s.add(e)
	}
	out := s.done("assistant")
	if len(out.rows) != 8 || s.set.Removed[mix.Imagined] != 2 || slices.ContainsFunc(out.rows, func(r mix.Row) bool { return r.Score == 6 }) {
		t.Errorf("%d rows, removed %v", len(out.rows), s.set.Removed)
	}
}

func TestFilterFilters(t *testing.T) {
	t.Parallel()
	x := newHeldOut()
	x.add(learn.Experience{
		ID: "exp_held", Prompt: json.RawMessage(`[{"role":"user","content":"Hi"}]`),
		Answer: json.RawMessage(`{"role":"assistant","content":"Hello, how can I help?"}`), Reference: "Good day!",
	})
	const telling = "How many parcels fit into one van of the larger kind?"
	x.add(learn.Experience{ID: "exp_long", Prompt: plainjson.Of([]turn{{Role: "user", Content: telling}})})
	raw := func(messages string) learn.Example {
		return learn.Example{ID: "e", Messages: json.RawMessage(messages)}
	}
	for name, c := range map[string]struct {
		e      learn.Example
		filter string
	}{
		"kept":       {example("1", "When?", "At nine.", 1), ""},
		"not JSON":   {raw(`{`), filterMalformed},
		"empty list": {raw(`[]`), filterMalformed},
		"no answer":  {raw(`[{"role":"user","content":"a"}]`), filterMalformed},
		"two users": {raw(`[{"role":"user","content":"a"},{"role":"user","content":"b"}]`),
			filterMalformed},
		"tool":              {raw(`[{"role":"tool","tool_call_id":"x","content":"a"}]`), filterMalformed},
		"system alone":      {raw(`[{"role":"system","content":"a"}]`), filterMalformed},
		"blank answer":      {example("1", "When?", "  ", 1), filterEmpty},
		"refusal":           {example("1", "When?", "I'm sorry, but I can't help with that.", 1), filterUnfit},
		"error":             {example("1", "When?", "Internal Server Error", 1), filterUnfit},
		"mail":              {example("1", "I am jo@example.com", "Noted.", 1), filterSecret},
		"placeholder":       {example("1", "What is my number?", "Your number is [phone].", 1), filterHole},
		"placeholder asked": {example("1", "My number is [phone].", "Noted.", 1), ""},
		"long":              {example("1", "When?", strings.Repeat("word ", 1000), 1), filterLong},
		"held out":          {example("held", "When?", "At nine.", 1), filterHeldOut},
		"held-out greeting": {example("1", "hi", "Welcome!", 1), filterRepeats},
		"goes on after greeting": {raw(`[{"role":"user","content":"hi"},{"role":"assistant","content":"Yes?"},
			{"role":"user","content":"When do you open on Sundays?"},{"role":"assistant","content":"At nine."}]`), ""},
		"nearly held-out question": {example("1", strings.Replace(telling, "of the", "of our", 1)+" Please tell me soon, it is very urgent!",
			"Nine.", 1), ""},
		"held-out question with a word more": {example("1", telling+" Thanks", "Nine.", 1), filterRepeats},
		"goes on after a held-out question": {raw(`[{"role":"user","content":"` + telling + `"},
			{"role":"assistant","content":"Nine."},{"role":"user","content":"And into the smaller one?"},
			{"role":"assistant","content":"Five."}]`), filterRepeats},
		"recorded answer":        {example("1", " HI ", "hello, how can i  help?", 1), filterRepeats},
		"reference answer":       {example("1", "hi", "Good day!", 1), filterRepeats},
		"long held-out question": {example("1", telling, "Nine.", 1), filterRepeats},
		"held out under a system message": {raw(`[{"role":"system","content":"Be kind."},
			{"role":"user","content":"hi"},{"role":"assistant","content":"Good day!"}]`), filterRepeats},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRowFilter(tasks.MethodSFT, limits{rowTokens: 1000, mix: mix.Limits{Rows: 10}}, x)
			s.add(c.e)
			got := strings.Join(keys(s.set.Removed), ",")
			if got != c.filter || len(s.set.Rows) != one(c.filter == "") {
				t.Errorf("removed by %q, %d rows", got, len(s.set.Rows))
			}
		})
	}
}

func keys(m map[string]int) (names []string) {
	for name := range maps.Keys(m) {
		names = append(names, name)
	}
	return names
}

func TestFilterKeepsTheBestOfTheSame(t *testing.T) {
	t.Parallel()
	s := newRowFilter(tasks.MethodSFT, limits{rowTokens: 1000, mix: mix.Limits{Rows: 10}}, newHeldOut())
	s.add(example("1", "When do you open?", "At nine.", 100))
	s.add(example("2", "when do  you open?", "AT NINE.", 300))
	s.add(example("3", "\uff37hen do you open?", "At nine.", 200)) // a full-width W
	s.add(example("4", "When do you open?", "At ten.", 50))
	out := s.done("assistant")
	if out.manifest.Rows != 2 || out.manifest.In != 4 || out.manifest.Removed[mix.Duplicate] != 2 {
		t.Errorf("manifest %+v", out.manifest)
	}
	if !strings.Contains(string(out.file), "AT NINE.") || strings.Contains(string(out.file), `"At nine."`) {
		t.Errorf("the file holds\n%s", out.file)
	}
}

func TestRowsLearnTheLastAnswerAlone(t *testing.T) {
	t.Parallel()
	s := newRowFilter(tasks.MethodSFT, limits{rowTokens: 1000, mix: mix.Limits{Rows: 10}}, newHeldOut())
	s.add(learn.Example{ID: "1", Messages: json.RawMessage(`[{"role":"system","content":"Be brief."},
		{"role":"user","content":[{"type":"text","text":"One?"}]},{"role":"assistant","content":"Yes."},
		{"role":"user","content":"Two?"},{"role":"assistant","content":"No."}]`)})
	want := `{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"One?"},` +
		`{"role":"assistant","content":"Yes.","weight":0},{"role":"user","content":"Two?"},` +
		`{"role":"assistant","content":"No."}]}` + "\n"
	if got := string(s.done("assistant").file); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What a dataset holds does not depend on the order in which its rows came, nor
// on the ids that they have.
func TestFilterIgnoresOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "examples")
		examples := make([]learn.Example, n)
		for i := range examples {
			ask := fmt.Sprintf("question %d", rapid.IntRange(0, 40).Draw(t, "ask"))
			answer := fmt.Sprintf("answer %d", rapid.IntRange(0, 3).Draw(t, "answer"))
			examples[i] = example(fmt.Sprint(i), ask, answer, int64(rapid.IntRange(0, 5).Draw(t, "score")))
		}
		bound := limits{rowTokens: 1000, mix: mix.Limits{Rows: rapid.IntRange(1, 12).Draw(t, "rows")}}
		first := filterExamples(examples, bound)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)).Shuffle(n, func(i, j int) {
			examples[i], examples[j] = examples[j], examples[i]
		})
		second := filterExamples(examples, bound)
		if first.manifest.SHA256 != second.manifest.SHA256 || len(first.rows) > bound.mix.Rows {
			t.Errorf("%d rows, %s and %s", len(first.rows), first.manifest.SHA256, second.manifest.SHA256)
		}
		lost := first.manifest.In - first.manifest.Rows
		for _, n := range first.manifest.Removed {
			lost -= n
		}
		if lost != 0 {
			t.Errorf("%d rows are not accounted for: %+v", lost, first.manifest)
		}
	})
}

func filterExamples(examples []learn.Example, l limits) filtered {
	s := newRowFilter(tasks.MethodSFT, l, newHeldOut())
	for _, e := range examples {
		s.add(e)
	}
	return s.done("assistant")
}

// No user makes up more than a quarter of the rows: what is left of them are their best ones.
func TestUsersShareOfRows(t *testing.T) {
	t.Parallel()
	s := newRowFilter(tasks.MethodSFT, limits{rowTokens: 1000, mix: mix.Limits{Rows: 1000, UserShare: 2_500}}, newHeldOut())
	for i := range 200 {
		id, user := fmt.Sprint(i), "loud"
		if i%5 == 0 {
			user = fmt.Sprint("user ", i)
		}
		s.askers["exp_"+id] = learn.Asker{User: user}
		s.add(example(id, "What is the price of item "+id, "It costs "+id+" euros.", int64(i)))
	}
	out := s.done("assistant")
	loud := 0
	for _, r := range out.rows {
		loud += one(r.Asker.User == "loud")
	}
	if loud != 13 || len(out.rows) != 53 || out.manifest.Removed[mix.User] != 147 {
		t.Errorf("%d of %d rows are of one user, %v", loud, len(out.rows), out.manifest.Removed)
	}
}

// No API key brings more than its share of the rows, where one is set; one that is the only one brings all.
func TestKeysShareOfRows(t *testing.T) {
	t.Parallel()
	for share, want := range map[int64]int{5_000: 80, 0: 200} {
		s := newRowFilter(tasks.MethodSFT, limits{rowTokens: 1000, mix: mix.Limits{Rows: 1000, KeyShare: share}}, newHeldOut())
		for i := range 200 {
			id, key := fmt.Sprint(i), "key_flood"
			if i%5 == 0 {
				key = "key_shop"
			}
			s.askers["exp_"+id] = learn.Asker{Key: key, Origin: map[bool]string{true: "live", false: "import"}[key == "key_shop"]}
			s.add(example(id, "What is the price of item "+id, "It costs "+id+" euros.", int64(i)))
		}
		if out := s.done("assistant"); len(out.rows) != want || out.manifest.Removed[mix.Key] != 200-want ||
			out.manifest.Origins["live"] != 40 || out.manifest.Origins["import"] != want-40 {
			t.Errorf("share %d: %d rows, %+v", share, len(out.rows), out.manifest)
		}
	}
}
