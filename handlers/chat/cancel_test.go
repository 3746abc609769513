package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/book"
	"dreamlab/store/job"
	"dreamlab/store/redis"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

// TestCancelInTheMiddle cancels a chat whose vendor fell silent in the middle of
// its stream, at a worker that looks for cancelled jobs once an hour: it is told,
// and so is the client. Nothing here waits for a clock.
func TestCancelInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, streamed := range []bool{true, false} {
		t.Run(fmt.Sprintf("streamed %v", streamed), func(t *testing.T) {
			t.Parallel()
			handlertest.Each(t, func(t *testing.T, b *handlertest.Bench) { cancelOne(t, b, streamed) })
		})
	}
}

func cancelOne(t *testing.T, b *handlertest.Bench, streamed bool) {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second) // reached only where it fails
	defer cancel()
	fault := lab.Fault{Vendor: "together", Kind: lab.FaultHang}
	body := hello + `}`
	if streamed {
		fault = lab.Fault{Vendor: "together", Kind: lab.FaultStall, Chunks: 3}
		body = hello + `,"stream":true}`
	}
	b.Fault(t, fault, 0)
	e := b.Engine(t)
	asked := serveSleepy(t, b, e)
	j := accept(t, b, e, body)
	shown := make(chan redis.Event, 16)
	go follow(ctx, t, b, j.ID, shown)
	<-asked
	if streamed && (<-shown).Type != redis.Data {
		t.Fatal("the reply begins with no data")
	}
	if _, err := e.Cancel(ctx, b.Tenant, j.ID); err != nil {
		t.Fatal(err)
	}
	var last redis.Event
	for event := range shown {
		last = event
	}
	if last.Type != redis.Cancelled {
		t.Errorf("the reply ends with %q", last.Type)
	}
	ended, err := b.Store.AnyJob(t.Context(), j.ID)
	if err != nil || ended.State != job.StateCancelled {
		t.Errorf("the job is %s, %v", ended.State, err)
	}
	entries := b.Entries(t, j.ID) // one that shows nothing may be cancelled before its call
	if len(entries) > 1 || streamed && len(entries) == 0 || len(entries) == 1 && entries[0].State == book.EntryOpen {
		t.Errorf("books: %+v", entries)
	}
}

// serveSleepy runs a worker that has to be told, and returns once it listens.
// The channel tells of each run of a handler.
func serveSleepy(t *testing.T, b *handlertest.Bench, e *engine.Engine) <-chan string {
	t.Helper()
	list, err := all.Handlers(b.Deps(e))
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 8)
	inner := list[tasks.ChatRun]
	list[tasks.ChatRun] = func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		asked <- run.Job.ID
		return inner(ctx, run)
	}
	worker, err := e.Worker(engine.WorkerOptions{Handlers: list, Look: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := worker.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	const channel = "dreamlab:cancel"
	for listening := int64(0); listening == 0; {
		heard, err := b.Queue.Client.PubSubNumSub(t.Context(), channel).Result()
		if err != nil {
			t.Fatal(err)
		}
		listening = heard[channel]
	}
	return asked
}

func accept(t *testing.T, b *handlertest.Bench, e *engine.Engine, body string) job.Job {
	t.Helper()
	request, err := tasks.ParseChat([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(request.Input([]byte(body), "assistant"))
	if err != nil {
		t.Fatal(err)
	}
	job, _, err := e.Accept(t.Context(), job.NewJob{Tenant: b.Tenant, Kind: string(tasks.ChatRun), Input: input,
		Attached: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// follow hands on what a client would see.
func follow(ctx context.Context, t *testing.T, b *handlertest.Bench, job string, shown chan<- redis.Event) {
	defer close(shown)
	ctx, stop := context.WithCancel(ctx)
	reader := redis.NewReader(b.Queue.Client, string(tasks.Chat))
	var reading sync.WaitGroup
	reading.Go(func() {
		if err := reader.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer reading.Wait()
	defer stop()
	for event, err := range reader.Follow(ctx, job, "") {
		if err != nil {
			t.Errorf("follow: %v", err)
			return
		}
		shown <- event
	}
}

// A reply's cancellation is read by those who have seen some of it and by those
// who have not, and a retry writes on behind it.
func TestCancelledWhileQueued(t *testing.T) {
	t.Parallel()
	handlertest.Each(t, func(t *testing.T, b *handlertest.Bench) {
		reader := redis.NewReader(b.Queue.Client, string(tasks.Chat))
		var seen []string
		see := func(job string) {
			shown := make(chan redis.Event, 16)
			go follow(t.Context(), t, b, job, shown)
			for event := range shown {
				seen = append(seen, event.ID+" "+string(event.Type))
			}
		}
		first := b.Replies.Writer(string(tasks.Chat), "job_1", 1)
		err := errors.Join(first.Data(t.Context(), []byte("{}")), reader.Cancelled(t.Context(), "job_1", 1),
			reader.Cancelled(t.Context(), "job_1", 1), reader.Cancelled(t.Context(), "job_2", 0))
		if err != nil {
			t.Fatal(err)
		}
		see("job_1")
		see("job_2")
		if err := b.Replies.Writer(string(tasks.Chat), "job_2", 1).End(t.Context()); err != nil {
			t.Errorf("a retry can not write: %v", err)
		}
		if got := strings.Join(seen, ", "); got != "1-1 data, 2-0 cancelled, 1-0 cancelled" {
			t.Errorf("seen: %s", got)
		}
	})
}
