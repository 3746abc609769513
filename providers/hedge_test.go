package providers_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
)

// after waits, and then does what comes then, unless it is cancelled meanwhile.
func after(wait time.Duration, then step) step {
	return func(ctx context.Context, sink providers.Sink) (*providers.Reply, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
			return then(ctx, sink)
		}
	}
}

// hedge asks with a hedge of a second, streamed, and returns what was shown and how long
// it took.
func (w *world) hedge(ctx context.Context, limits providers.Limits) (answer *providers.Answer, shown string, took time.Duration, err error) {
	began := time.Now()
	answer, err = w.router.Chat(ctx, providers.Call{
		Tiers: [][]providers.Target{at("cheap", "dear")}, Ledger: w.books, Hedge: time.Second, Limits: limits,
		Sink: func(c providers.Chunk) error { shown += string(c.Data); return nil },
	})
	return answer, shown, time.Since(began), err
}

func TestHedge(t *testing.T) {
	t.Parallel()
	const second = time.Second
	refused := failsWith(providers.Error{Kind: providers.KindInvalid})
	cases := map[string]struct {
		cheap, dear step
		limits      providers.Limits
		from        string // who answers; "" for none
		took        time.Duration
		tries       int
	}{
		"in time":                {cheap: after(second/2, says("c")), dear: says("d"), from: "cheap", took: second / 2, tries: 1},
		"the other is faster":    {cheap: after(9*second, says("c")), dear: after(second, says("d")), from: "dear", took: 2 * second, tries: 2},
		"the other is slower":    {cheap: after(3*second, says("c")), dear: after(9*second, says("d")), from: "cheap", took: 3 * second, tries: 2},
		"the first fails":        {cheap: after(2*second, fails(providers.KindBilling)), dear: after(3*second, says("d")), from: "dear", took: 4 * second, tries: 2},
		"the other fails":        {cheap: after(3*second, says("c")), dear: fails(providers.KindBilling), from: "cheap", took: 3 * second, tries: 2},
		"both fail":              {cheap: after(2*second, fails(providers.KindBilling)), dear: after(2*second, fails(providers.KindAuth)), took: 3 * second, tries: 2},
		"what no other can cure": {cheap: after(2*second, refused), dear: after(9*second, says("d")), took: 2 * second, tries: 2},
		"fails before the hedge": {cheap: after(second/2, fails(providers.KindBilling)), dear: says("d"), from: "dear", took: second / 2, tries: 2},
		"one try is allowed":     {cheap: after(3*second, says("c")), dear: says("d"), limits: providers.Limits{Tries: 1}, from: "cheap", took: 3 * second, tries: 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string][]step{"cheap": {c.cheap}, "dear": {c.dear}})
				answer, shown, took, err := w.hedge(t.Context(), c.limits)
				if (err == nil) != (c.from != "") || took != c.took {
					t.Fatalf("%v after %v, want %v", err, took, c.took)
				}
				if c.from != "" && (answer.Target.Provider != c.from || shown != `{"role":1}`+c.from[:1]) {
					t.Errorf("%s answered, shown %s, want %s", answer.Target, shown, c.from)
				}
				open := len(w.books.tries) - len(w.books.outcomes)
				if len(w.books.tries) != c.tries || (open == 1) != (err == nil) || open > 1 {
					t.Errorf("%d tries, %d open, want %d tries", len(w.books.tries), open, c.tries)
				}
			})
		})
	}
}

// TestHedgeIsOnTheBooks has the slower try cancelled and kept as one that may be billed.
func TestHedgeIsOnTheBooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]step{"cheap": {after(20*time.Second, says("c"))}, "dear": {says("d")}})
		answer, _, _, err := w.hedge(t.Context(), providers.Limits{})
		if err != nil || answer.Tries != 2 || answer.Entry != "entry-2" {
			t.Fatalf("%+v, %v", answer, err)
		}
		lost := w.books.outcomes[0]
		if lost.Charge != providers.ChargeUnknown || providers.KindOf(lost.Err) != providers.KindCancelled {
			t.Errorf("the slower try ended as %+v", lost)
		}
		if _, err := w.ask(t.Context(), at("cheap")); err != nil {
			t.Errorf("the vendor that lost is not asked any more: %v", err)
		}
	})
}

// TestHedgeWithoutMoney goes on with the first alone where the second can not be reserved.
func TestHedgeWithoutMoney(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]step{"dear": {says("d")}})
		poor := errors.New("no money")
		w.vendors["cheap"] = &actor{script: []step{func(ctx context.Context, sink providers.Sink) (*providers.Reply, error) {
			w.books.mu.Lock()
			w.books.refuse = poor
			w.books.mu.Unlock()
			return after(3*time.Second, says("c"))(ctx, sink)
		}}}
		w.limit(t, nil)
		answer, shown, took, err := w.hedge(t.Context(), providers.Limits{})
		if err != nil || answer.Target.Provider != "cheap" || took != 3*time.Second || w.vendors["dear"].calls != 0 {
			t.Errorf("%+v, %q after %v, %v", answer, shown, took, err)
		}
	})
}
