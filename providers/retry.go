package providers

import (
	"context"
	"slices"
	"time"

	"dreamlab/store/backoff"
)

// patience is how long the router's waits of one call may be together: a longer one
// is the queue's business, or the client's, who is told of it.
const patience = 15 * time.Second

// pauses are those between tries at one target where the vendor asked for none.
var pauses = backoff.Bounds{First: 500 * time.Millisecond, Max: 8 * time.Second}

// quickMost is the longest wait that a vendor may ask for before a quick second try:
// what it remembers of the prompt is worth that much.
const quickMost = 3 * time.Second

// quickest is the longest wait for a quick second try, with its jitter.
const quickest = quickMost + time.Second

// quickPauses are those before a quick second try where the vendor asked for none.
var quickPauses = backoff.Bounds{First: 250 * time.Millisecond, Max: 250 * time.Millisecond}

// maxSpoilt is how many answers one call buys that can not be used: a second one may
// be better, by whomever it is given.
const maxSpoilt = 2

// pauseAfter returns how long to leave a target alone after its nth failure in
// this call: never less than the vendor asked for.
func pauseAfter(nth int, asked time.Duration, random func() float64) time.Duration {
	if asked > 0 {
		spread := backoff.Bounds{First: max(asked/4, 10*time.Millisecond), Max: pauses.Max}
		return asked + spread.Draw(1, random)
	}
	return pauses.Draw(nth, random)
}

// goOn notes a failure and tells whether another try can cure it.
func (run *run) goOn(ctx context.Context, c *candidate, e *Error) bool {
	run.last, run.again, c.kind = e, nil, e.Kind
	if ctx.Err() != nil {
		return false
	}
	c.failures++
	if e.Kind == KindModelGone {
		run.replace(ctx, c)
	}
	if run.asUsual(c, e) {
		return true
	}
	defer run.spareSiblings(c, e)
	switch {
	case e.Kind == KindContext, e.Kind == KindTooLarge:
		return run.keepLarger(c)
	case e.Kind == KindModelOutput, e.Kind == KindUnreadable:
		return run.buyAgain(c, e)
	case e.NoRetry, e.Kind == KindTimeout && e.Status == 0: // who was silent once would be waited for again
		c.dead = true
		return e.Kind.FailsOver()
	case e.Kind.Retryable():
		c.notBefore = run.router.now().Add(run.pause(c, e))
		return true
	case e.Kind.FailsOver():
		c.dead = true
		return true
	}
	return false
}

// buyAgain tells whether another answer is bought after one that can not be used.
// What can not be read is often the page of a proxy, and another target is better
// asked; what a model broke is broken by chance.
func (run *run) buyAgain(c *candidate, e *Error) bool {
	run.spoilt++
	if e.Kind == KindUnreadable {
		c.dead = c.dead || e.NoRetry || run.hasOther(c)
	}
	return run.spoilt < maxSpoilt
}

// pause returns for how long the candidate is left alone after its failure, and notes
// where it gets a quick second try.
func (run *run) pause(c *candidate, e *Error) time.Duration {
	if !run.quickly(c, e) {
		return pauseAfter(c.failures, e.RetryAfter, run.router.rand)
	}
	run.again = c
	if e.RetryAfter > 0 {
		return pauseAfter(1, e.RetryAfter, run.router.rand)
	}
	return quickPauses.Draw(1, run.router.rand)
}

// quickly tells whether the candidate is asked once more before another is: it keeps
// what it remembers of the prompt, and most failures of a healthy vendor are over in a
// moment. That holds for its first failure in this call, where nothing of an answer had
// come that would be paid twice, and once for each time that it answered anybody.
func (run *run) quickly(c *candidate, e *Error) bool {
	if c.failures > 1 || c.spoke || !passes(e) {
		return false
	}
	open, _ := run.router.breakers.open(c.target)
	return open.Sub(run.router.now()) <= quickMost && run.router.breakers.quick(c.target)
}

// passes tells whether a failure is of a kind that is often over in a moment.
func passes(e *Error) bool {
	switch e.Kind {
	case KindServer, KindTruncated:
		return e.RetryAfter <= quickMost
	case KindCapacity:
		return e.Status >= 500 && e.RetryAfter <= quickMost
	case KindRateLimit:
		return e.RetryAfter > 0 && e.RetryAfter <= quickMost
	}
	return false
}

// keepLarger leaves those who may take what was too long for the candidate, and
// tells whether there are any.
func (run *run) keepLarger(small *candidate) (left bool) {
	for _, c := range run.candidates {
		known := c.context > 0 && small.context > 0 && c.context <= small.context
		if c == small || known || c.target.Model == small.target.Model {
			c.dead = true
		}
		left = left || !c.dead
	}
	return left
}

// comeBack returns after which time a target may be asked again; 0 where waiting would
// not help.
func (run *run) comeBack() time.Duration {
	soonest := time.Duration(-1)
	if !run.last.Kind.Retryable() {
		return 0
	}
	for _, c := range run.candidates {
		wait := max(0, run.ready(c).Sub(run.router.now()))
		if !c.dead && (soonest < 0 || wait < soonest) {
			soonest = wait
		}
	}
	return max(0, soonest)
}

// current returns the target that is asked for one of the call's. A tuned model has
// no successor, and vectors of another model are no use to who asks for this one's.
func (run *run) current(target Target) Target {
	if target.Priced != "" || len(run.call.Request.Inputs) > 0 {
		return target
	}
	if model, gone := run.router.lives.Successor(target); gone {
		target.Model = model
	}
	return target
}

// replace notes that a vendor has no such model, and lets its successor answer next. One
// of several accounts may only lack access to it, and the others are asked.
func (run *run) replace(ctx context.Context, c *candidate) {
	if c.target.Priced != "" || c.target.Account != "" {
		return
	}
	run.router.lives.Gone(ctx, c.target)
	next := run.current(c.target)
	same := func(o *candidate) bool { return o.target.String() == next.String() }
	if next.Model == c.target.Model || slices.ContainsFunc(run.candidates, same) {
		return
	}
	choice, fault := run.choice(next, 0)
	if fault != nil {
		return // what the vendor said of the model that was asked for is the better answer
	}
	able, _ := run.router.order(ctx, &run.call, run.router.spread(choice))
	at := slices.Index(run.candidates, c) + 1
	for i, choice := range able {
		run.candidates = slices.Insert(run.candidates, at+i, run.candidate(choice))
	}
}

// ofServer tells whether a failure is the vendor's, whichever key it is asked with.
func (k Kind) ofServer() bool {
	switch k {
	case KindServer, KindCapacity, KindCold, KindTimeout, KindTruncated:
		return true
	}
	return false
}

// spareSiblings leaves the same model alone for the vendor's other keys, too, where a
// failure would befall them: another vendor is better asked.
func (run *run) spareSiblings(failed *candidate, e *Error) {
	if !e.Kind.ofServer() && e.Kind != KindUnsupported {
		return
	}
	for _, c := range run.candidates {
		if c == failed || c.target.Provider != failed.target.Provider || c.target.Model != failed.target.Model {
			continue
		}
		c.dead = c.dead || failed.dead
		if failed.notBefore.After(c.notBefore) {
			c.notBefore = failed.notBefore
		}
	}
}
