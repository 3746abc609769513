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
	began      time.Time
	waited     time.Duration // between tries, together
	tries      int
	spoilt     int        // answers that were most likely paid for and could not be used
	asked      Request    // as the caller asked; call.Request may hold a part of the answer
	broken     *Answer    // what was shown of answers that broke off, nil for nothing
	seams      []Seam     // one for each of them
	again      *candidate // is asked before all others: see [run.quickly]
	last       *Error
}

// candidate is a target of the call.
type candidate struct {
	target    Target
	driver    Driver
	price     Price
	quote     int64 // as in [Choice]
	context   int   // as in [Choice]
	limits    Limits
	tries     int
	failures  int
	broke     int       // how often it broke off what was shown
	spoke     bool      // its last try brought something of an answer
	spokeAt   time.Time // when that began
	notBefore time.Time // by the call's own back-off
	dead      bool      // can not answer this call
	full      bool      // had no room for this call
	kind      Kind      // of its last failure in this call
}

func (r *Router) newRun(ctx context.Context, call Call, limits Limits) (*run, error) {
	run := &run{router: r, call: call, limits: limits, asked: call.Request, began: r.now()}
	var choices []Choice
	for tier, members := range call.Tiers {
		for _, target := range members {
			choice, err := run.choice(run.current(target), tier)
			if err != nil {
				run.last = err
				continue
			}
			same := func(c Choice) bool { return c.Target.String() == choice.Target.String() }
			if choice.Target.Model == target.Model || !slices.ContainsFunc(choices, same) {
				choices = append(choices, r.spread(choice)...)
			}
		}
	}
	r.breakers.learn(ctx, choices)
	for i := range choices {
		r.avoidFull(&choices[i])
	}
	choices, refusal := r.order(ctx, &run.call, choices)
	if refusal != nil {
		run.last = refusal
	}
	for _, choice := range choices {
		run.candidates = append(run.candidates, run.candidate(choice))
	}
	if !slices.ContainsFunc(run.candidates, (*candidate).left) {
		run.last = standby(run)
		return nil, run.exhausted()
	}
	return run, nil
}

// candidate makes a choice one of the call's candidates.
func (run *run) candidate(choice Choice) *candidate {
	return &candidate{
		target: choice.Target, driver: run.router.driver(choice.Target), price: choice.Price, quote: choice.Quote,
		context: choice.Context, limits: run.router.limitsAt(&run.call, choice.Target), dead: choice.Target.Standby != "",
	}
}

// choice says what a call comes to at a target, unless it can not be asked or paid for.
func (run *run) choice(target Target, tier int) (Choice, *Error) {
	if !run.router.Known(target.Provider) {
		return Choice{}, notConfigured(target)
	}
	prices, at, model := run.router.prices, run.router.now(), cmp.Or(target.Priced, target.Model)
	price, err := prices.Price(target.Provider, model, at)
	if err != nil {
		return Choice{}, unpriced(target, err)
	}
	quote, err := prices.Quote(target.Provider, model, &run.call.Request, at)
	if err != nil {
		return Choice{}, unpriced(target, err)
	}
	if target.Hosted {
		price, quote = Price{From: price.From}, 0
	}
	target.Service = run.router.service(&run.call, target, &price)
	return Choice{
		Target: target, Tier: tier, Price: price, Quote: quote, Context: prices.Context(target.Provider, model),
	}, nil
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
		if next == nil || run.late() {
			break
		}
		if wait := run.ready(next).Sub(run.router.now()); wait > 0 {
			if !run.wait(ctx, next, wait) {
				break
			}
			continue // another target may be ready by now, or the circuit open again
		}
		pass, ok := run.enter(ctx, next)
		if !ok {
			continue
		}
		if err := recall(ctx, run, next); err != nil {
			return run.broken, err
		}
		next, answer, failure, err := run.tryHedged(ctx, next, pass)
		if err != nil {
			return run.join(answer), err
		}
		if failure == nil {
			answer.Ladder = ladder(run, next, answer.Reply.Usage)
			return run.join(answer), nil
		}
		shown := answer != nil && !run.resume(next, answer, failure)
		if shown || !run.goOn(ctx, next, failure) {
			break
		}
	}
	return run.broken, run.exhausted()
}

// next chooses whom to ask: who gets a quick second try, else the first who may be
// called now, else the one who may be called soonest. It returns nil when no
// candidate is left.
func (run *run) next() *candidate {
	now := run.router.now()
	if c := run.again; c != nil && c.left() && run.ready(c).Sub(now) <= quickest {
		return c
	}
	var soonest *candidate
	for _, c := range run.candidates {
		switch {
		case !c.left():
		case !run.ready(c).After(now):
			return c
		case soonest == nil || run.ready(c).Before(run.ready(soonest)):
			soonest = c
		}
	}
	return soonest
}

// left tells whether the candidate may be asked in this call, now or later.
func (c *candidate) left() bool { return !c.dead && !c.full && c.tries < c.limits.Tries }

func (run *run) ready(c *candidate) time.Time {
	open, _ := run.router.breakers.open(c.target)
	if c.notBefore.After(open) {
		return c.notBefore
	}
	return open
}

// late tells whether no further try may begin.
func (run *run) late() bool {
	return run.tries > 0 && run.router.now().Sub(run.began) >= run.limits.Begin
}

// wait waits until the candidate may be called, and tells whether the call goes
// on: not where its waits are too long together, or its time is over.
func (run *run) wait(ctx context.Context, c *candidate, wait time.Duration) bool {
	deadline, _ := ctx.Deadline()
	if run.waited+wait > patience || wait > time.Until(deadline) {
		run.last = run.openError(c, wait)
		return false
	}
	run.waited += wait
	if err := run.router.sleep(ctx, wait); err != nil {
		run.last = run.endedError(ctx, c.target, err)
		return false
	}
	return true
}

// openError says why no vendor is asked, and when to try again.
func (run *run) openError(c *candidate, wait time.Duration) *Error {
	if run.last != nil {
		again := *run.last
		again.RetryAfter = max(again.RetryAfter, wait)
		return &again
	}
	e := &Error{Kind: KindCapacity, Provider: c.target.Provider, Model: c.target.Model, RetryAfter: wait,
		Charge: ChargeNone}
	if _, cause := run.router.breakers.open(c.target); cause != nil {
		e.Kind, e.Err = cause.Kind, cause
	} else {
		e.Message = fmt.Sprintf("not to be called for another %v", wait.Round(time.Millisecond))
	}
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

// exhausted wraps the last failure in an account of who was asked.
func (run *run) exhausted() error {
	if run.last == nil {
		return errors.New("answer a call: no target is given: name at least one provider/model")
	}
	if run.tries == 0 {
		return fmt.Errorf("answer a call, no vendor was asked: %w", run.last)
	}
	if run.last.RetryAfter == 0 {
		told := *run.last
		told.RetryAfter = run.comeBack()
		run.last = &told
	}
	var asked []string
	for _, c := range run.candidates {
		if c.tries > 0 {
			asked = append(asked, fmt.Sprintf("%d× %s", c.tries, c.target))
		}
	}
	return fmt.Errorf("answer a call (asked %s): %w", strings.Join(asked, ", "), run.last)
}
