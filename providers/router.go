package providers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"dreamlab/store/backoff"
)

// RouterOptions say what a router works with. Drivers and Prices are required.
type RouterOptions struct {
	Drivers map[string]Driver // by vendor name
	Prices  Pricer
	// Accounts lists the keys of the vendors that have several, by vendor name, the one of
	// Drivers among them. Defaults to one key each.
	Accounts map[string][]Account
	// Circuits shares with other processes which targets are not to be called.
	// Defaults to none.
	Circuits Circuits
	// Order puts the targets of a call in order. Defaults to by tier, and by price in it.
	Order Order
	// Limits bound the calls of a vendor, by its name, where a call itself states none.
	// Their Tries are those at the vendor in one call; Begin and Total are the call's
	// alone. Defaults to none.
	Limits map[string]Limits
	// Slots bounds the calls in flight. Defaults to no bound.
	Slots Slots
	// Pace keeps calls within what vendors allow. Defaults to sending all at once.
	Pace Pace
	// Lives knows of models that are gone. Defaults to none.
	Lives Lives
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
	// Rand returns a number in [0, 1) for jitter. Defaults to math/rand/v2.
	Rand func() float64
	// Sleep waits or returns early with an error when ctx ends. Defaults to [backoff.Sleep].
	// It and Now have to go by one clock.
	Sleep func(ctx context.Context, wait time.Duration) error
	// Tried is told of each try when it has ended. Defaults to nothing.
	Tried func(Tried)
	// Tracer records each try as a span. Defaults to none.
	Tracer Tracer
	// Dispute is told of a count of tokens that is not believed. Defaults to nothing.
	Dispute func(target Target, counted Usage, requestID string)
}

// Router owns the attempts of a call: whom to ask, when to ask again, and when
// to give up. It is safe for concurrent use and keeps no goroutine.
type Router struct {
	drivers  map[string]Driver
	accounts map[string][]Account
	prices   Pricer
	breakers *breakers
	order    Order
	limits   map[string]Limits
	slots    Slots
	pace     Pace
	lives    Lives
	now      func() time.Time
	rand     func() float64
	sleep    func(context.Context, time.Duration) error
	tried    func(Tried)
	tracer   Tracer // nil where no spans are recorded
	dispute  func(Target, Usage, string)
}

// NewRouter returns a router over the drivers.
func NewRouter(options RouterOptions) *Router {
	r := &Router{
		drivers: maps.Clone(options.Drivers),

		accounts: maps.Clone(options.Accounts),
		prices:   options.Prices,
		order:    options.Order,
		limits:   maps.Clone(options.Limits),
		slots:    options.Slots,
		pace:     options.Pace,
		lives:    options.Lives,
		now:      options.Now,
		rand:     options.Rand,
		sleep:    options.Sleep,
		tried:    options.Tried,
		tracer:   options.Tracer,
		dispute:  options.Dispute,
	}
	if r.order == nil {
		r.order = cheapestFirst
	}
	if r.slots == nil {
		r.slots = unbounded{}
	}
	if r.pace == nil {
		r.pace = unpaced{}
	}
	if r.lives == nil {
		r.lives = immortal{}
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.rand == nil {
		r.rand = rand.Float64
	}
	if r.sleep == nil {
		r.sleep = backoff.Sleep
	}
	if r.tried == nil {
		r.tried = func(Tried) {}
	}
	if r.dispute == nil {
		r.dispute = func(Target, Usage, string) {}
	}
	r.breakers = newBreakers(options.Circuits, r.now)
	return r
}

// Chat gets one answer, from whichever target gives it. It asks again what
// asking again cures, asks another vendor what that cures, and never repeats a
// refusal or a request that is wrong. Every try stands in the call's ledger.
//
// The error wraps the last failure, an [*Error], and says how often who was
// asked. An answer that comes with an error holds what was shown of a stream
// that then broke.
func (r *Router) Chat(ctx context.Context, call Call) (*Answer, error) {
	limits := call.Limits.filled()
	if call.Began == nil {
		call.Began = func(Target, int) {}
	}
	slow := &LimitError{Limit: "total", After: limits.Total}
	ctx, cancel := context.WithTimeoutCause(ctx, limits.Total, slow)
	defer cancel()
	run, err := r.newRun(ctx, call, limits)
	if err != nil {
		return nil, err
	}
	return run.answer(ctx)
}

// driver returns the driver that asks a target.
func (r *Router) driver(target Target) Driver {
	for _, account := range r.accounts[target.Provider] {
		if account.Name == target.Account {
			return account.Driver
		}
	}
	return r.drivers[target.Provider]
}

// Driver returns the driver of a vendor.
func (r *Router) Driver(name string) (Driver, error) {
	driver, ok := r.drivers[name]
	if !ok {
		return nil, notConfigured(Target{Provider: name})
	}
	return driver, nil
}

// Known tells whether a vendor of that name is configured.
func (r *Router) Known(name string) bool {
	_, known := r.drivers[name]
	return known
}

// Names lists the vendors that are configured, in order.
func (r *Router) Names() []string { return slices.Sorted(maps.Keys(r.drivers)) }

// Trainer returns the vendor's fine-tuning, where it has one.
func (r *Router) Trainer(name string) (Trainer, error) {
	trains, err := capability[Trains](r, name, "fine-tuning")
	if err != nil {
		return nil, err
	}
	return trains.Trainer(), nil
}

// Batcher returns the vendor's batches, where it takes them.
func (r *Router) Batcher(name string) (Batcher, error) {
	batches, err := capability[Batches](r, name, "batches")
	if err != nil {
		return nil, err
	}
	return batches.Batcher(), nil
}

// Host returns the vendor's serving of tuned models, where it has it.
func (r *Router) Host(name string) (Host, error) {
	return capability[Host](r, name, "hosting of tuned models")
}

// Embedder returns the vendor's embeddings, where it has them.
func (r *Router) Embedder(name string) (Embedder, error) {
	return capability[Embedder](r, name, "embeddings")
}

func capability[T any](r *Router, name, what string) (T, error) {
	var none T
	driver, err := r.Driver(name)
	if err != nil {
		return none, err
	}
	able, ok := driver.(T)
	if !ok {
		return none, &Error{
			Kind: KindUnsupported, Provider: name, Charge: ChargeNone,
			Message: "this vendor has no " + what + ": choose another",
		}
	}
	return able, nil
}

// Models lists what each vendor serves. Vendors that failed are absent from
// the map and stand in the error.
func (r *Router) Models(ctx context.Context) (map[string][]ModelInfo, error) {
	var (
		mu    sync.Mutex
		wait  sync.WaitGroup
		fault error
		found = make(map[string][]ModelInfo, len(r.drivers))
	)
	ctx, cancel := context.WithTimeout(ctx, defaultHeaders)
	defer cancel()
	for _, name := range slices.Sorted(maps.Keys(r.drivers)) {
		wait.Go(func() {
			models, err := r.drivers[name].Models(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				fault = errors.Join(fault, fmt.Errorf("list models: %w", err))
				return
			}
			found[name] = models
		})
	}
	wait.Wait()
	return found, fault
}

func notConfigured(target Target) *Error {
	return &Error{
		Kind: KindAuth, Provider: target.Provider, Model: target.Model, Charge: ChargeNone,
		Message: "this vendor is not configured: set its key, or take it out of the route",
	}
}
