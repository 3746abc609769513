package providers

import (
	"context"
	"errors"
	"fmt"
)

// try asks the candidate once. A failure of the vendor comes as failure; err
// is what ends the call: the books could not be kept. An answer that comes
// with either holds what was shown.
func (run *run) try(ctx context.Context, c *candidate) (answer *Answer, failure *Error, err error) {
	number := run.tries + 1
	try := Try{Target: c.target, Number: number, ReservedNano: c.quote}
	entry, err := run.call.Ledger.Reserve(ctx, try)
	if err != nil {
		return nil, nil, fmt.Errorf("reserve try %d at %s: %w", number, c.target, err)
	}
	run.tries, c.tries = number, c.tries+1
	run.router.breakers.begin(c.target)
	began := run.router.now()
	reply, shown, failure := run.ask(ctx, c)
	tried := Tried{Target: c.target, Took: run.router.now().Sub(began)}
	if c.spoke {
		tried.First = c.spokeAt.Sub(began)
	}
	if failure == nil {
		run.router.breakers.succeeded(c.target)
		answer = run.settle(c, reply, entry)
		tried.Usage, tried.Nano, tried.Skipped = answer.Reply.Usage, answer.Nano, reply.Skipped
		run.router.tried(tried)
		return answer, nil, nil
	}
	run.last = failure
	run.router.breakers.failed(ctx, c.target, run.call.Tenant, failure)
	if shown {
		answer = &Answer{Reply: reply, Target: c.target, Tries: run.tries}
	}
	outcome := run.outcome(c, failure)
	tried.Kind, tried.Usage, tried.Nano = failure.Kind, outcome.Usage, outcome.Nano
	run.router.tried(tried)
	return answer, failure, run.end(ctx, c, entry, outcome)
}

// ask makes the attempt within its limits. It tells whether something of the answer
// was shown.
func (run *run) ask(ctx context.Context, c *candidate) (*Reply, bool, *Error) {
	request := run.call.Request
	request.Model = c.target.Model
	streamed := streams(c.driver, &request)
	ctx, watch := newWatch(ctx, c.limits, streamed)
	defer watch.stop()
	if len(request.Inputs) > 0 {
		reply, err := embed(ctx, c.target, c.driver, &request)
		return reply, false, asError(ctx, c.target, err)
	}
	gate := &gate{
		sink: run.call.Sink, hold: run.call.Hold, watch: watch, now: run.router.now,
		began: func() { run.call.Began(c.target, run.tries) },
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
	c.spoke, c.spokeAt = gate.spoke, gate.spokeAt
	if reply == nil {
		reply = &Reply{}
	}
	reply.Shown = gate.shown
	return reply, gate.shown, unclean(asError(ctx, c.target, err))
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
	answer.Nano = c.price.Cost(usage)
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
		outcome.Charge, outcome.Usage, outcome.Nano = ChargeUsage, e.Usage, c.price.Cost(e.Usage)
	}
	return outcome
}

// end closes the entry of a failed try, also when the call's own time is over.
func (run *run) end(ctx context.Context, c *candidate, entry string, outcome Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	if err := run.call.Ledger.End(ctx, entry, outcome); err != nil {
		return fmt.Errorf("close try %d at %s, which failed (%w): %w", run.tries, c.target, outcome.Err, err)
	}
	return nil
}
