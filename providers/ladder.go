package providers

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Rung is a target of a call with several tiers, and what became of it.
type Rung struct {
	Target Target
	Nano   int64 // what the answer's tokens cost there, nano-dollars; 0 where its hours are paid
	// Passed is why it did not answer: its [Target.Standby], the [Kind] of its failure, or
	// "waiting" where it is left alone for a while. "" for the one that answered and for those that are
	// asked after it.
	Passed   string
	Answered bool
}

// waiting is why a target is passed over whose circuit is open.
const waiting = "waiting"

// standby is the error of a call whose targets all are known not to answer at the moment.
func standby(run *run) *Error {
	for _, c := range run.candidates {
		if why := c.target.Standby; why != "" {
			return &Error{
				Kind: KindCold, Provider: c.target.Provider, Model: c.target.Model, Charge: ChargeNone,
				Message: "the model's deployment does not run now (" + why + ")",
			}
		}
	}
	return run.last
}

// ladder lists the targets of a call with several tiers, each model once.
func ladder(run *run, answered *candidate, usage Usage) []Rung {
	if len(run.call.Tiers) < 2 {
		return nil
	}
	if usage.Missing {
		usage = Usage{}
	}
	now, rungs, above := run.router.now(), make([]Rung, 0, len(run.candidates)), true
	for _, c := range run.candidates {
		same := func(r Rung) bool { return r.Target.String() == c.target.String() }
		if c != answered && (c.target.String() == answered.target.String() || slices.ContainsFunc(rungs, same)) {
			continue // another key of the same vendor
		}
		rung := Rung{Target: c.target, Nano: c.price.Cost(usage), Answered: c == answered}
		above = above && !rung.Answered
		if !rung.Answered {
			rung.Passed = passed(run, c, now, above)
		}
		rungs = append(rungs, rung)
	}
	return rungs
}

// recall gives the request the tenant's memory where a model of the catalogue stands in for a tuned
// one, which has learned what the memory tells. An answer that broke off is gone on with as it began.
func recall(ctx context.Context, run *run, c *candidate) error {
	if run.call.Recall == nil || c.target.Priced != "" || run.broken != nil {
		return nil
	}
	request, err := run.call.Recall(ctx, run.call.Request)
	if err != nil {
		return fmt.Errorf("put the memory in front of a request: %w", err)
	}
	run.call.Recall, run.call.Request, run.asked = nil, request, request
	for _, c := range run.candidates {
		choice, fault := run.choice(c.target, 0)
		if fault == nil { // its price was known a moment ago
			c.quote = choice.Quote
		}
	}
	return nil
}

// asleep takes the answer of a tuned model's own endpoint that nothing there is ready for what it
// is: the endpoint sleeps, or is being started by this very call.
func asleep(c *candidate, e *Error) {
	if c.target.Priced != "" && e.Kind == KindCapacity && e.Status == http.StatusServiceUnavailable {
		e.Kind = KindCold
	}
}

// passed says why a target did not answer, "" where it had not to.
func passed(run *run, c *candidate, now time.Time, above bool) string {
	why := cmp.Or(c.target.Standby, string(c.kind))
	if why == "" && above && run.ready(c).After(now) {
		return waiting
	}
	return why
}
