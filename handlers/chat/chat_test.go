package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/handlers"
	"dreamlab/handlers/chat"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/redis"
	"dreamlab/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked is a chat that was put to the handler.
type asked struct {
	*handlertest.Bench
	run *tasks.Run
	end *tasks.End
	err error
}

func ask(t *testing.T, b *handlertest.Bench, job job.NewJob, body string) *asked {
	t.Helper()
	job.Kind = string(tasks.ChatRun)
	a := &asked{Bench: b, run: b.Claim(t, job, inputOf(t, body))}
	return a.again(t)
}

func inputOf(t *testing.T, body string) tasks.ChatInput {
	t.Helper()
	request, err := tasks.ParseChat([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return request.Input([]byte(body), request.Model)
}

// again runs the handler on the same claim.
func (a *asked) again(t *testing.T) *asked {
	handler := chat.New(chat.Options{Caller: a.Caller(), Replies: a.Replies})
	a.end, a.err = handler(t.Context(), a.run)
	return a
}

// events returns what stands in the reply stream.
func (a *asked) events(t *testing.T) (lines []string, last redis.EventType, body string) {
	t.Helper()
	entries, err := a.Queue.Client.XRange(t.Context(), "dreamlab:{chat}:reply:"+a.run.Job.ID, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		kind, _ := entry.Values["t"].(string)
		body, _ = entry.Values["b"].(string)
		if last = redis.EventType(kind); last == redis.Data {
			lines = append(lines, strings.Split(body, "\n")...)
		}
	}
	return lines, last, body
}

type completion struct {
	ID, Object, Model string
	Choices           []struct {
		Message, Delta struct{ Role, Content string }
		Finish         *string `json:"finish_reason"`
	}
	Usage *struct {
		Total int `json:"total_tokens"`
	}
	Dreamlab *struct {
		Job, Provider, Model, Cache string
		Calls                       int
		Cost                        json.Number `json:"cost_usd"`
		Sandbox                     bool
	}
}

func parse(t *testing.T, text string) completion {
	t.Helper()
	var c completion
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return c
}

const hello = `{"model":"assistant","messages":[{"role":"user","content":"Where is my order?"}],"max_tokens":50`

func TestWholeAnswer(t *testing.T) {
	t.Parallel()
	a := ask(t, handlertest.New(t), job.NewJob{Attached: true}, hello+`,"metadata":{"conversation_id":"c1"}}`)
	if a.err != nil {
		t.Fatal(a.err)
	}
	job := a.Finish(t, a.run, a.end)
	lines, last, _ := a.events(t)
	if len(lines) != 1 || last != redis.End || lines[0] != string(job.Result) {
		t.Fatalf("the reply is %q, then %s", lines, last)
	}
	c := parse(t, lines[0])
	if c.ID != "chatcmpl-"+strings.TrimPrefix(job.ID, "job_") || c.Model != c.Dreamlab.Provider+"/"+c.Dreamlab.Model || c.Usage == nil {
		t.Errorf("got %+v", c)
	}
	if d := c.Dreamlab; d == nil || d.Job != job.ID || d.Provider != "together" || d.Calls != 1 || !d.Sandbox || d.Cost == "" {
		t.Errorf("dreamlab is %+v", c.Dreamlab)
	}
	rows, _, err := a.Store.Experiences(t.Context(), a.Tenant, learn.ExperienceFilter{Conversation: "c1"}, db.Page{})
	if err != nil || len(rows) != 1 || rows[0].Origin != learn.OriginLive || rows[0].Job != job.ID {
		t.Errorf("experiences: %+v, %v", rows, err)
	}
	_, paid := a.Paid()
	if e := a.Entries(t, job.ID); len(e) != 1 || e[0].State != book.EntrySettled || e[0].Settled != paid {
		t.Errorf("paid %d, books %+v", paid, e)
	}
}

func TestStreamedAnswer(t *testing.T) {
	t.Parallel()
	for _, usage := range []bool{false, true} {
		body := hello + `,"stream":true`
		if usage {
			body += `,"stream_options":{"include_usage":true}`
		}
		a := ask(t, handlertest.New(t), job.NewJob{Attached: true}, body+`}`)
		if a.err != nil {
			t.Fatal(a.err)
		}
		if lines, _, _ := a.events(t); len(lines) == 0 || strings.Contains(strings.Join(lines, ""), "[DONE]") {
			t.Errorf("before the commit: %q", lines)
		}
		a.checkHead(t)
		job := a.Finish(t, a.run, a.end)
		lines, last, _ := a.events(t)
		if last != redis.End || lines[len(lines)-1] != "[DONE]" {
			t.Fatalf("the reply ends with %s after %q", last, lines[len(lines)-1])
		}
		a.checkChunks(t, lines[:len(lines)-1], parse(t, string(job.Result)), usage)
	}
}

// checkHead holds the first entry of a reply, and it alone, to what is known then.
func (a *asked) checkHead(t *testing.T) {
	t.Helper()
	entries, err := a.Queue.Client.XRange(t.Context(), "dreamlab:{chat}:reply:"+a.run.Job.ID, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for i, entry := range entries {
		head, _ := entry.Values["h"].(string)
		want := `{"job":"` + a.run.Job.ID + `","provider":"together","model":"openai/gpt-oss-20b","calls":1,"cache":"bypass"}`
		if (i == 0) != (head == want) || i > 0 && head != "" {
			t.Errorf("the head of entry %d is %q", i, head)
		}
	}
}

func (a *asked) checkChunks(t *testing.T, lines []string, whole completion, usage bool) {
	t.Helper()
	text, finished := "", 0
	for i, line := range lines {
		c := parse(t, line)
		if c.ID != whole.ID || c.Model != whole.Model || c.Object != "chat.completion.chunk" {
			t.Errorf("chunk %s", line)
		}
		if (c.Usage != nil) != (usage && i == len(lines)-1) || (c.Dreamlab != nil) != (i == len(lines)-1) {
			t.Errorf("chunk %d of %d: %s", i, len(lines), line)
		}
		for _, choice := range c.Choices {
			text += choice.Delta.Content
			if choice.Finish != nil {
				finished++
			}
		}
	}
	if text == "" || text != whole.Choices[0].Message.Content || finished != 1 {
		t.Errorf("streamed %q, finished %d times, the result is %+v", text, finished, whole)
	}
}

func TestNothingIsKeptOfStoreFalse(t *testing.T) {
	t.Parallel()
	a := ask(t, handlertest.New(t), job.NewJob{Attached: true, Private: true}, hello+`,"store":false}`)
	if a.err != nil {
		t.Fatal(a.err)
	}
	job := a.Finish(t, a.run, a.end)
	if len(job.Result) == 0 {
		t.Error("the answer is gone before it was delivered")
	}
	if err := a.Store.ShiftClock(t.Context(), 11*time.Minute); err != nil {
		t.Fatal(err)
	}
	err := a.Store.Tx(t.Context(), db.Relaxed, func(q *store.Queries) error {
		_, err := q.ClearPrivate(t.Context(), time.Hour)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if job, err = a.Store.AnyJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	rows, _, err := a.Store.Experiences(t.Context(), a.Tenant, learn.ExperienceFilter{}, db.Page{})
	if err != nil || len(rows) != 0 || len(job.Result) != 0 || strings.Contains(string(job.Input), "order") {
		t.Errorf("kept: %v, %s, %s, %v", rows, job.Input, job.Result, err)
	}
	if _, err := a.Store.Effect(t.Context(), job.ID, "answer"); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("the effect is still there: %v", err)
	}
	if lines, last, _ := a.events(t); len(lines) != 1 || last != redis.End {
		t.Errorf("the reply is %q, then %s", lines, last)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	refused := lab.Fault{Vendor: "together", Kind: lab.FaultStatus, Status: 400}
	down := lab.Fault{Vendor: "together", Kind: lab.FaultStatus, Status: 500}
	cut := lab.Fault{Vendor: "together", Kind: lab.FaultTruncate, Chunks: 4}
	tests := []struct {
		name, body, code string
		fault            lab.Fault
		attempts         int
		told             bool
	}{
		{"refused", hello + `}`, "invalid_request", refused, 5, true},
		{"down", hello + `}`, "vendor_unavailable", down, 5, true},
		{"cut after something was shown", hello + `,"stream":true}`, "stream_interrupted", cut, 5, true},
		{"no such model", `{"model":"nobody","messages":[{"role":"user","content":"x"}]}`, "model_not_found", cut, 5, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := handlertest.New(t)
			b.Fault(t, test.fault, 0)
			a := ask(t, b, job.NewJob{Attached: true, MaxAttempts: test.attempts}, test.body)
			if !handlers.Failed(a.err, test.code) {
				t.Fatalf("got %v, want %s", a.err, test.code)
			}
			_, last, body := a.events(t)
			if told := last == redis.Error; told != test.told || told && !strings.Contains(body, test.code) {
				t.Errorf("the reply ends with %q %q", last, body)
			}
		})
	}
}

func TestSecondEpochDoesNotAnswerOverTheFirst(t *testing.T) {
	t.Parallel()
	for _, attached := range []bool{true, false} {
		a := ask(t, handlertest.New(t), job.NewJob{Attached: attached}, hello+`,"stream":true}`)
		if a.err != nil {
			t.Fatal(a.err)
		}
		a.Lose(t, a.run)
		a.run.Job.Epoch++
		before, _ := a.Paid()
		a.again(t)
		after, _ := a.Paid()
		if handlers.Failed(a.err, "stream_interrupted") != attached || (after == before) != attached {
			t.Errorf("attached %v: %v, %d more calls", attached, a.err, after-before)
		}
	}
}

func TestFencedAnswerIsSettledAlone(t *testing.T) {
	t.Parallel()
	a := ask(t, handlertest.New(t), job.NewJob{}, hello+`}`)
	if a.err != nil {
		t.Fatal(a.err)
	}
	a.Lose(t, a.run)
	if err := a.end.Fenced(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, paid := a.Paid()
	if e := a.Entries(t, a.run.Job.ID); len(e) != 1 || e[0].Settled != paid || e[0].State != book.EntrySettled {
		t.Errorf("paid %d, books %+v", paid, e)
	}
}

// TestMemoryStandsInFront asks until a chat had the lesson and another was left without it: both
// are noted, and neither keeps the lesson in its prompt.
func TestMemoryStandsInFront(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	err := b.Store.AddMemory(t.Context(), learn.Memory{
		ID: "mem_1", Tenant: b.Tenant, Dream: "drm_1", Lessons: []learn.Lesson{{Text: "Ask for the order number.", Reflections: []string{"rfl_1"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for asked := 1; asked <= 400; asked++ {
		talk := fmt.Sprintf(`,"metadata":{"conversation_id":"talk-%d"},"dreamlab":{"memory":true}}`, asked)
		a := ask(t, b, job.NewJob{}, hello+talk)
		if a.err != nil {
			t.Fatal(a.err)
		}
		a.Finish(t, a.run, a.end)
		rows, _, err := b.Store.Experiences(t.Context(), b.Tenant, learn.ExperienceFilter{}, db.Page{Limit: 1})
		if err != nil || len(rows) != 1 || strings.Contains(string(rows[0].Prompt), "number") {
			t.Fatalf("got %+v, %v", rows, err)
		}
		uses, err := b.Store.LessonUses(t.Context(), b.Tenant, time.Unix(0, 0))
		if use := uses["rfl_1"]; err != nil || use.Shown+use.Left != asked {
			t.Fatalf("after %d chats %+v, %v", asked, use, err)
		} else if use.Shown > 0 && use.Left > 0 {
			return
		}
	}
	t.Error("the lesson was in all chats, or in none")
}

func TestRedisAwayLosesNoPaidAnswer(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	away, err := redis.Open("redis://127.0.0.1:1/0?dial_timeout=50ms&max_retries=-1")
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close() //nolint:errcheck // nothing was sent
	b.Replies = redis.NewReplies(away.Client)
	a := ask(t, b, job.NewJob{Attached: true}, hello+`,"stream":true}`)
	if a.err != nil {
		t.Fatal(a.err)
	}
	then := a.end.Then
	a.end.Then = nil
	j := a.Finish(t, a.run, a.end)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if j.State != job.StateSucceeded || len(j.Result) == 0 || then(ctx) == nil {
		t.Errorf("job %s with %q; a reply that could not be written is told", j.State, j.Result)
	}
}
