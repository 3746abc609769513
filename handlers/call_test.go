package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/money"
	"dreamlab/tasks"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func question(text string) providers.Request {
	return providers.Request{Messages: []providers.Message{providers.TextMessage("user", text)}, Settings: completion.Settings{MaxTokens: 64}}
}

func step(t *testing.T, b *handlertest.Bench, text string) handlers.Step {
	t.Helper()
	tiers, err := b.Caller().Resolve(t.Context(), b.Store.Queries, b.Tenant, "base", "")
	if err != nil {
		t.Fatal(err)
	}
	return handlers.Step{Name: "answer", Purpose: "chat", Request: question(text), Tiers: tiers}
}

func claim(t *testing.T, b *handlertest.Bench) *tasks.Run {
	t.Helper()
	return b.Claim(t, job.NewJob{Kind: string(tasks.DreamSlice)}, struct{}{})
}

func TestAnswerIsPaidOnceAndReused(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	run, s := claim(t, b), step(t, b, "What are your opening hours?")
	first, err := b.Caller().Ask(t.Context(), run, s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.Caller().Ask(t.Context(), run, s)
	if err != nil {
		t.Fatal(err)
	}
	if !again.Reused || again.Reply.Content != first.Reply.Content || again.Target != first.Target {
		t.Errorf("the second answer is not the first: %+v", again)
	}
	calls, nano := b.Paid()
	entries := b.Entries(t, run.Job.ID)
	if calls != 1 || len(entries) != 1 {
		t.Fatalf("%d calls, %d entries: want one of each", calls, len(entries))
	}
	if e := entries[0]; e.State != book.EntrySettled || e.Settled != nano || e.Settled > e.Reserved || nano == 0 {
		t.Errorf("the vendor was paid %d, the books say %+v", nano, e)
	}
}

// TestBooksSayHowACallIsPriced keeps the tier that was asked for, or that the answer names, and the price's day: of
// tries that failed, too.
func TestBooksSayHowACallIsPriced(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	s := step(t, b, "What are your opening hours?")
	s.Tiers = [][]providers.Target{{{Provider: "groq", Model: "openai/gpt-oss-20b"}}}
	s.Request.Options = map[string]json.RawMessage{"service_tier": json.RawMessage(`"flex"`)}
	price, err := b.Prices.Price("groq", "openai/gpt-oss-20b", time.Now())
	if err != nil || price.From.IsZero() {
		t.Fatalf("the price has no day: %+v, %v", price, err)
	}
	b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultStatus, Status: 503}, 1)
	var tiers []string
	for range 2 { // the first is answered in the usual tier, after the slower one was full
		run := claim(t, b)
		if _, err := b.Caller().Ask(t.Context(), run, s); err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Entries(t, run.Job.ID) {
			tiers = append(tiers, string(e.State)+" "+e.Tier)
			if !e.Priced.Equal(price.From) {
				t.Errorf("%s is priced by the price of %v, not of %v", e.ID, e.Priced, price.From)
			}
		}
	}
	if want := []string{"void flex", "settled ", "settled flex"}; !slices.Equal(tiers, want) {
		t.Errorf("the tries are %q, not %q", tiers, want)
	}
}

func TestOtherRequestUnderSameStepFails(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	run := claim(t, b)
	if _, err := b.Caller().Ask(t.Context(), run, step(t, b, "one")); err != nil {
		t.Fatal(err)
	}
	_, err := b.Caller().Ask(t.Context(), run, step(t, b, "two"))
	if !handlers.Failed(err, "internal") {
		t.Fatalf("got %v, want a final internal failure", err)
	}
	if calls, _ := b.Paid(); calls != 1 {
		t.Errorf("%d calls were paid", calls)
	}
}

func TestLostAnswerStaysOnTheBooks(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	b.Fault(t, lab.Fault{Vendor: "together", Kind: lab.FaultDropAfter}, 1)
	run := claim(t, b)
	answered, err := b.Caller().Ask(t.Context(), run, step(t, b, "Hello?"))
	if err != nil {
		t.Fatal(err)
	}
	states := map[book.EntryState]int{}
	for _, e := range b.Entries(t, run.Job.ID) {
		states[e.State]++
	}
	if answered.Tries != 2 || states[book.EntryUnknown] != 1 || states[book.EntrySettled] != 1 {
		t.Errorf("tries %d, entries %v: want one unknown and one settled", answered.Tries, states)
	}
}

func TestFencedWorkerSettlesItsEntryAlone(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	run, s := claim(t, b), step(t, b, "Hello?")
	s.Sink = func(providers.Chunk) error {
		if run.Job.Epoch == 1 {
			b.Lose(t, run)
			run.Job.Epoch = -1 // once
		}
		return nil
	}
	lost := *run
	lost.Job.Epoch = 1
	if _, err := b.Caller().Ask(t.Context(), &lost, s); !errors.Is(err, db.ErrFenced) {
		t.Fatalf("got %v, want ErrFenced", err)
	}
	if _, err := b.Store.Effect(t.Context(), run.Job.ID, s.Name); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("a fenced worker stored its answer: %v", err)
	}
	entries := b.Entries(t, run.Job.ID)
	_, nano := b.Paid()
	if len(entries) != 1 || entries[0].State != book.EntrySettled || entries[0].Settled != nano {
		t.Errorf("paid %d, books %+v", nano, entries)
	}
}

func TestFencedBeforeTheCallPaysNothing(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	run := claim(t, b)
	b.Lose(t, run)
	if _, err := b.Caller().Ask(t.Context(), run, step(t, b, "Hello?")); !errors.Is(err, db.ErrFenced) {
		t.Fatalf("got %v, want ErrFenced", err)
	}
	if calls, _ := b.Paid(); calls != 0 {
		t.Errorf("%d calls were paid", calls)
	}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		budget book.Budget
		within *handlers.Within
		code   string
		spent  bool
	}{
		{"room", book.Budget{Nano: money.Dollar}, nil, "", false},
		{"other purpose", book.Budget{Purpose: "replay", Nano: 0}, nil, "", false},
		{"other tenant", book.Budget{Tenant: "ten_other", Nano: 0}, nil, "", false},
		{"day", book.Budget{Nano: 1}, nil, "insufficient_quota", false},
		{"month of purpose", book.Budget{Purpose: "chat", Nano: 1, Monthly: true}, nil, "insufficient_quota", false},
		{"the job's own", book.Budget{Nano: money.Dollar}, &handlers.Within{Nano: 1}, "insufficient_quota", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := handlertest.New(t)
			run, s := claim(t, b), step(t, b, "Hello?")
			if s.Within = test.within; s.Within != nil {
				s.Within.Job = run.Job.ID
			}
			_, err := b.Caller(test.budget).Ask(t.Context(), run, s)
			if (err != nil) != (test.code != "") || err != nil && !handlers.Failed(err, test.code) {
				t.Fatalf("got %v, want %q", err, test.code)
			}
			if test.spent != strings.Contains(fmt.Sprint(err), "its own budget is used up") {
				t.Errorf("the refusal is %v", err)
			}
			if entries := b.Entries(t, run.Job.ID); test.code != "" && len(entries) != 0 {
				t.Errorf("a refused call left %+v", entries)
			}
		})
	}
}

func TestDatabaseAwayKeepsTheAnswer(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	run, s := claim(t, b), step(t, b, "Hello?")
	tries := 0
	s.Write = func(context.Context, *store.Queries, *handlers.Answered) error {
		if tries++; tries < 3 {
			return db.ErrBusy
		}
		return nil
	}
	caller := handlers.NewCaller(handlers.CallerOptions{
		Router: b.Router, Prices: b.Prices,
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if _, err := caller.Ask(t.Context(), run, s); err != nil {
		t.Fatal(err)
	}
	if calls, _ := b.Paid(); calls != 1 || tries != 3 {
		t.Errorf("%d calls paid, stored at try %d", calls, tries)
	}
}

// TestStopKeepsTheAnswer has a worker stop while it can not store what it paid.
func TestStopKeepsTheAnswer(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	run, s := claim(t, b), step(t, b, "Hello?")
	ctx, stop := context.WithCancelCause(t.Context())
	tries := 0
	s.Write = func(context.Context, *store.Queries, *handlers.Answered) error {
		if tries++; tries < 3 {
			stop(tasks.ErrDraining)
			return db.ErrBusy
		}
		return nil
	}
	caller := handlers.NewCaller(handlers.CallerOptions{
		Router: b.Router, Prices: b.Prices,
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if _, err := caller.Ask(ctx, run, s); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Store.Effect(t.Context(), run.Job.ID, "answer"); err != nil || tries != 3 {
		t.Errorf("stored at try %d: %v", tries, err)
	}
}
