package providers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// endPatience bounds the closing of an entry after the call's own time is over.
const endPatience = 5 * time.Second

// run is one call on its way through the router.
type run struct {
	router     *Router
	call       Call
	limits     Limits
	candidates []*candidate // in the order in which they are preferred
	tries      int
	last       *Error
}

// candidate is a target of the call.
type candidate struct {
	target    Target
	driver    Driver
	price     Price
	bound     int64 // the most that the call can cost here, nano-dollars
	tier      int
	tries     int
	failures  int
	malformed int       // answers that the model broke
	notBefore time.Time // by the call's own back-off
	dead      bool      // can not answer this call
	full      bool      // had no room for this call
}

func (r *Router) newRun(ctx context.Context, call Call, limits Limits) (*run, error) {
	run := &run{router: r, call: call, limits: limits}
	for tier, members := range call.Tiers {
		for _, target := range members {
			if err := run.add(target, tier); err != nil {
				run.last = err
			}
		}
	}
	if len(run.candidates) == 0 {
		return nil, run.exhausted()
	}
	slices.SortStableFunc(run.candidates, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.bound, b.bound))
	})
	r.breakers.learn(ctx, run.candidates)
	return run, nil
}

// add takes a target in, unless it can not be asked or paid for.
func (run *run) add(target Target, tier int) *Error {
	driver, ok := run.router.drivers[target.Provider]
	if !ok {
		return notConfigured(target)
	}
	at, model := run.router.now(), cmp.Or(target.Priced, target.Model)
	price, err := run.router.prices.Price(target.Provider, model, at)
	if err != nil {
		return unpriced(target, err)
	}
	bound, err := run.router.prices.UpperBound(target.Provider, model, &run.call.Request, at)
	if err != nil {
		return unpriced(target, err)
	}
	c := &candidate{target: target, driver: driver, price: price, bound: bound, tier: tier}
	run.candidates = append(run.candidates, c)
	return nil
}

func unpriced(target Target, err error) *Error {
	return &Error{
		Kind: KindInvalid, Provider: target.Provider, Model: target.Model, Charge: ChargeNone,
		Message: err.Error(), Err: err,
	}
}

// answer tries until there is an answer or nothing is left that could cure.
func (run *run) answer(ctx context.Context) (*Answer, error) {
	for run.tries < run.limits.Tries {
		next := run.next()
		if next == nil {
			break
		}
		if ended := run.await(ctx, next); ended {
			break
		}
		release, ok := run.enter(ctx, next)
		if !ok {
			continue
		}
		answer, failure, err := run.tryWithin(ctx, next, release)
		if err != nil {
			return answer, err
		}
		if failure == nil {
			return answer, nil
		}
		if answer != nil || !run.goOn(ctx, next, failure) {
			return answer, run.exhausted()
		}
	}
	return nil, run.exhausted()
}

// next chooses whom to ask: the first who may be called now, else the one who
// may be called soonest. It returns nil when nobody is left.
func (run *run) next() *candidate {
	var soonest *candidate
	var when time.Time
	now := run.router.now()
	for _, c := range run.candidates {
		if c.dead || c.full {
			continue
		}
		ready := run.ready(c)
		if !ready.After(now) {
			return c
		}
		if soonest == nil || ready.Before(when) {
			soonest, when = c, ready
		}
	}
	return soonest
}

func (run *run) ready(c *candidate) time.Time {
	closed, _ := run.router.breakers.closed(c.target)
	if c.notBefore.After(closed) {
		return c.notBefore
	}
	return closed
}

// await waits until the candidate may be called, and tells whether the call
// ends instead: the wait is too long for a slot, or the call's time is over.
func (run *run) await(ctx context.Context, c *candidate) (ended bool) {
	wait := run.ready(c).Sub(run.router.now())
	if wait <= 0 {
		return false
	}
	deadline, _ := ctx.Deadline()
	if wait > patience || wait > time.Until(deadline) {
		run.last = run.closedError(c, wait)
		return true
	}
	if err := run.router.sleep(ctx, wait); err != nil {
		run.last = run.endedError(ctx, c.target, err)
		return true
	}
	return false
}

// closedError says why nobody was asked, and when to come back.
func (run *run) closedError(c *candidate, wait time.Duration) *Error {
	if run.last != nil && c.tries > 0 {
		again := *run.last
		again.RetryAfter = wait
		return &again
	}
	e := &Error{Kind: KindCapacity, Provider: c.target.Provider, Model: c.target.Model}
	if _, cause := run.router.breakers.closed(c.target); cause != nil {
		e.Kind, e.Code, e.Err = cause.Kind, cause.Code, cause
	}
	e.Message = fmt.Sprintf("not to be called for another %v", wait.Round(time.Millisecond))
	e.RetryAfter, e.Charge = wait, ChargeNone
	return e
}

func (run *run) endedError(ctx context.Context, target Target, err error) *Error {
	kind, ended := ContextKind(ctx)
	if !ended {
		kind = KindCancelled
	}
	return &Error{
		Kind: kind, Provider: target.Provider, Model: target.Model, Charge: ChargeNone,
		Message: "the call ended while it waited to be tried again", Err: err,
	}
}

// goOn notes a failure and tells whether another try can cure it.
func (run *run) goOn(ctx context.Context, c *candidate, e *Error) bool {
	run.last = e
	if ctx.Err() != nil {
		return false
	}
	c.failures++
	switch {
	case e.Kind == KindModelOutput:
		c.malformed++
		return c.malformed <= 1
	case e.Kind.Retryable():
		c.notBefore = run.router.now().Add(backoff(c.failures, e.RetryAfter, run.router.rand))
		return true
	case e.Kind.FailsOver():
		c.dead = true
		return true
	}
	return false
}

// exhausted wraps the last failure in an account of who was asked.
func (run *run) exhausted() error {
	if run.last == nil {
		return errors.New("answer a call: no target is given: name at least one provider/model")
	}
	if run.tries == 0 {
		return fmt.Errorf("answer a call, nobody was asked: %w", run.last)
	}
	var asked []string
	for _, c := range run.candidates {
		if c.tries > 0 {
			asked = append(asked, fmt.Sprintf("%d× %s", c.tries, c.target))
		}
	}
	return fmt.Errorf("answer a call (asked %s): %w", strings.Join(asked, ", "), run.last)
}
