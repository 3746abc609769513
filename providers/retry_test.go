package providers_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
)

// TestOneVendorThatGoesOnFailing tells how often a vendor without a stand-in is
// asked, and what the caller hears when.
func TestOneVendorThatGoesOnFailing(t *testing.T) {
	t.Parallel()
	hang := func(ctx context.Context, _ providers.Sink) (*providers.Reply, error) {
		<-ctx.Done()
		return nil, &providers.Error{Kind: providers.KindTimeout, Charge: providers.ChargeUnknown,
			Err: context.Cause(ctx)}
	}
	tests := map[string]struct {
		vendor step
		calls  int
		least  time.Duration // Retry-After
		within time.Duration
	}{
		"500":             {failsWith(providers.Error{Kind: providers.KindServer, Status: 500}), 4, time.Millisecond, 15 * time.Second},
		"408":             {failsWith(providers.Error{Kind: providers.KindTimeout, Status: 408}), 4, time.Millisecond, 15 * time.Second},
		"429":             {fails(providers.KindRateLimit), 4, time.Millisecond, 15 * time.Second},
		"429 for 2 s":     {failsWith(providers.Error{Kind: providers.KindRateLimit, RetryAfter: 2 * time.Second}), 4, 2 * time.Second, 15 * time.Second},
		"429 for an hour": {failsWith(providers.Error{Kind: providers.KindRateLimit, RetryAfter: time.Hour}), 1, time.Hour, 0},
		"503 for 100 s":   {failsWith(providers.Error{Kind: providers.KindCapacity, RetryAfter: 100 * time.Second}), 1, 100 * time.Second, 0},
		"not again":       {failsWith(providers.Error{Kind: providers.KindServer, NoRetry: true}), 1, 0, 0},
		"unreadable":      {fails(providers.KindUnreadable), 2, 0, 0},
		"broken output":   {fails(providers.KindModelOutput), 2, 0, 0},
		"silent":          {hang, 1, 0, time.Minute},
		"no money":        {fails(providers.KindBilling), 1, 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string][]step{"cheap": {test.vendor}})
				start := time.Now()
				_, err := w.ask(t.Context(), at("cheap"))
				var e *providers.Error
				if !errors.As(err, &e) || e.RetryAfter < test.least || test.least == 0 && e.RetryAfter != 0 {
					t.Errorf("got %v, want to come back after %v", err, test.least)
				}
				if calls := w.vendors["cheap"].calls; calls != test.calls {
					t.Errorf("asked %d times, want %d", calls, test.calls)
				}
				if took := time.Since(start); took > test.within {
					t.Errorf("took %v, want %v at most", took, test.within)
				}
			})
		})
	}
}

// TestTryingEnds has vendors be silent one after the other.
func TestTryingEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, _ providers.Sink) (*providers.Reply, error) {
			select {
			case <-time.After(40 * time.Second): // the bubble's clock
			case <-ctx.Done():
			}
			return nil, &providers.Error{Kind: providers.KindTimeout, Charge: providers.ChargeUnknown}
		}
		w := newWorld(t, map[string][]step{"cheap": {slow}, "dear": {slow}, "spare": {says("s")}})
		start := time.Now()
		_, err := w.ask(t.Context(), at("cheap"), at("dear"), at("spare"))
		if providers.KindOf(err) != providers.KindTimeout || w.vendors["spare"].calls != 0 {
			t.Errorf("got %v, and the third was asked %d times", err, w.vendors["spare"].calls)
		}
		if took := time.Since(start); took > 90*time.Second {
			t.Errorf("the caller waited for %v", took)
		}
	})
}

// TestContextFailsOver asks a model that is too small, with others behind it.
func TestContextFailsOver(t *testing.T) {
	t.Parallel()
	sizes := `{"models":[
 {"vendor":"a","id":"small","context":1000,"prices":[{"input":"1","output":"1"}]},
 {"vendor":"b","id":"small","context":1000,"prices":[{"input":"2","output":"1"}]},
 {"vendor":"c","id":"equal","context":1000,"prices":[{"input":"2","output":"1"}]},
 {"vendor":"d","id":"large","context":9000,"prices":[{"input":"3","output":"1"}]}]}`
	prices, err := catalog.Load(strings.NewReader(sizes))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []providers.Kind{providers.KindContext, providers.KindTooLarge} {
		vendors := map[string]providers.Driver{}
		for _, name := range []string{"a", "b", "c"} {
			vendors[name] = &actor{script: []step{fails(kind)}}
		}
		vendors["d"] = &actor{script: []step{says("d")}}
		router := providers.NewRouter(providers.RouterOptions{Drivers: vendors, Prices: prices})
		tiers := [][]providers.Target{{{Provider: "a", Model: "small"}}, {{Provider: "b", Model: "small"}},
			{{Provider: "c", Model: "equal"}}, {{Provider: "d", Model: "large"}}}
		ledger := &books{}
		answer, err := router.Chat(t.Context(), providers.Call{Tiers: tiers, Ledger: ledger})
		if err != nil || answer.Target.Provider != "d" || len(ledger.tries) != 2 {
			t.Errorf("%s: %v, %v after %d calls, want d after two", kind, answer, err, len(ledger.tries))
		}
		if _, err := router.Chat(t.Context(), providers.Call{Tiers: tiers[:3], Ledger: ledger}); providers.KindOf(err) != kind {
			t.Errorf("without a larger model: %v", err)
		}
	}
}
