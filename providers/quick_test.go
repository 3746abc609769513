package providers_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
)

// TestQuickSecondTry has the preferred of two targets fail once: it is asked again where
// that is over in a moment, and else the other one answers at once.
func TestQuickSecondTry(t *testing.T) {
	t.Parallel()
	const second = time.Second
	full, limited := providers.KindCapacity, providers.KindRateLimit
	tests := map[string]struct {
		e             providers.Error
		first, second int
		within        time.Duration
	}{
		"500":                 {providers.Error{Kind: providers.KindServer, Status: 500}, 2, 0, 250 * time.Millisecond},
		"reset":               {providers.Error{Kind: providers.KindServer}, 2, 0, 250 * time.Millisecond},
		"503":                 {providers.Error{Kind: full, Status: 503}, 2, 0, 250 * time.Millisecond},
		"503 for two seconds": {providers.Error{Kind: full, Status: 503, RetryAfter: 2 * second}, 2, 0, 3 * second},
		"503 for a minute":    {providers.Error{Kind: full, Status: 503, RetryAfter: time.Minute}, 1, 1, 0},
		"a full tier":         {providers.Error{Kind: full, Status: 498}, 1, 1, 0},
		"429 for two seconds": {providers.Error{Kind: limited, Status: 429, RetryAfter: 2 * second}, 2, 0, 3 * second},
		"429 for four":        {providers.Error{Kind: limited, Status: 429, RetryAfter: 4 * second}, 1, 1, 0},
		"429":                 {providers.Error{Kind: limited, Status: 429}, 1, 1, 0},
		"not again":           {providers.Error{Kind: providers.KindServer, Status: 500, NoRetry: true}, 1, 1, 0},
		"silent":              {providers.Error{Kind: providers.KindTimeout}, 1, 1, 0},
		"408":                 {providers.Error{Kind: providers.KindTimeout, Status: 408}, 1, 1, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string][]step{"cheap": {failsWith(test.e), says("c")}, "dear": {says("d")}})
				start := time.Now()
				if _, err := w.ask(t.Context(), at("cheap"), at("dear")); err != nil {
					t.Fatal(err)
				}
				first, other := w.vendors["cheap"].calls, w.vendors["dear"].calls
				if first != test.first || other != test.second {
					t.Errorf("asked %d and %d times, want %d and %d", first, other, test.first, test.second)
				}
				if took := time.Since(start); took > test.within {
					t.Errorf("took %v, want %v at most", took, test.within)
				}
			})
		})
	}
}

// TestQuickTriesAreBudgeted has a vendor fail for ever, and then for one call.
func TestQuickTriesAreBudgeted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := fails(providers.KindServer)
		w := newWorld(t, map[string][]step{
			"cheap": {down, down, down, down, says("c"), down, says("c")}, "dear": {says("d")},
		})
		calls := func() int {
			before := w.vendors["cheap"].calls
			if _, err := w.ask(t.Context(), at("cheap"), at("dear")); err != nil {
				t.Fatal(err)
			}
			return w.vendors["cheap"].calls - before
		}
		for i, want := range []int{2, 1, 1, 1, 2} {
			if got := calls(); got != want {
				t.Errorf("call %d asked the failing vendor %d times, want %d", i, got, want)
			}
		}
	})
}

// TestUnreadableIsBoughtOnceMore has every target answer what can not be read.
func TestUnreadableIsBoughtOnceMore(t *testing.T) {
	t.Parallel()
	for _, kinds := range [][2]providers.Kind{
		{providers.KindUnreadable, providers.KindUnreadable},
		{providers.KindUnreadable, providers.KindModelOutput},
		{providers.KindModelOutput, providers.KindUnreadable},
	} {
		w := newWorld(t, map[string][]step{
			"cheap": {fails(kinds[0]), fails(kinds[1])}, "dear": {fails(kinds[1])}, "spare": {says("s")},
		})
		_, err := w.ask(t.Context(), at("cheap"), at("dear"), at("spare"))
		if providers.KindOf(err) != kinds[1] || len(w.books.tries) != 2 {
			t.Errorf("%v: got %v after %d calls, want two", kinds, err, len(w.books.tries))
		}
	}
}

// TestTriesOfAVendor bounds the calls at one vendor within those of the call.
func TestTriesOfAVendor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]step{"cheap": {failsWith(providers.Error{Kind: providers.KindRateLimit})}})
		w.route(t, providers.RouterOptions{Limits: map[string]providers.Limits{"cheap": {Tries: 2}}})
		_, err := w.ask(t.Context(), at("cheap"))
		var e *providers.Error
		if !errors.As(err, &e) || e.RetryAfter == 0 || w.vendors["cheap"].calls != 2 {
			t.Errorf("got %v after %d calls, want two and when to come back", err, w.vendors["cheap"].calls)
		}
	})
}
