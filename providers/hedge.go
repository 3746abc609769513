package providers

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errLost ends a try whose answer is not wanted any more.
var errLost = errors.New("another target answered first")

// lost is the error of an answer that came too late.
func lost(target Target, reply *Reply) error {
	e := &Error{
		Kind: KindCancelled, Provider: target.Provider, Model: target.Model, Charge: ChargeUnknown, Err: errLost,
	}
	if reply != nil && !reply.Usage.Missing {
		e.Charge, e.Usage = ChargeUsage, reply.Usage
	}
	return e
}

// race are two tries of one call at once. The first that shows something wins.
type race struct {
	run     *run
	ended   chan *attempt // each try, once
	claimed chan struct{} // closed when one has won

	mu      sync.Mutex
	winner  *attempt
	running map[*attempt]context.CancelFunc
}

// claim tells whether the try has won. The other is then cancelled.
func (r *race) claim(a *attempt) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.winner == nil {
		r.winner = a
		close(r.claimed)
		r.cancelBut(a)
	}
	return r.winner == a
}

// won returns the try that has won, nil for none so far.
func (r *race) won() *attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.winner
}

func (r *race) cancelBut(a *attempt) {
	for other, cancel := range r.running {
		if other != a {
			cancel()
		}
	}
}

// enter takes a try in, which is cancelled at once where another has won.
func (r *race) enter(a *attempt, cancel context.CancelFunc) {
	a.claim = func() bool { return r.claim(a) }
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[a] = cancel
	if r.winner != nil {
		cancel()
	}
}

// tryHedged is tryWithin, with another target asked beside the first where that shows
// nothing for as long as [run.hedgeAfter] says. It returns who answered, or failed last.
func (run *run) tryHedged(ctx context.Context, c *candidate, p pass) (*candidate, *Answer, *Error, error) {
	hedge := run.hedgeAfter(c)
	if hedge == 0 {
		answer, failure, err := run.tryWithin(ctx, c, p)
		return c, answer, failure, err
	}
	r := &race{
		run: run, ended: make(chan *attempt, 2), claimed: make(chan struct{}),
		running: map[*attempt]context.CancelFunc{},
	}
	if err := r.start(ctx, c, p); err != nil {
		return c, nil, nil, err
	}
	timer := time.NewTimer(hedge)
	defer timer.Stop()
	select {
	case a := <-r.ended:
		answer, failure, err := run.finish(ctx, a)
		return c, answer, failure, err
	case <-r.claimed:
	case <-timer.C:
		r.startOther(ctx, c)
	}
	return r.judge(ctx)
}

// What part of its limit a vendor that was down is given before another is asked beside
// it: 3 s until the headers of a stream, 15 s for a whole answer.
const (
	probeHeaders = 10
	probeWhole   = 4
)

// hedgeAfter returns for how long the candidate may show nothing before another target is
// asked beside it; 0 for as long as its limits allow. Any call is hedged where it says so,
// once, at its beginning. The probe of a vendor that was down always is: a client does not
// wait for the limits of one that has gone silent.
func (run *run) hedgeAfter(c *candidate) time.Duration {
	began, last := run.tries > 0, run.tries+1 >= run.limits.Tries
	if last || len(run.call.Request.Inputs) > 0 || run.broken != nil || run.beside(c) == nil {
		return 0
	}
	hedge := run.call.Hedge
	if began {
		hedge = 0
	}
	if !run.router.breakers.probing(c.target) {
		return hedge
	}
	request := run.call.Request
	request.Model = c.target.Model
	probe := c.limits.Headers / probeHeaders
	if !streams(c.driver, &request) {
		probe = c.limits.Whole / probeWhole
	}
	return orDefault(min(hedge, probe), probe)
}

// beside returns the target that may be asked beside a candidate now, nil for none.
func (run *run) beside(c *candidate) *candidate {
	now := run.router.now()
	for _, other := range run.candidates {
		same := other.target.Provider == c.target.Provider && other.target.Model == c.target.Model
		if !same && other.left() && !run.ready(other).After(now) {
			return other
		}
	}
	return nil
}

// start begins a try of a race.
func (r *race) start(ctx context.Context, c *candidate, p pass) error {
	ctx, done := p.use(ctx)
	a, err := r.run.begin(ctx, c)
	if err != nil {
		done()
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	r.enter(a, cancel)
	go func() {
		r.run.ask(ctx, a)
		cancel()
		done()
		r.ended <- a
	}()
	return nil
}

// startOther begins the second try of a race, where there is room and money for it. If not,
// the first goes on alone.
func (r *race) startOther(ctx context.Context, first *candidate) {
	other := r.run.beside(first)
	if other == nil {
		return
	}
	pass, ok := r.run.enter(ctx, other)
	if !ok {
		return
	}
	if err := r.start(ctx, other, pass); err != nil {
		r.run.last = asError(ctx, other.target, err) // no call was made
	}
}

// judge waits for both tries, closes in the books what lost, and returns what came of the
// other.
func (r *race) judge(ctx context.Context) (c *candidate, answer *Answer, failure *Error, err error) {
	for left := len(r.running); left > 0; left-- {
		a := <-r.ended
		winner := r.won()
		if winner != nil && winner != a {
			err = errors.Join(err, r.drop(ctx, a))
			continue
		}
		var fault error
		c = a.candidate
		answer, failure, fault = r.run.finish(ctx, a)
		err = errors.Join(err, fault)
		if left == 2 && winner == nil && (fault != nil || !r.run.goOn(ctx, c, failure)) {
			r.claim(a) // nothing that the other says is of use
		}
	}
	return c, answer, failure, err
}

// drop closes a try that lost. That it was cancelled says nothing of its vendor, unless
// the headers of an answer had come: then it is at work.
func (r *race) drop(ctx context.Context, a *attempt) error {
	if a.alive && (a.failure == nil || a.failure.Kind == KindCancelled) {
		r.run.router.breakers.succeeded(a.candidate.target)
	}
	if a.failure == nil {
		a.failure = asError(ctx, a.candidate.target, lost(a.candidate.target, a.reply))
	}
	return r.run.close(ctx, a)
}
