package providers_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/pace"
)

// leaves answers with what the vendor says is left of a minute's requests.
func leaves(left int64, then step) step {
	return func(ctx context.Context, sink providers.Sink) (*providers.Reply, error) {
		providers.Heard(ctx, []providers.Allowance{{Unit: providers.Requests, Limit: 10, Left: left, Reset: time.Minute}})
		return then(ctx, sink)
	}
}

// TestUsedUpBudgets has a vendor whose limit is used up: the next is asked, and where
// there is none the call fails at once and says when to come back.
func TestUsedUpBudgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]step{"cheap": {leaves(0, says("c"))}, "dear": {says("d")}})
		w.route(t, providers.RouterOptions{Pace: pace.New(nil, nil)})
		for i, want := range []string{"cheap", "dear"} {
			answer, err := w.ask(t.Context(), at("cheap", "dear"))
			if err != nil || answer.Target.Provider != want {
				t.Errorf("call %d: %+v, %v, want %s", i, answer, err, want)
			}
		}
		began := time.Now()
		_, err := w.ask(t.Context(), at("cheap"))
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != providers.KindRateLimit || e.Status != 0 || e.RetryAfter < 59*time.Second {
			t.Errorf("alone: %v, want a rate limit with a minute to wait", err)
		}
		if waited := time.Since(began); waited != 0 || w.vendors["cheap"].calls != 1 {
			t.Errorf("waited %v, asked %d times", waited, w.vendors["cheap"].calls)
		}
		time.Sleep(time.Minute)
		if answer, err := w.ask(t.Context(), at("cheap")); err != nil || answer.Target.Provider != "cheap" {
			t.Errorf("after a minute: %+v, %v", answer, err)
		}
	})
}

// TestShortWaitsForABudget waits where the budget is there again soon.
func TestShortWaitsForABudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]step{"cheap": {leaves(0, says("c"))}})
		w.route(t, providers.RouterOptions{Pace: pace.New(nil, nil)})
		for range 2 {
			if _, err := w.ask(t.Context(), at("cheap")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Second)
		}
		if calls := w.vendors["cheap"].calls; calls != 2 || len(w.books.tries) != 2 {
			t.Errorf("asked %d times, %d entries", calls, len(w.books.tries))
		}
	})
}
