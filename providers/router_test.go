package providers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
)

// prices of the vendors that the tests make up: cheap, dear, spare.
const prices = `{"models":[
 {"vendor":"cheap","id":"m","max_output":1000,"prices":[{"input":"0.10","output":"0.20"}]},
 {"vendor":"dear","id":"m","max_output":1000,"prices":[{"input":"1","output":"2"}]},
 {"vendor":"spare","id":"m","max_output":1000,"prices":[{"input":"0.01","output":"0.02"}]}
]}`

func loadPrices(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(strings.NewReader(prices))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// step is what a scripted vendor does with one call.
type step func(ctx context.Context, sink providers.Sink) (*providers.Reply, error)

// actor is a vendor that follows a script, and repeats its last step.
type actor struct {
	mu     sync.Mutex
	script []step
	calls  int
}

func (a *actor) Chat(
	ctx context.Context, _ *providers.Request, sink providers.Sink,
) (*providers.Reply, error) {
	a.mu.Lock()
	next := a.script[min(a.calls, len(a.script)-1)]
	a.calls++
	a.mu.Unlock()
	return next(ctx, sink)
}

func (a *actor) Models(context.Context) ([]providers.ModelInfo, error) {
	return []providers.ModelInfo{{ID: "m"}}, nil
}

func says(text string) step {
	return func(_ context.Context, sink providers.Sink) (*providers.Reply, error) {
		reply := &providers.Reply{Content: text, Finish: "stop", Usage: providers.Usage{Input: 10, Output: 5}}
		if sink == nil {
			return reply, nil
		}
		for _, chunk := range []providers.Chunk{{Data: []byte(`{"role":1}`)}, {Data: []byte(text), Shows: true}} {
			if err := sink(chunk); err != nil {
				return reply, err
			}
		}
		return reply, nil
	}
}

func fails(kind providers.Kind) step { return failsWith(providers.Error{Kind: kind}) }

func failsWith(e providers.Error) step {
	return func(context.Context, providers.Sink) (*providers.Reply, error) {
		if e.Charge == "" {
			e.Charge = providers.ChargeNone
		}
		return nil, &e
	}
}

// books is a ledger that remembers.
type books struct {
	mu       sync.Mutex
	tries    []providers.Try
	outcomes []providers.Outcome
	refuse   error // by Reserve
	broken   error // by End
}

func (b *books) Reserve(_ context.Context, try providers.Try) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return "", b.refuse
	}
	b.tries = append(b.tries, try)
	return fmt.Sprintf("entry-%d", try.Number), nil
}

func (b *books) End(ctx context.Context, _ string, outcome providers.Outcome) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.outcomes = append(b.outcomes, outcome)
	return errors.Join(ctx.Err(), b.broken)
}

// world is a router over scripted vendors.
type world struct {
	router  *providers.Router
	books   *books
	vendors map[string]*actor
}

func newWorld(t testing.TB, vendors map[string][]step) *world {
	w := &world{books: &books{}, vendors: map[string]*actor{}}
	for name, script := range vendors {
		w.vendors[name] = &actor{script: script}
	}
	w.limit(t, nil)
	return w
}

// limit makes the router one that keeps within the slots, where there are any.
func (w *world) limit(t testing.TB, slots providers.Slots) {
	w.route(t, providers.RouterOptions{Slots: slots})
}

// orderBy makes the router one that goes by the order.
func (w *world) orderBy(t testing.TB, order providers.Order) {
	w.route(t, providers.RouterOptions{Order: order})
}

func (w *world) route(t testing.TB, options providers.RouterOptions) {
	drivers := map[string]providers.Driver{}
	for name, vendor := range w.vendors {
		drivers[name] = vendor
	}
	options.Drivers, options.Prices = drivers, loadPrices(t)
	if options.Rand == nil {
		options.Rand = func() float64 { return 0.5 }
	}
	w.router = providers.NewRouter(options)
}

func at(names ...string) []providers.Target {
	var targets []providers.Target
	for _, name := range names {
		targets = append(targets, providers.Target{Provider: name, Model: "m"})
	}
	return targets
}

func (w *world) ask(ctx context.Context, tiers ...[]providers.Target) (*providers.Answer, error) {
	return w.askAs(ctx, "tenant", tiers...)
}

func (w *world) askAs(ctx context.Context, tenant string, tiers ...[]providers.Target) (*providers.Answer, error) {
	return w.router.Chat(ctx, providers.Call{
		Tenant:  tenant,
		Request: providers.Request{Messages: []providers.Message{providers.TextMessage("user", "hello")}},
		Tiers:   tiers, Ledger: w.books,
	})
}

func TestRouterPrefersTheCheapestOfATier(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string][]step{"dear": {says("d")}, "cheap": {says("c")}, "spare": {says("s")}})
	answer, err := w.ask(t.Context(), at("dear", "cheap"), at("spare"))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Target.Provider != "cheap" || answer.Reply.Content != "c" {
		t.Errorf("answered by %v with %q, want cheap", answer.Target, answer.Reply.Content)
	}
	if want := int64(10*100 + 5*200); answer.Nano != want {
		t.Errorf("cost %d nano-dollars, want %d", answer.Nano, want)
	}
	if len(w.books.tries) != 1 || w.books.tries[0].ReservedNano < answer.Nano || answer.Entry != "entry-1" {
		t.Errorf("books: %+v, entry %q", w.books.tries, answer.Entry)
	}
	if len(w.books.outcomes) != 0 {
		t.Errorf("the entry of the answer was ended: %+v", w.books.outcomes)
	}
}

func TestRouterByKindOfFailure(t *testing.T) {
	t.Parallel()
	// How often the first and the second vendor are asked when the first
	// fails once with the kind and would then answer.
	cases := map[providers.Kind]struct {
		first, second int
		answered      bool
	}{
		providers.KindInvalid:       {1, 0, false},
		providers.KindUnsupported:   {1, 1, true},
		providers.KindContext:       {1, 0, false},
		providers.KindTooLarge:      {1, 0, false},
		providers.KindContentFilter: {1, 0, false},
		providers.KindCancelled:     {1, 0, false},
		providers.KindModelOutput:   {2, 0, true},
		providers.KindAuth:          {1, 1, true},
		providers.KindPermission:    {1, 1, true},
		providers.KindBilling:       {1, 1, true},
		providers.KindModelGone:     {1, 1, true},
		providers.KindRateLimit:     {1, 1, true},
		providers.KindQuota:         {1, 1, true},
		providers.KindCapacity:      {1, 1, true},
		providers.KindCold:          {1, 1, true},
		providers.KindTimeout:       {1, 1, true},
		providers.KindServer:        {2, 0, true},
		providers.KindTruncated:     {2, 0, true},
		providers.KindUnreadable:    {1, 1, true},
	}
	for kind, want := range cases {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string][]step{"cheap": {fails(kind), says("c")}, "dear": {says("d")}})
				_, err := w.ask(t.Context(), at("cheap"), at("dear"))
				if (err == nil) != want.answered {
					t.Errorf("error %v, want answered %v", err, want.answered)
				}
				if err != nil && providers.KindOf(err) != kind {
					t.Errorf("kind %s, want %s", providers.KindOf(err), kind)
				}
				first, second := w.vendors["cheap"].calls, w.vendors["dear"].calls
				if first != want.first || second != want.second {
					t.Errorf("asked %d and %d times, want %d and %d", first, second, want.first, want.second)
				}
				if len(w.books.outcomes) != 1 {
					t.Errorf("%d entries ended, want 1", len(w.books.outcomes))
				}
			})
		})
	}
}

func TestRouterHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limited := failsWith(providers.Error{Kind: providers.KindRateLimit, RetryAfter: 7500 * time.Millisecond})
		w := newWorld(t, map[string][]step{"cheap": {limited, says("c")}})
		start := time.Now()
		if _, err := w.ask(t.Context(), at("cheap")); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited < 7500*time.Millisecond || waited > 10*time.Second {
			t.Errorf("waited %v for 7.5 s", waited)
		}
	})
}

func TestRouterLeavesLongWaitsToTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limited := failsWith(providers.Error{Kind: providers.KindRateLimit, RetryAfter: time.Minute})
		w := newWorld(t, map[string][]step{"cheap": {limited, says("c")}})
		start := time.Now()
		_, err := w.ask(t.Context(), at("cheap"))
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != providers.KindRateLimit || e.RetryAfter < 59*time.Second {
			t.Fatalf("got %v, want a rate limit with a minute to wait", err)
		}
		if time.Since(start) > time.Second {
			t.Errorf("a slot was held for %v", time.Since(start))
		}
		_, again := w.ask(t.Context(), at("cheap"))
		if w.vendors["cheap"].calls != 1 || providers.KindOf(again) != providers.KindRateLimit {
			t.Errorf("asked %d times while told to wait: %v", w.vendors["cheap"].calls, again)
		}
		if !strings.Contains(again.Error(), "no vendor was asked") {
			t.Errorf("the error %q does not say that no vendor was asked", again)
		}
	})
}

func TestRouterStopsAfterItsTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]step{
			"cheap": {fails(providers.KindServer)}, "dear": {fails(providers.KindCapacity)},
		})
		_, err := w.ask(t.Context(), at("cheap"), at("dear"))
		if len(w.books.tries) != 4 || len(w.books.outcomes) != 4 {
			t.Errorf("%d tries, %d ended, want 4", len(w.books.tries), len(w.books.outcomes))
		}
		for _, part := range []string{"2× cheap/m", "2× dear/m"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("the error %v does not say %q", err, part)
			}
		}
	})
}

func TestRouterChargesWhatTheFailureCost(t *testing.T) {
	t.Parallel()
	used := providers.Usage{Input: 1000, Output: 10}
	cases := map[string]struct {
		e    providers.Error
		want providers.Outcome
	}{
		"none": {providers.Error{Charge: providers.ChargeNone}, providers.Outcome{Charge: providers.ChargeNone}},
		"unknown": {providers.Error{Charge: providers.ChargeUnknown},
			providers.Outcome{Charge: providers.ChargeUnknown}},
		"usage": {
			providers.Error{Charge: providers.ChargeUsage, Usage: used},
			providers.Outcome{Charge: providers.ChargeUsage, Usage: used, Nano: 1000*100 + 10*200},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.e.Kind = providers.KindInvalid
			w := newWorld(t, map[string][]step{"cheap": {failsWith(c.e)}})
			_, err := w.ask(t.Context(), at("cheap"))
			if err == nil || len(w.books.outcomes) != 1 {
				t.Fatalf("error %v, outcomes %+v", err, w.books.outcomes)
			}
			got := w.books.outcomes[0]
			got.Err = nil
			if got != c.want {
				t.Errorf("outcome %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestRouterKeepsTheBooksOrStops(t *testing.T) {
	t.Parallel()
	broke := errors.New("no budget")
	t.Run("reserve", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, map[string][]step{"cheap": {says("c")}})
		w.books.refuse = broke
		if _, err := w.ask(t.Context(), at("cheap")); !errors.Is(err, broke) || w.vendors["cheap"].calls != 0 {
			t.Errorf("error %v after %d calls, want %v and none", err, w.vendors["cheap"].calls, broke)
		}
	})
	t.Run("end", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, map[string][]step{"cheap": {fails(providers.KindAuth)}, "dear": {says("d")}})
		w.books.broken = broke
		if _, err := w.ask(t.Context(), at("cheap"), at("dear")); !errors.Is(err, broke) ||
			w.vendors["dear"].calls != 0 {
			t.Errorf("error %v after %d more calls, want %v and none", err, w.vendors["dear"].calls, broke)
		}
	})
}

func TestRouterNeedsAPrice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string][]step{"cheap": {says("c")}})
	unpriced := []providers.Target{{Provider: "cheap", Model: "unheard-of"}}
	_, err := w.ask(t.Context(), unpriced)
	if err == nil || !strings.Contains(err.Error(), "add its price") || w.vendors["cheap"].calls != 0 {
		t.Errorf("got %v, want an error that asks for the price", err)
	}
	tuned := []providers.Target{{Provider: "cheap", Model: "tuned", Priced: "m"}}
	if _, err := w.ask(t.Context(), tuned); err != nil {
		t.Errorf("a target priced as another model: %v", err)
	}
	tuned[0].Hosted = true
	answer, err := w.ask(t.Context(), tuned)
	if err != nil || answer.Nano != 0 || w.books.tries[len(w.books.tries)-1].ReservedNano != 0 {
		t.Errorf("a target that is billed by the hour: %+v, %v", answer, err)
	}
	if _, err := w.ask(t.Context()); err == nil {
		t.Error("no target is no error")
	}
	if _, err := w.ask(t.Context(), at("absent")); providers.KindOf(err) != providers.KindAuth {
		t.Errorf("got %v, want a vendor that is not configured", err)
	}
}

func TestRouterCapabilities(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string][]step{"cheap": {says("c")}})
	_, trainer := w.router.Trainer("cheap")
	_, host := w.router.Host("cheap")
	_, embedder := w.router.Embedder("cheap")
	for what, err := range map[string]error{"trainer": trainer, "host": host, "embedder": embedder} {
		if providers.KindOf(err) != providers.KindUnsupported {
			t.Errorf("%s: got %v, want unsupported", what, err)
		}
	}
	if _, err := w.router.Trainer("absent"); providers.KindOf(err) != providers.KindAuth {
		t.Errorf("got %v, want not configured", err)
	}
	models, err := w.router.Models(t.Context())
	if err != nil || len(models["cheap"]) != 1 {
		t.Errorf("models %v, %v", models, err)
	}
}
