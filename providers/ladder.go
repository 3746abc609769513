package providers

import (
	"cmp"
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
func (run *run) standby() *Error {
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
func (run *run) ladder(answered *candidate, usage Usage) []Rung {
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
			rung.Passed = run.passed(c, now, above)
		}
		rungs = append(rungs, rung)
	}
	return rungs
}

// asleep takes the answer of a tuned model's own endpoint that nothing there is ready for what it
// is: the endpoint sleeps, or is being started by this very call.
func asleep(c *candidate, e *Error) {
	if c.target.Priced != "" && e.Kind == KindCapacity && e.Status == http.StatusServiceUnavailable {
		e.Kind = KindCold
	}
}

// passed says why a target did not answer, "" where it had not to.
func (run *run) passed(c *candidate, now time.Time, above bool) string {
	why := cmp.Or(c.target.Standby, string(c.kind))
	if why == "" && above && run.ready(c).After(now) {
		return waiting
	}
	return why
}
