package providers_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
)

// keyed gives the vendor "cheap" keys of so many weights, each with a script of its own.
func (w *world) keyed(t *testing.T, keys map[string]int, scripts map[string][]step) map[string]*actor {
	actors := map[string]*actor{}
	var accounts []providers.Account
	for _, name := range []string{"a", "b", "c"} {
		if weight, has := keys[name]; has {
			actors[name] = &actor{script: scripts[name]}
			accounts = append(accounts, providers.Account{Name: name, Weight: weight, Driver: actors[name]})
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	w.route(t, providers.RouterOptions{
		Accounts: map[string][]providers.Account{"cheap": accounts}, Rand: random.Float64,
	})
	return actors
}

func TestKeysShareTheCallsByWeight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]step{"cheap": {says("never asked")}})
		script := []step{says("x")}
		keys := w.keyed(t, map[string]int{"a": 3, "b": 1, "c": 0}, map[string][]step{"a": script, "b": script, "c": script})
		for range 400 {
			if _, err := w.ask(t.Context(), at("cheap")); err != nil {
				t.Fatal(err)
			}
		}
		if a, b, c := keys["a"].calls, keys["b"].calls, keys["c"].calls; a < 260 || b < 60 || c != 0 || a+b != 400 {
			t.Errorf("of 400 calls a got %d, b %d and c %d: want about three to one to none", a, b, c)
		}
	})
}

// TestKeysAreApart has one key that may not be used for a while: the other answers at once,
// also later calls, and the books say whose it was.
func TestKeysAreApart(t *testing.T) {
	t.Parallel()
	for _, fault := range []providers.Error{
		{Kind: providers.KindRateLimit, RetryAfter: time.Minute}, {Kind: providers.KindQuota}, {Kind: providers.KindAuth},
		{Kind: providers.KindBilling},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, map[string][]step{"cheap": {}, "dear": {says("d")}})
			keys := w.keyed(t, map[string]int{"a": 1, "b": 0}, map[string][]step{"a": {failsWith(fault)}, "b": {says("x")}})
			began := time.Now()
			for _, tenant := range []string{"one", "two", "three", "four"} {
				answer, err := w.askAs(t.Context(), tenant, at("cheap"), at("dear"))
				if err != nil || answer.Target.Account != "b" || answer.Target.Provider != "cheap" {
					t.Errorf("%s: %+v, %v", fault.Kind, answer, err)
				}
			}
			if keys["a"].calls > 2 || time.Since(began) != 0 {
				t.Errorf("%s: the key was used %d times, in %v", fault.Kind, keys["a"].calls, time.Since(began))
			}
		})
	}
}

// TestKeysOfAVendorThatIsDown asks another vendor before the other keys.
func TestKeysOfAVendorThatIsDown(t *testing.T) {
	t.Parallel()
	for _, kind := range []providers.Kind{providers.KindServer, providers.KindTimeout, providers.KindCapacity} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, map[string][]step{"cheap": {}, "dear": {says("d")}})
			down := []step{fails(kind)}
			keys := w.keyed(t, map[string]int{"a": 1, "b": 1, "c": 1}, map[string][]step{"a": down, "b": down, "c": down})
			answer, err := w.ask(t.Context(), at("cheap"), at("dear"))
			if err != nil || answer.Target.Provider != "dear" {
				t.Fatalf("%s: %+v, %v", kind, answer, err)
			}
			if calls := keys["a"].calls + keys["b"].calls + keys["c"].calls; calls > 2 {
				t.Errorf("%s: the vendor was asked %d times", kind, calls)
			}
		})
	}
}

// TestKeysShareTheCircuitOfTheirServer opens the circuit of a vendor that is down for all its
// keys after as many failures as for one, and finds it back by one probe.
func TestKeysShareTheCircuitOfTheirServer(t *testing.T) {
	t.Parallel()
	for _, kind := range []providers.Kind{providers.KindServer, providers.KindTimeout} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, map[string][]step{"cheap": {}, "dear": {says("d")}})
			calls, began := 0, time.Now()
			script := []step{func(ctx context.Context, sink providers.Sink) (*providers.Reply, error) {
				if calls++; time.Since(began) < time.Minute {
					return fails(kind)(ctx, sink)
				}
				return says("c")(ctx, sink)
			}}
			w.keyed(t, map[string]int{"a": 1, "b": 1, "c": 1}, map[string][]step{"a": script, "b": script, "c": script})
			ask := func() string {
				answer, err := w.ask(t.Context(), at("cheap"), at("dear"))
				if err != nil {
					t.Fatal(err)
				}
				return answer.Target.Provider
			}
			for range 20 {
				ask()
			}
			if calls != 5 {
				t.Errorf("%s: a vendor of three keys was asked %d times before its circuit opened, want 5", kind, calls)
			}
			time.Sleep(time.Minute) // the bubble's clock
			for range 6 {
				if from := ask(); from != "cheap" {
					t.Errorf("%s: answered by %s after the vendor came back", kind, from)
				}
			}
		})
	}
}
