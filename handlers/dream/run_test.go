package dream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// line is one conversation of an import. Its question ends so that it is, or is
// not, held out.
func line(n int, heldOut bool, question, answer string, more map[string]any) []byte {
	id := ""
	for try := 0; ; try++ {
		id = fmt.Sprintf("c%d-%d", n, try)
		if storetest.HeldOut(id, question) == heldOut {
			break
		}
		question += "!"
	}
	object := map[string]any{
		"conversation_id": id,
		"messages":        []map[string]string{{"role": "user", "content": question}, {"role": "assistant", "content": answer}},
	}
	for key, value := range more {
		object[key] = value
	}
	text, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return append(text, '\n')
}

// orders are conversations whose answer is far more like the question than
// anything that the base can say.
func orders(n int) []byte {
	var lines bytes.Buffer
	for i := range n {
		lines.Write(line(i, false, fmt.Sprintf("My blue kettle %d leaks at the lid, what should I do?", i),
			fmt.Sprintf("Your blue kettle %d should not leak at the lid: what you should do is send it in.", i), nil))
	}
	return lines.Bytes()
}

func TestWhatIsKeptAndWhatIsNot(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	var lines bytes.Buffer
	cases := []struct {
		answer string
		more   map[string]any
		reason string
	}{
		{"I'm sorry, but I can't help with that.", nil, "refusal"},
		{"Error: upstream timed out", nil, "error_text"},
		{"  ", nil, "empty"},
		{"Use the key gsk_abcdefghijklmnopqrstuvwxyz0123456789.", nil, "secret"},
		{"No idea.", map[string]any{"feedback": map[string]any{"rating": -1}}, "negative_feedback"},
		{"The answer is 41.", map[string]any{"reference": "#### 42", "feedback": map[string]any{"correction": "It is 41."}}, "unverified"},
	}
	for i, c := range cases {
		lines.Write(line(i, false, fmt.Sprintf("What is question %d about?", i), c.answer, c.more))
	}
	lines.Write(line(90, true, "Is this held out?", "It is held out.", nil))
	lines.Write(line(91, false, "How many apples are 6 times 7?", "6 times 7 is 42, so the answer is 42.",
		map[string]any{"reference": "#### 42"}))
	lines.Write(line(92, false, "How many pears are 6 times 7?", "Perhaps 40.", map[string]any{"reference": "6 times 7 is 42.\n#### 42"}))
	b.Import(t, e, lines.Bytes())
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	if j.State != job.StateSucceeded || d.Counts.Kept != 2 || d.Counts.Experiences != 9 || d.Counts.HeldOut != 1 {
		t.Fatalf("job %s %v, counts %+v", j.State, j.Error, d.Counts)
	}
	for _, c := range cases {
		if d.Counts.Rejected[c.reason] != 1 {
			t.Errorf("%s was counted %d times in %v", c.reason, d.Counts.Rejected[c.reason], d.Counts.Rejected)
		}
	}
	checkByReference(t, b, d)
}

// checkByReference looks at the rows of TestWhatIsKeptAndWhatIsNot.
func checkByReference(t *testing.T, b *handlertest.Bench, d learn.Dream) {
	t.Helper()
	rows, _, err := b.Store.Examples(t.Context(), b.Tenant, db.Filter{Dream: d.ID}, db.Page{Ascending: true})
	if err != nil {
		t.Fatal(err)
	}
	authors := map[string]string{}
	for _, row := range rows {
		if row.Origin == learn.ExampleImagined {
			continue // a variant that the lead model made up
		}
		var messages []struct{ Content string }
		if err := json.Unmarshal(row.Messages, &messages); err != nil || row.Verdict != "reference" {
			t.Errorf("row %+v: %v", row, err)
		}
		authors[row.Author] = messages[len(messages)-1].Content
	}
	if authors["recorded"] != "6 times 7 is 42, so the answer is 42." || authors["reference"] != "6 times 7 is 42.\n#### 42" {
		t.Errorf("rows by author: %v", authors)
	}
}

func TestDreamLeavesLessonsMemoryAndObjects(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	b.Import(t, e, orders(20))
	d, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	if d.Stage != "done" || d.Counts.Kept == 0 || d.Counts.Reflections == 0 || d.Finished.IsZero() {
		t.Fatalf("dream %+v", d)
	}
	lessons, _, err := b.Store.Reflections(t.Context(), b.Tenant, db.Filter{Dream: d.ID}, db.Page{})
	if err != nil || len(lessons) == 0 || len(lessons[0].Sources) == 0 {
		t.Fatalf("lessons %+v, %v", lessons, err)
	}
	memory, err := b.Store.Memory(t.Context(), b.Tenant)
	if err != nil || memory.Dream != d.ID || len(memory.Lessons) == 0 {
		t.Fatalf("memory %+v, %v", memory, err)
	}
	for name, want := range map[string]string{
		memory.Object:                memory.Lessons[0].Text,
		blob.ReflectionsObject(d.ID): lessons[0].ID,
		blob.DreamObject(b.Tenant, d.Created.Format(time.DateOnly), d.ID): "blue kettle 19",
	} {
		object, err := b.Bucket.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(object)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s does not hold %q: %v", name, want, err)
		}
		if err := object.Close(); err != nil {
			t.Error(err)
		}
	}
	booksMatch(t, b, d)
}

// booksMatch holds the books of a dream against what the vendors were paid.
func booksMatch(t *testing.T, b *handlertest.Bench, d learn.Dream) {
	t.Helper()
	spend, err := b.Store.JobSpend(t.Context(), d.Job)
	if err != nil {
		t.Fatal(err)
	}
	calls, nano := b.Paid()
	if spend.Settled != nano || spend.Calls < calls || d.LiveCost != nano {
		t.Errorf("books %+v and live cost %d, paid %d in %d calls", spend, d.LiveCost, nano, calls)
	}
}

func TestVendorFaultsCostNoExperience(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	b.Import(t, e, orders(5))
	b.Fault(t, lab.Fault{Vendor: "together", Kind: lab.FaultStatus, Status: 500}, 3)
	b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultStatus, Status: 503}, 3)
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	if j.State != job.StateSucceeded || d.Counts.Replayed != 5 || d.Counts.Judged != 5 {
		t.Fatalf("job %s %v, counts %+v", j.State, j.Error, d.Counts)
	}
	booksMatch(t, b, d)
}

func TestSliceThatFailsLeavesItsExperiences(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	b.Import(t, e, orders(4))
	b.SetRoute(t, "base", "groq/openai/gpt-oss-20b")
	b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultStatus, Status: 401}, 0)
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	if j.State != job.StateSucceeded || d.Counts.Rejected["failed"] != 4 {
		t.Fatalf("job %s %v, counts %+v", j.State, j.Error, d.Counts)
	}
	if n, err := b.Store.FreshCount(t.Context(), b.Tenant, 100); err != nil || n != 4 {
		t.Errorf("%d experiences wait for the next dream, %v", n, err)
	}
}

// TestCancelledDreamTellsWhatItKept looks at the counts while slices are still to come, as they
// stand where a dream is cancelled then.
func TestCancelledDreamTellsWhatItKept(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	asked := atomic.Int64{}
	e := b.Start(t, func(d *all.Deps) {
		d.Dream.SliceSize = 4
		d.Busy = func(ctx context.Context) (bool, error) {
			if asked.Add(1) < 60 {
				return false, nil
			}
			running, err := b.Store.RunningDream(ctx, b.Tenant)
			if err == nil && running.Counts.Kept > 0 && running.Counts.Rejected["failed"] == 0 {
				asked.Store(-1_000_000) // seen while it ran: let it end
			}
			return false, nil
		}
	})
	b.Import(t, e, orders(60))
	b.Dream(t, e, tasks.DreamInput{}, nil)
	if asked.Load() > 0 {
		t.Error("while it ran, the dream did not tell what it had kept")
	}
}

func TestBudgetEndsADreamEarly(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	b.Import(t, e, orders(12))
	budget := int64(2_000_000)
	d, j := b.Dream(t, e, tasks.DreamInput{}, &budget)
	spend, err := b.Store.JobSpend(t.Context(), d.Job)
	if err != nil || spend.Settled+spend.Reserved > budget {
		t.Errorf("spent %+v of %d, %v", spend, budget, err)
	}
	left := d.Counts.Rejected["budget"]
	if j.State != job.StateSucceeded || left == 0 || left == 12 || d.Counts.Kept == 0 {
		t.Errorf("job %s %v, counts %+v, spent %d", j.State, j.Error, d.Counts, spend.Settled)
	}
	if n, err := b.Store.FreshCount(t.Context(), b.Tenant, 100); err != nil || n != left {
		t.Errorf("%d of %d were left for the next dream, %v", n, left, err)
	}
}

func TestDreamsYieldToChats(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	asked := atomic.Int64{}
	e := b.Start(t, func(d *all.Deps) {
		d.Busy = func(context.Context) (bool, error) { return asked.Add(1)%4 == 0, nil }
	})
	b.Import(t, e, orders(6))
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	if j.State != job.StateSucceeded || d.Counts.Replayed != 6 || asked.Load() <= 6 {
		t.Fatalf("job %s %v, counts %+v, asked %d times", j.State, j.Error, d.Counts, asked.Load())
	}
	booksMatch(t, b, d)
}

// TestDreamsGiveWayToChatsThatRun has chats run now and then, and chats that never end: a dream goes on in their
// pauses, and beside them once it has waited for a pause long enough.
func TestDreamsGiveWayToChatsThatRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		givesWay time.Duration
		runs     func(n int64) bool
		waited   bool
	}{
		"now and then": {time.Hour, func(n int64) bool { return n%4 == 0 }, true},
		"for ever":     {time.Nanosecond, func(int64) bool { return true }, false},
		"at no matter": {0, func(int64) bool { return true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := handlertest.New(t)
			asked := atomic.Int64{}
			e := b.Start(t, func(d *all.Deps) {
				d.Dream.GivesWay = test.givesWay
				d.Live = func(context.Context) (bool, error) { return test.runs(asked.Add(1)), nil }
			})
			b.Import(t, e, orders(6))
			d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
			if j.State != job.StateSucceeded || d.Counts.Replayed != 6 || (asked.Load() > 6) != test.waited {
				t.Fatalf("job %s %v, counts %+v, asked %d times", j.State, j.Error, d.Counts, asked.Load())
			}
			booksMatch(t, b, d)
		})
	}
}

func TestSameRowIsKeptOnce(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	b.Import(t, e, orders(4))
	first, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	var again bytes.Buffer // the same words in other conversations
	for i, text := range bytes.Split(bytes.TrimSpace(orders(4)), []byte("\n")) {
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatal(err)
		}
		messages, ok := object["messages"].([]any)
		if !ok {
			t.Fatal("no messages")
		}
		again.Write(line(100+i, false, "", "", map[string]any{"messages": messages}))
	}
	b.Import(t, e, again.Bytes())
	second, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	if first.Counts.Kept == 0 || second.Counts.Rejected["duplicate"] != first.Counts.Kept {
		t.Errorf("first %+v, second %+v", first.Counts, second.Counts)
	}
}

func TestReRunSliceAsksNothingTwice(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	b.Import(t, e, orders(3))
	d, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	before, _ := b.Paid()
	children, _, err := b.Store.Jobs(t.Context(), b.Tenant, job.Filter{Parent: d.Job}, db.Page{Ascending: true})
	if err != nil {
		t.Fatal(err)
	}
	list, err := all.Handlers(b.Deps(e))
	if err != nil {
		t.Fatal(err)
	}
	end, err := list[tasks.DreamSlice](t.Context(), &tasks.Run{Job: children[0], Store: b.Store})
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := b.Paid(); after != before || !bytes.Equal(end.Result, children[0].Result) {
		t.Errorf("%d more calls, %s instead of %s", after-before, end.Result, children[0].Result)
	}
}
