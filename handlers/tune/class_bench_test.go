package tune

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dreamlab/handlers/judge"
	"dreamlab/handlers/tune/exam"
	"dreamlab/handlers/tune/mix"
	"dreamlab/handlers/tune/near"
	"dreamlab/providers"
	"dreamlab/providers/sandbox/model"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// class is a set of conversations, parted as the product parts them: what
// models are taught, through the real filters, and what they are evaluated on.
type class struct {
	pairs     []model.Pair
	questions []learn.Experience
	judge     *model.Model
	base      *model.Model
}

// said is one conversation of a class.
type said struct {
	ID        string          `json:"conversation_id"`
	Messages  []tasks.Message `json:"messages"`
	Reference string          `json:"reference"`
}

// newClass keeps a fifth of the conversations for the evaluation.
func newClass(t testing.TB, conversations []said) *class {
	t.Helper()
	c := &class{
		judge: model.NewModel(model.StockPairs("large")), base: model.NewModel(model.StockPairs("small")),
	}
	x := newHeldOut()
	var rows []learn.Experience
	for _, s := range conversations {
		e := s.experience()
		if e.HeldOut {
			c.questions = append(c.questions, e)
			x.add(e)
		} else {
			rows = append(rows, e)
		}
	}
	s := newRowFilter(tasks.MethodSFT, limits{rowTokens: 8_000, mix: mix.Limits{Rows: 10_000}}, x)
	for _, e := range rows {
		messages := append(readMessages(e.Prompt), providers.TextMessage("assistant", answerText(e.Answer)))
		s.add(learn.Example{ID: e.ID, Experience: e.ID, Messages: plainjson.Of(messages), Score: 900})
	}
	var err error
	if c.pairs, err = model.ReadPairs(bytes.NewReader(s.done("assistant").file), math.MaxInt); err != nil {
		t.Fatal(err)
	}
	if len(c.questions) < 30 || len(c.pairs) < 60 {
		t.Fatalf("%d questions and %d rows are too few to say anything", len(c.questions), len(c.pairs))
	}
	return c
}

func (s said) experience() learn.Experience {
	last := len(s.Messages) - 1
	e := learn.Experience{ID: "exp_" + s.ID, Conversation: s.ID, Reference: s.Reference}
	e.Prompt, e.Answer = plainjson.Of(s.Messages[:last]), plainjson.Of(s.Messages[last])
	e.HeldOut = learn.HeldOut(storetest.Secret, learn.Experience{External: s.ID, Prompt: e.Prompt})
	return e
}

// ownSample is the sample that the program ships.
const ownSample = "../../cmd/dreamlab/sample/conversations.jsonl"

// talks are the conversations to try on: our own, and the coffee shop's where
// DREAMLAB_SHARED names the folder that holds them.
func talks(t testing.TB) map[string][]said {
	t.Helper()
	all := map[string][]said{"sample": readLines[said](t, ownSample)}
	if dir := os.Getenv("DREAMLAB_SHARED"); dir != "" {
		all["coffee"] = readLines[said](t, filepath.Join(dir, "taskmaster4-coffee.jsonl"))
	}
	return all
}

func readLines[T any](t testing.TB, path string) []T {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	for line := range strings.Lines(string(text)) {
		var one T
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, one)
	}
	return all
}

// halves parts the rows in two at random.
func (c *class) halves(seed uint64) (one, other []model.Pair) {
	order := rand.New(rand.NewPCG(seed, 40)).Perm(len(c.pairs))
	for i, at := range order {
		if i%2 == 0 {
			one = append(one, c.pairs[at])
		} else {
			other = append(other, c.pairs[at])
		}
	}
	return one, other
}

// evaluate compares two models by the real judge and the real gate.
func (c *class) evaluate(t testing.TB, candidate, incumbent *model.Model) learn.Report {
	t.Helper()
	var questions []exam.Comparison
	for _, e := range c.questions {
		questions = append(questions, c.question(t, e, candidate, incumbent))
	}
	look := exam.NextLook(exam.Look{}, false, time.Unix(0, 0))
	return exam.Gate{}.Filled().Report(exam.Sitting{Judge: "sandbox", Look: look, Fresh: questions})
}

func (c *class) question(t testing.TB, e learn.Experience, candidate, incumbent *model.Model) exam.Comparison {
	t.Helper()
	question := providers.Request{Messages: readMessages(e.Prompt)}
	answers := [2]*providers.Reply{answer(t, candidate, question), answer(t, incumbent, question)}
	p := exam.Comparison{
		Experience: e.ID, Conversation: e.Conversation, Outcome: learn.Tie,
		Candidate: faults(e, answers[0]), Incumbent: faults(e, answers[1]),
	}
	compared := judge.Case{
		Prompt: e.Prompt, First: answers[0].Content, Second: answers[1].Content, Reference: e.Reference,
	}
	if check(&p, compared) || near.Canonical(compared.First) == near.Canonical(compared.Second) {
		return p
	}
	ask := func(_ context.Context, _ string, r providers.Request) (*providers.Reply, error) {
		return answer(t, c.judge, r), nil
	}
	out, err := judge.Both(t.Context(), ask, compared, e.ID)
	if err != nil && !errors.Is(err, judge.ErrMalformed) {
		t.Fatal(err)
	}
	p.Judged = true
	if err == nil {
		p.Outcome, p.Agreed = outcomeOf(out.Choice), out.Agreed
	}
	return p
}

// answer asks a model in the words of the wire.
func answer(t testing.TB, m *model.Model, r providers.Request) *providers.Reply {
	t.Helper()
	var ask model.Ask
	wire := plainjson.Of(map[string]any{"messages": r.Messages, "response_format": r.ResponseFormat})
	if err := json.Unmarshal(wire, &ask); err != nil {
		t.Fatal(err)
	}
	done, err := m.Complete(&ask)
	if err != nil {
		t.Fatal(err)
	}
	return &providers.Reply{Content: done.Text, Finish: done.Finish}
}

// sums are problems that a model which looks for likeness can not learn: our
// own, and GSM8K's where DREAMLAB_SHARED names its folder.
func sums(t testing.TB) map[string][]said {
	t.Helper()
	all := map[string][]said{}
	for i := range 300 {
		question := fmt.Sprintf("Anna has %d marbles and buys %d more. How many marbles has she then?", i+11, 3*i+7)
		reply := fmt.Sprintf("She has %d + %d marbles.\n#### %d", i+11, 3*i+7, 4*i+18)
		all["marbles"] = append(all["marbles"], problem(question, reply))
	}
	if dir := os.Getenv("DREAMLAB_SHARED"); dir != "" {
		type row struct{ Question, Answer string }
		for _, r := range readLines[row](t, filepath.Join(dir, "gsm8k-test-400.jsonl")) {
			all["gsm8k"] = append(all["gsm8k"], problem(r.Question, r.Answer))
		}
	}
	return all
}

func problem(question, reply string) said {
	return said{ID: question, Reference: reply, Messages: []tasks.Message{
		{Role: "user", Content: plainjson.Of(question)}, {Role: "assistant", Content: plainjson.Of(reply)},
	}}
}
