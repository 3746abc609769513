package providers

import (
	"context"
	"sync"
	"time"
)

// How long a call waits for room at its last target, and after what its job
// comes back where there was none.
const (
	slotPatience = 2 * time.Second
	slotAgain    = time.Second
)

// paceSpread keeps calls that wait for one budget from all coming back at once.
const paceSpread = 100 * time.Millisecond

// Slots bounds how many calls a model has in flight, over all processes. It is
// no promise: an implementation that can not reach what the processes share
// says so in its own log and bounds those of its own process alone, because an
// answer is worth more than a cap that the vendor has too. Targets are given
// without Priced.
type Slots interface {
	// Take takes room for a call and returns what gives it back, to be called
	// once. Where there is none it waits, at most so long or until ctx ends; ok
	// tells whether room was found.
	Take(ctx context.Context, target Target, wait time.Duration) (release func(), ok bool)
}

// unbounded has room for everybody.
type unbounded struct{}

func (unbounded) Take(context.Context, Target, time.Duration) (func(), bool) { return func() {}, true }

// pass lets one call go to a target. Both of its functions are to be called once.
type pass struct {
	release func()
	heard   func([]Allowance)
}

// enter takes room for a call at the candidate. Where there is none the others
// are asked first; the last of them is waited for.
func (run *run) enter(ctx context.Context, c *candidate) (p pass, ok bool) {
	wait := slotPatience
	if run.hasOther(c) {
		wait = 0
	}
	target := c.target.plain()
	release, ok := run.router.slots.Take(ctx, target, wait)
	if ok {
		return run.paced(ctx, c, release)
	}
	c.full = true
	if run.tries == 0 {
		run.last = &Error{
			Kind: KindBusy, Provider: c.target.Provider, Model: c.target.Model, Charge: ChargeNone,
			Message:    "as many calls as are configured are under way",
			RetryAfter: slotAgain + time.Duration(run.router.rand()*float64(slotAgain)),
		}
	}
	return pass{}, false
}

// paced lets the call go where the vendor's budget has room for it. Else the candidate is
// left alone until it may have.
func (run *run) paced(ctx context.Context, c *candidate, release func()) (p pass, ok bool) {
	heard, wait := run.router.pace.Take(ctx, run.router.limited(c.target), TokenBound(&run.call.Request), run.call.Live)
	if heard != nil {
		return pass{release, heard}, true
	}
	release()
	wait += time.Duration(run.router.rand() * float64(paceSpread))
	c.notBefore = run.router.now().Add(wait)
	if run.tries == 0 {
		run.last = &Error{
			Kind: KindRateLimit, Provider: c.target.Provider, Model: c.target.Model, Charge: ChargeNone,
			Message: "what the vendor allows is used up for now", RetryAfter: wait,
		}
	}
	return pass{}, false
}

// tryWithin asks the candidate and gives its room back.
func (run *run) tryWithin(ctx context.Context, c *candidate, p pass) (*Answer, *Error, error) {
	ctx, done := p.use(ctx)
	defer done()
	return run.try(ctx, c)
}

// use returns the context of the call that may go, in which is heard, once, what the
// vendor says is left; and what ends it.
func (p pass) use(ctx context.Context) (_ context.Context, done func()) {
	var once sync.Once
	heard := func(left []Allowance) { once.Do(func() { p.heard(left) }) }
	return withHeard(ctx, heard), func() {
		heard(nil)
		p.release()
	}
}

// hasOther tells whether another target may be called now.
func (run *run) hasOther(c *candidate) bool {
	now := run.router.now()
	for _, other := range run.candidates {
		if other != c && other.left() && !run.ready(other).After(now) {
			return true
		}
	}
	return false
}
