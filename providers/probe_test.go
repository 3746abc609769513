package providers_test

import (
	"context"
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
)

// silentAfter fails so often, and then is silent until a time has passed.
func silentAfter(failures int, until time.Time, then step) []step {
	script := make([]step, failures, failures+1)
	for i := range script {
		script[i] = fails(providers.KindServer)
	}
	return append(script, func(ctx context.Context, sink providers.Sink) (*providers.Reply, error) {
		if wait := time.Until(until); wait > 0 {
			return after(wait, then)(ctx, sink)
		}
		return then(ctx, sink)
	})
}

// TestProbeOfASilentVendor has no client wait for the limits of a vendor that was down and
// then says nothing, and uses the vendor again when it is back.
func TestProbeOfASilentVendor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newWorld(t, map[string][]step{
			"cheap": silentAfter(5, began.Add(2*time.Minute), says("c")), "dear": {says("d")},
		})
		var back time.Duration
		for back == 0 {
			start := time.Now()
			answer, err := w.ask(t.Context(), at("cheap"), at("dear"))
			if took := time.Since(start); err != nil || took > 3*time.Second {
				t.Fatalf("%v after %v", err, took)
			}
			if answer.Target.Provider == "cheap" {
				back = time.Since(began)
			}
			time.Sleep(time.Second) // the bubble's clock
		}
		if back < 2*time.Minute || back > 2*time.Minute+16*time.Second {
			t.Errorf("the vendor was used again after %v, want soon after two minutes", back)
		}
		if open := len(w.books.tries) - len(w.books.outcomes); open != answered(w) {
			t.Errorf("%d entries are open, %d calls were answered", open, answered(w))
		}
		for _, outcome := range w.books.outcomes[5:] {
			if outcome.Charge != providers.ChargeUnknown {
				t.Errorf("a probe that was given up ended as %+v: it may be billed", outcome)
			}
		}
	})
}

// answered counts the calls, each of which got one answer.
func answered(w *world) (n int) {
	for _, try := range w.books.tries {
		if try.Number == 1 {
			n++
		}
	}
	return n
}

// TestProbeOfTheOnlyVendor waits as long as any call: nobody else can answer.
func TestProbeOfTheOnlyVendor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]step{"cheap": silentAfter(5, time.Now().Add(40*time.Second), says("c"))})
		for range 2 {
			if _, err := w.ask(t.Context(), at("cheap")); providers.KindOf(err) != providers.KindServer {
				t.Fatalf("got %v", err)
			}
		}
		time.Sleep(10 * time.Second) // the bubble's clock
		if answer, err := w.ask(t.Context(), at("cheap")); err != nil || answer.Tries != 1 {
			t.Errorf("%+v, %v", answer, err)
		}
	})
}

// TestProbeThatIsAtWork closes the circuit where the vendor's headers had come, though
// another target was faster.
func TestProbeThatIsAtWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		thinks := func(ctx context.Context, sink providers.Sink) (*providers.Reply, error) {
			httptrace.ContextClientTrace(ctx).GotFirstResponseByte()
			return after(20*time.Second, says("c"))(ctx, sink)
		}
		w := newWorld(t, map[string][]step{"cheap": append(silentAfter(5, time.Now(), thinks), says("c")), "dear": {says("d")}})
		for range 4 {
			if _, err := w.ask(t.Context(), at("cheap"), at("dear")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second) // the bubble's clock
		for _, from := range []string{"dear", "cheap"} {
			answer, err := w.ask(t.Context(), at("cheap"), at("dear"))
			if err != nil || answer.Target.Provider != from {
				t.Fatalf("%+v, %v; want %s", answer, err, from)
			}
		}
	})
}
