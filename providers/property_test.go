package providers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dreamlab/providers"
)

var everyKind = []providers.Kind{
	providers.KindInvalid, providers.KindContext, providers.KindContentFilter, providers.KindModelOutput,
	providers.KindAuth, providers.KindModelGone, providers.KindRateLimit, providers.KindQuota,
	providers.KindCapacity, providers.KindCold, providers.KindTimeout, providers.KindServer, providers.KindTruncated, "",
}

// TestRouterInvariants drives the router through random vendors by a clock
// that jumps over every wait.
func TestRouterInvariants(t *testing.T) {
	t.Parallel()
	pricer := loadPrices(t)
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		drivers := map[string]providers.Driver{}
		var actors []*actor
		var kinds []providers.Kind // in the order in which they came about
		for _, name := range []string{"cheap", "dear", "spare"} {
			var script []step
			for i := range 5 {
				kind := rapid.SampledFrom(everyKind).Draw(t, fmt.Sprint(name, i))
				wait := rapid.IntRange(0, 20).Draw(t, fmt.Sprint(name, i, "wait"))
				script = append(script, func(ctx context.Context, sink providers.Sink) (*providers.Reply, error) {
					kinds = append(kinds, kind)
					if kind == "" {
						return says("x")(ctx, sink)
					}
					return failsWith(providers.Error{Kind: kind, RetryAfter: time.Duration(wait) * time.Second})(ctx, sink)
				})
			}
			actors = append(actors, &actor{script: script})
			drivers[name] = actors[len(actors)-1]
		}
		router := providers.NewRouter(providers.RouterOptions{
			Drivers: drivers, Prices: pricer, Now: func() time.Time { return now },
			Sleep: func(_ context.Context, wait time.Duration) error { now = now.Add(wait); return nil },
		})
		ledger, tries := &books{}, rapid.IntRange(1, 8).Draw(t, "tries")
		answer, err := router.Chat(context.Background(), providers.Call{
			Tiers: [][]providers.Target{at("cheap", "dear"), at("spare")}, Ledger: ledger,
			Limits: providers.Limits{Tries: tries},
		})
		checkBooks(t, ledger, kinds, tries, answer, err)
	})
}

func checkBooks(
	t *rapid.T, ledger *books, kinds []providers.Kind, tries int, answer *providers.Answer, err error,
) {
	if (answer == nil) == (err == nil) {
		t.Fatalf("answer %v with error %v", answer, err)
	}
	if len(ledger.tries) != len(kinds) || len(kinds) > tries {
		t.Fatalf("%d entries for %d calls of %d allowed", len(ledger.tries), len(kinds), tries)
	}
	open := len(ledger.tries) - len(ledger.outcomes)
	if (err == nil) != (open == 1) || open > 1 {
		t.Fatalf("%d entries are open, error %v", open, err)
	}
	malformed := 0
	for i, kind := range kinds {
		if kind == providers.KindModelOutput {
			malformed++
		}
		if last := i == len(kinds)-1; !last && !kind.Retryable() && !kind.FailsOver() {
			t.Fatalf("called on after %s: %v", kind, kinds)
		}
	}
	if malformed > 2*3 {
		t.Fatalf("a malformed answer was asked for too often: %v", kinds)
	}
	var e *providers.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("the error %v holds no failure", err)
	}
}

// BenchmarkRouter measures what the router adds to a call.
func BenchmarkRouter(b *testing.B) {
	w := newWorld(b, map[string][]step{"cheap": {says("c")}, "dear": {says("d")}})
	call := providers.Call{Tiers: [][]providers.Target{at("cheap", "dear")}, Ledger: discard{}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.router.Chat(b.Context(), call); err != nil {
			b.Fatal(err)
		}
	}
}

// discard is a ledger for measuring.
type discard struct{}

func (discard) Reserve(context.Context, providers.Try) (string, error) { return "", nil }
func (discard) End(context.Context, string, providers.Outcome) error   { return nil }
