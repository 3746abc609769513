package providers_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
)

// report is a weather shared by several routers.
type report struct {
	mu     sync.Mutex
	closed map[providers.Target]time.Time
	asked  int
}

func (r *report) Closed(_ context.Context, targets []providers.Target) map[providers.Target]time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	found := map[providers.Target]time.Time{}
	for _, target := range targets {
		if until, ok := r.closed[target]; ok {
			found[target] = until
		}
	}
	return found
}

func (r *report) Close(_ context.Context, target providers.Target, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed[target] = until
}

func TestBreakerOpensProbesAndCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := fails(providers.KindServer)
		w := newWorld(t, map[string][]step{
			"cheap": {down, down, down, down, down, down, says("c")}, "dear": {says("d")},
		})
		ask := func() string {
			answer, err := w.ask(t.Context(), at("cheap", "dear"))
			if err != nil {
				t.Fatal(err)
			}
			return answer.Target.Provider
		}
		for range 10 {
			if from := ask(); from != "dear" {
				t.Fatalf("answered by %s, want dear", from)
			}
		}
		if calls := w.vendors["cheap"].calls; calls != 5 {
			t.Errorf("a failing vendor was asked %d times before its breaker opened, want 5", calls)
		}
		time.Sleep(11 * time.Second) // the bubble's clock
		if from := ask(); from != "dear" || w.vendors["cheap"].calls != 6 {
			t.Errorf("the probe failed, answered by %s after %d calls", from, w.vendors["cheap"].calls)
		}
		time.Sleep(11 * time.Second)
		if from := ask(); from != "dear" || w.vendors["cheap"].calls != 6 {
			t.Errorf("the second opening is no longer than the first: %d calls", w.vendors["cheap"].calls)
		}
		time.Sleep(11 * time.Second)
		if from := ask(); from != "cheap" {
			t.Errorf("answered by %s after the vendor came back, want cheap", from)
		}
		if from := ask(); from != "cheap" {
			t.Errorf("the breaker stayed open after a good probe: %s", from)
		}
	})
}

func TestBreakerAloneSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]step{"cheap": {fails(providers.KindBilling), says("c")}})
		_, first := w.ask(t.Context(), at("cheap"))
		_, second := w.ask(t.Context(), at("cheap"))
		for _, err := range []error{first, second} {
			if providers.KindOf(err) != providers.KindBilling {
				t.Errorf("got %v, want billing", err)
			}
		}
		if w.vendors["cheap"].calls != 1 {
			t.Errorf("asked %d times, want once", w.vendors["cheap"].calls)
		}
		time.Sleep(time.Minute)
		if _, err := w.ask(t.Context(), at("cheap")); err != nil {
			t.Errorf("after the pause: %v", err)
		}
	})
}

func TestWeatherIsSharedBetweenProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := &report{closed: map[providers.Target]time.Time{}}
		limited := failsWith(providers.Error{Kind: providers.KindRateLimit, RetryAfter: time.Minute})
		answers := map[string]int{}
		for range 2 {
			cheap, dear := &actor{script: []step{limited}}, &actor{script: []step{says("d")}}
			router := providers.NewRouter(providers.RouterOptions{
				Drivers: map[string]providers.Driver{"cheap": cheap, "dear": dear},
				Prices:  loadPrices(t), Weather: shared,
			})
			_, err := router.Chat(t.Context(), providers.Call{
				Request: providers.Request{Messages: []providers.Message{providers.TextMessage("user", "hi")}},
				Tiers:   [][]providers.Target{at("cheap", "dear")}, Ledger: &books{},
			})
			if err != nil {
				t.Fatal(err)
			}
			answers["cheap"] += cheap.calls
			answers["dear"] += dear.calls
		}
		if answers["cheap"] != 1 || answers["dear"] != 2 {
			t.Errorf("asked %v, want the second process to leave the first's limit alone", answers)
		}
	})
}

func TestWeatherIsNotAskedForEachCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := &report{closed: map[providers.Target]time.Time{}}
		vendor := &actor{script: []step{says("c")}}
		router := providers.NewRouter(providers.RouterOptions{
			Drivers: map[string]providers.Driver{"cheap": vendor}, Prices: loadPrices(t), Weather: shared,
		})
		ask := func() {
			_, err := router.Chat(t.Context(), providers.Call{Tiers: [][]providers.Target{at("cheap")},
				Ledger: &books{}})
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 10 {
			ask()
		}
		if shared.asked != 1 {
			t.Errorf("the weather was asked for %d times in a moment, want once", shared.asked)
		}
		time.Sleep(time.Second) // the bubble's clock
		ask()
		if shared.asked != 2 {
			t.Errorf("the weather was asked for %d times in two seconds, want twice", shared.asked)
		}
	})
}

func TestBreakersForgetMadeUpNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		prices := loadPrices(t)
		prices.Register(catalog.Free("own"))
		vendor := &actor{script: []step{fails(providers.KindModelGone)}}
		router := providers.NewRouter(providers.RouterOptions{
			Drivers: map[string]providers.Driver{"own": vendor}, Prices: prices,
		})
		for i := range 10_000 {
			target := providers.Target{Provider: "own", Model: fmt.Sprint("made-up-", i)}
			_, err := router.Chat(t.Context(), providers.Call{Tiers: [][]providers.Target{{target}}, Ledger: &books{}})
			if providers.KindOf(err) != providers.KindModelGone {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // the bubble's clock
		}
		if known := router.Remembered(); known > 4096 {
			t.Errorf("%d names are remembered", known)
		}
	})
}
