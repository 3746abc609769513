package providers

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// attempt is one try under way, and what came of it.
type attempt struct {
	candidate *candidate
	number    int // of the call's tries
	entry     string
	began     time.Time
	claim     func() bool // tells whether its answer is still wanted; nil where it is alone
	ended     func(Tried) // ends its span; nil where none is recorded

	reply   *Reply
	shown   bool // something of the answer
	alive   bool // the headers of an answer came
	failure *Error
}

// try asks the candidate once. A failure of the vendor comes as failure; err
// is what ends the call: the books could not be kept. An answer that comes
// with either holds what was shown.
func (run *run) try(ctx context.Context, c *candidate) (answer *Answer, failure *Error, err error) {
	a, err := run.begin(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	run.ask(ctx, a)
	return run.finish(ctx, a)
}

// begin writes a try into the books.
func (run *run) begin(ctx context.Context, c *candidate) (*attempt, error) {
	number := run.tries + 1
	entry, err := run.call.Ledger.Reserve(ctx, Try{
		Target: c.target, Number: number, ReservedNano: c.quote, Priced: c.price.From,
	})
	if err != nil {
		return nil, fmt.Errorf("reserve try %d at %s: %w", number, c.target, err)
	}
	run.tries, c.tries = number, c.tries+1
	run.router.breakers.begin(c.target)
	return &attempt{candidate: c, number: number, entry: entry, began: run.router.now()}, nil
}

// finish takes in what came of a try. One that failed is closed in the books.
func (run *run) finish(ctx context.Context, a *attempt) (answer *Answer, failure *Error, err error) {
	c := a.candidate
	if a.failure == nil {
		tried := a.tried(run.router.now())
		run.router.breakers.succeeded(c.target)
		answer = run.settle(c, a.reply, a.entry)
		tried.Usage, tried.Nano, tried.Skipped = answer.Reply.Usage, answer.Nano, a.reply.Skipped
		tried.Model, tried.Finish = a.reply.Model, a.reply.Finish
		a.report(run.router, tried)
		return answer, nil, nil
	}
	asleep(c, a.failure)
	run.last = a.failure
	run.router.breakers.failed(ctx, c.target, run.call.Tenant, a.failure)
	if a.shown {
		answer = &Answer{Reply: a.reply, Target: c.target, Tries: run.tries}
	}
	return answer, a.failure, run.close(ctx, a)
}

// close closes a failed try in the books, also when the call's own time is over.
func (run *run) close(ctx context.Context, a *attempt) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	outcome, tried := run.outcome(a.candidate, a.failure), a.tried(run.router.now())
	tried.Kind, tried.Usage, tried.Nano = a.failure.Kind, outcome.Usage, outcome.Nano
	tried.Status = a.failure.Status
	a.report(run.router, tried)
	if err := run.call.Ledger.End(ctx, a.entry, outcome); err != nil {
		return fmt.Errorf("close try %d at %s, which failed (%w): %w", a.number, a.candidate.target, outcome.Err, err)
	}
	return nil
}

func (a *attempt) tried(now time.Time) Tried {
	tried := Tried{Target: a.candidate.target, Took: now.Sub(a.began)}
	if a.candidate.spoke {
		tried.First = a.candidate.spokeAt.Sub(a.began)
	}
	return tried
}

// ask makes the attempt within its limits.
func (run *run) ask(ctx context.Context, a *attempt) {
	ctx = a.trace(ctx, run)
	c, request := a.candidate, run.call.Request
	request.Model = c.target.Model
	request.Options = inTier(&request, c.target.Service)
	streamed := streams(c.driver, &request)
	ctx, watch := newWatch(ctx, c.limits, streamed)
	defer watch.stop()
	if len(request.Inputs) > 0 {
		reply, err := embed(ctx, c.target, c.driver, &request)
		a.reply, a.failure = reply, asError(ctx, c.target, err)
		return
	}
	gate := &gate{
		sink: run.call.Sink, hold: run.call.Hold, watch: watch, now: run.router.now, claim: a.claim,
		began: func() { run.call.Began(c.target, a.number) },
	}
	if run.broken != nil {
		gate.seam = &seam{before: run.broken.Reply.Content}
	}
	sink := gate.take
	if !streamed && run.call.Sink == nil {
		sink = nil
	}
	reply, err := c.driver.Chat(ctx, &request, sink)
	if err == nil {
		err = gate.flush()
	}
	if err == nil && a.claim != nil && !a.claim() {
		err = lost(c.target, reply)
	}
	c.spoke, c.spokeAt, a.alive = gate.spoke, gate.spokeAt, watch.answered()
	if reply == nil {
		reply = &Reply{}
	}
	reply.Shown = gate.shown
	a.reply, a.shown, a.failure = reply, gate.shown, unclean(asError(ctx, c.target, err))
}

func streams(driver Driver, request *Request) bool {
	streamer, able := driver.(Streamer)
	if len(request.Inputs) > 0 {
		return false
	}
	return !able || streamer.Streams(request)
}

// asError makes an [*Error] of what a driver or a sink returned. Nothing is
// known of what a foreign error cost.
func asError(ctx context.Context, target Target, err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	kind, ended := ContextKind(ctx)
	if !ended {
		kind = KindCancelled // the sink wanted no more
	}
	return &Error{
		Kind: kind, Provider: target.Provider, Model: target.Model,
		Charge: ChargeUnknown, Err: err,
	}
}

// settle counts what an answer cost. A count that the call can not have used is
// not believed: what was sent and received is counted instead.
func (run *run) settle(c *candidate, reply *Reply, entry string) *Answer {
	answer := &Answer{Reply: reply, Target: c.target, Entry: entry, Tries: run.tries}
	received := len(reply.Body) + len(reply.Content) + len(reply.Message)
	if !run.believes(c, received, reply.Usage, reply.RequestID) {
		answer.Disputed, reply.Usage = true, Usage{Missing: true}
	}
	usage := reply.Usage
	if usage.Missing {
		usage = EstimateUsage(&run.call.Request, reply)
	}
	answer.Nano = run.rates(c, reply.Service).Cost(usage)
	answer.Live = max(answer.Nano, c.price.Cost(usage))
	return answer
}

func (run *run) believes(c *candidate, received int, usage Usage, requestID string) bool {
	if usage.Missing || believable(&run.call.Request, received, c.context, usage) {
		return true
	}
	run.router.dispute(c.target, usage, requestID)
	return false
}

// outcome says what a failed try cost.
func (run *run) outcome(c *candidate, e *Error) Outcome {
	outcome := Outcome{Charge: ChargeUnknown, Err: e}
	switch {
	case e.Charge == ChargeNone:
		outcome.Charge = ChargeNone
	case e.Charge == ChargeUsage && run.believes(c, 0, e.Usage, e.RequestID):
		outcome.Charge, outcome.Usage, outcome.Nano = ChargeUsage, e.Usage, run.rates(c, "").Cost(e.Usage)
	}
	return outcome
}

// rates returns what an answer's tokens cost: in the tier of service that it names, or at
// most in the one that it was asked for.
func (run *run) rates(c *candidate, served string) Rates {
	if served == "" && c.target.Service == "priority" {
		served = c.target.Service
	}
	return c.price.Served(served)
}
