package providers_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
)

// report is what several routers share.
type report struct {
	mu    sync.Mutex
	open  map[providers.Target]time.Time
	asked int
}

func (r *report) OpenUntil(_ context.Context, targets []providers.Target) map[providers.Target]time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	found := map[providers.Target]time.Time{}
	for _, target := range targets {
		if until, ok := r.open[target]; ok {
			found[target] = until
		}
	}
	return found
}

func (r *report) Open(_ context.Context, target providers.Target, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[target] = until
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

// TestRefusalsNeedWitnesses has a vendor refuse tenants one after the other, and
// then asks for one who was not refused.
func TestRefusalsNeedWitnesses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind    providers.Kind
		tenants []string
		opens   bool
	}{
		{providers.KindAuth, []string{"a", "a", "a", "a", "a", "a"}, false},
		{providers.KindAuth, []string{"a", "b"}, true},
		{providers.KindBilling, []string{"a", "b"}, true},
		{providers.KindPermission, []string{"a", "a", "b", "b"}, false},
		{providers.KindPermission, []string{"a", "b", "c"}, true},
		{providers.KindModelGone, []string{"a", "b", "a", "b"}, false},
		{providers.KindModelGone, []string{"a", "b", "c"}, true},
		{providers.KindInvalid, []string{"a", "b", "c", "d", "e"}, false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.kind, test.tenants), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				script := make([]step, len(test.tenants), len(test.tenants)+1)
				for i := range script {
					script[i] = fails(test.kind)
				}
				w := newWorld(t, map[string][]step{"cheap": append(script, says("c"))})
				for _, tenant := range test.tenants {
					if _, err := w.askAs(t.Context(), tenant, at("cheap")); providers.KindOf(err) != test.kind {
						t.Fatalf("got %v, want %s", err, test.kind)
					}
				}
				_, err := w.askAs(t.Context(), "other", at("cheap"))
				if (err != nil) != test.opens {
					t.Fatalf("the next tenant is told %v, want an open circuit: %v", err, test.opens)
				}
				time.Sleep(time.Minute) // the bubble's clock
				if _, err := w.askAs(t.Context(), "other", at("cheap")); err != nil {
					t.Errorf("after the pause: %v", err)
				}
			})
		})
	}
}

// TestAnswersClearRefusals has a vendor refuse one tenant and answer the others.
func TestAnswersClearRefusals(t *testing.T) {
	t.Parallel()
	no, yes := fails(providers.KindPermission), says("c")
	w := newWorld(t, map[string][]step{"cheap": {no, yes, no, yes, no, yes}})
	for i, tenant := range []string{"a", "x", "b", "x", "c", "x"} {
		_, err := w.askAs(t.Context(), tenant, at("cheap"))
		if (err == nil) != (tenant == "x") {
			t.Errorf("call %d of %s: %v", i, tenant, err)
		}
	}
}

// TestOutageIsOverSoon has a vendor fail for ten minutes, asked once a second.
func TestOutageIsOverSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, map[string][]step{"dear": {says("d")}, "cheap": {
			func(ctx context.Context, sink providers.Sink) (*providers.Reply, error) {
				if time.Since(start) < 10*time.Minute {
					return fails(providers.KindServer)(ctx, sink)
				}
				return says("c")(ctx, sink)
			}}})
		for {
			answer, err := w.ask(t.Context(), at("cheap"), at("dear"))
			if err != nil {
				t.Fatal(err)
			}
			if answer.Target.Provider == "cheap" {
				break
			}
			time.Sleep(time.Second) // the bubble's clock
		}
		if late := time.Since(start) - 10*time.Minute; late > 16*time.Second {
			t.Errorf("the vendor was back for %v before it was used", late)
		}
		if calls := w.vendors["cheap"].calls; calls > 50 {
			t.Errorf("asked %d times while it was down", calls)
		}
	})
}

// TestLongestPause has a vendor ask for more than anybody waits.
func TestLongestPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limited := failsWith(providers.Error{Kind: providers.KindRateLimit, RetryAfter: 24 * time.Hour})
		w := newWorld(t, map[string][]step{"cheap": {limited, says("c")}})
		_, err := w.ask(t.Context(), at("cheap"))
		var e *providers.Error
		if !errors.As(err, &e) || e.RetryAfter < 24*time.Hour {
			t.Fatalf("got %v, want the vendor's own wait", err)
		}
		time.Sleep(time.Hour) // the bubble's clock
		if _, err := w.ask(t.Context(), at("cheap")); err != nil {
			t.Errorf("after an hour: %v", err)
		}
	})
}

func TestCircuitsAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := &report{open: map[providers.Target]time.Time{}}
		limited := failsWith(providers.Error{Kind: providers.KindRateLimit, RetryAfter: time.Minute})
		answers := map[string]int{}
		for range 2 {
			cheap, dear := &actor{script: []step{limited}}, &actor{script: []step{says("d")}}
			router := providers.NewRouter(providers.RouterOptions{
				Drivers: map[string]providers.Driver{"cheap": cheap, "dear": dear},
				Prices:  loadPrices(t), Circuits: shared,
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

func TestOthersAreNotAskedForEachCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := &report{open: map[providers.Target]time.Time{}}
		vendor := &actor{script: []step{says("c")}}
		router := providers.NewRouter(providers.RouterOptions{
			Drivers: map[string]providers.Driver{"cheap": vendor}, Prices: loadPrices(t), Circuits: shared,
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
			t.Errorf("others were asked %d times in a moment, want once", shared.asked)
		}
		time.Sleep(time.Second) // the bubble's clock
		ask()
		if shared.asked != 2 {
			t.Errorf("others were asked %d times in two seconds, want twice", shared.asked)
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
