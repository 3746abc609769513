// Package canary stores canaries: tuned models that answer a growing share of an alias's
// conversations while they are compared with the model that answers the others.
//
// What a canary's tests find, and what follows from it, is decided by package handlers/tune/trial;
// the traffic follows routes, which package learn stores.
package canary

import (
	"fmt"
	"time"

	"dreamlab/store/learn"
)

// State is how far a canary is.
type State string

// The states. The first four are open; a canary moves no more once it has one of the others.
const (
	Shadow     State = "shadow"      // it answers nobody; its answers are judged beside those that were given
	Running    State = "running"     // its share is held until the tests let it grow
	Paused     State = "paused"      // its share does not grow; it may still be taken back
	Watching   State = "watching"    // it answers everything, and may still be taken back
	Promoted   State = "promoted"    // it answers everything
	RolledBack State = "rolled_back" // taken back by itself
	Aborted    State = "aborted"     // taken back by hand
	Superseded State = "superseded"  // its route was changed by another
)

// Open tells whether a canary can still move.
func (s State) Open() bool { return s == Shadow || s == Running || s == Paused || s == Watching }

// BeforeSteps is the step of a canary that has no share yet: in its shadow.
const BeforeSteps = -1

// Plan is how a canary goes on. It is fixed when the canary begins.
type Plan struct {
	Steps  []int         `json:"steps"`  // shares in per cent; behind the last it answers everything
	Step   time.Duration `json:"step"`   // how long each share is held at least
	Hold   time.Duration `json:"hold"`   // how long it is watched behind the last step
	Settle time.Duration `json:"settle"` // how long a conversation is waited for before it counts
	Slow   time.Duration `json:"slow"`   // an answer that takes longer is slow
	Alpha  float64       `json:"alpha"`  // the probability of taking a model back that is no worse
	Margin float64       `json:"margin"` // how much worse it may be in each signal, of all conversations
	Pairs  PairPlan      `json:"pairs"`
}

// PairPlan is how many answers of both models to the same prompts a judge compares. Its zero value
// is none, and no shadow.
type PairPlan struct {
	Share  float64 `json:"share"`  // of the conversations that are put to the other model, too
	Shadow int64   `json:"shadow"` // pairs that end the shadow; fewer where they show that the candidate is no worse
	Budget int64   `json:"budget"` // nano-dollars
}

// Planned tells whether pairs are judged.
func (p PairPlan) Planned() bool { return p.Share > 0 }

// Route is what a route was before a canary, and what it becomes behind it.
type Route struct {
	Before  []learn.RouteTarget `json:"before"`
	After   []learn.RouteTarget `json:"after"`
	Version int64               `json:"version"` // that was in force before; 0 for none
	Origin  int64               `json:"origin"`  // of that version
}

// Canary is a model under trial.
type Canary struct {
	ID        string // can_…
	Tenant    string
	Alias     string
	Tune      string
	Candidate string // provider/model
	Champion  string // what answers the other conversations
	Plan      Plan
	Route     Route
	Step      int // index in Plan.Steps, or BeforeSteps
	State     State
	Reason    string // of the last move
	Placed    int64  // the route's version that it put in force last; in its shadow the one that it found
	Origin    int64  // the first of its versions; 0 before
	Seen      Seen
	Tests     []byte // JSON: what its tests know
	Cursor    string // the job behind which conversations are not counted yet
	Version   int64  // of this row
	Stepped   time.Time
	Shown     time.Time // when it was first given a share
	Created   time.Time
	Finished  time.Time
}

// The signals that are compared: whether a conversation had an answer that
const (
	Disliked  = iota // the user disliked or corrected
	Failed           // the model did not give
	Slow             // took too long
	Refused          // declines to answer
	Malformed        // is cut, or not the JSON that was asked for
	Signals          // how many there are
)

// Tally counts conversations, and how many of them had each signal.
type Tally struct {
	Conversations int64          `json:"conversations"`
	Bad           [Signals]int64 `json:"bad"`
}

// Seen is what was seen of a canary so far.
type Seen struct {
	Candidate   Tally   `json:"candidate"`
	Champion    Tally   `json:"champion"`
	Comparisons int64   `json:"comparisons"` // of the two, in all steps
	Wins        int64   `json:"wins"`        // of the candidate
	Ties        int64   `json:"ties"`
	Safe        float64 `json:"safe"`  // the evidence that it is no worse than the margin, in its weakest signal
	Worse       float64 `json:"worse"` // the evidence that it is worse; either decides from 1/alpha on, or 2/alpha
	Judged      Judged  `json:"judged"`
	// Budgets are those for pairs that were allowed beside the plan's: one with each resume after
	// the last was used up.
	Budgets int64 `json:"budgets"`
	Unpaid  bool  `json:"unpaid"` // it is paused because no budget has room for pairs
}

// Judged counts pairs of answers to the same prompts, by how the candidate's fared.
type Judged struct {
	Wins   int64   `json:"wins"`
	Ties   int64   `json:"ties"`
	Losses int64   `json:"losses"`
	Safe   float64 `json:"safe"` // as Seen.Safe, by the pairs alone
}

// WinRate is the share of pairs that the candidate won, ties counting half, in ten-thousandths; 0.5 before
// the first.
func (j Judged) WinRate() int { return winRate(j.Wins, j.Ties, j.Pairs()) }

// Pairs is how many were judged.
func (j Judged) Pairs() int64 { return j.Wins + j.Ties + j.Losses }

// WinRate is the share of comparisons that the candidate won, ties counting half, in
// ten-thousandths; 0.5 before the first.
func (s Seen) WinRate() int { return winRate(s.Wins, s.Ties, s.Comparisons) }

func winRate(wins, ties, all int64) int {
	if all == 0 {
		return 5_000
	}
	return int((2*wins + ties) * 5_000 / all)
}

// InShadow tells whether an open canary answers nobody yet.
func (c Canary) InShadow() bool {
	return c.Step == BeforeSteps && (c.State == Shadow || c.State == Paused)
}

// Share returns the candidate's share of the conversations in per cent.
func (c Canary) Share() int {
	switch {
	case c.InShadow():
		return 0
	case c.State == Running, c.State == Paused:
		return c.Plan.Steps[c.Step]
	case c.State == Watching, c.State == Promoted:
		return 100
	}
	return 0
}

// PairsPass tells whether its pairs have shown by themselves that the candidate may pass.
func (c Canary) PairsPass() bool { return c.Seen.Judged.Safe >= 1/c.Plan.Alpha }

// Budget is what its pairs may cost, nano-dollars.
func (c Canary) Budget() int64 { return c.Plan.Pairs.Budget * (1 + c.Seen.Budgets) }

// Until returns the time before which an open canary does not go on by itself.
func (c Canary) Until() time.Time {
	switch {
	case c.InShadow():
		return c.Stepped
	case c.State == Watching:
		return c.Stepped.Add(c.Plan.Hold)
	}
	return c.Stepped.Add(c.Plan.Step)
}

// Targets returns the targets of the route while the canary is as it is.
func (c Canary) Targets() []learn.RouteTarget {
	switch share := c.Share(); share {
	case 0:
		return c.Route.Before
	case 100:
		return c.Route.After
	default:
		return learn.Route{Targets: c.Route.Before}.WithShare(c.Candidate, c.ID, share)
	}
}

// RefusedError is why a move was refused.
type RefusedError struct{ Reason string }

// Error says why.
func (e *RefusedError) Error() string { return e.Reason }

// Actions are what can be done to a canary by hand.
func Actions() []string { return []string{"pause", "resume", "promote", "abort"} }

// Act returns the canary as it is after an action by hand. It fails with a *RefusedError where the
// action does not fit its state.
func (c Canary) Act(action string) (Canary, error) {
	switch {
	case !c.State.Open():
	case action == "pause" && (c.State == Running || c.State == Shadow):
		return c.to(Paused, "paused by hand"), nil
	case action == "resume" && c.State == Paused:
		return c.resume(), nil
	case action == "promote" && c.State == Watching:
		return c.to(Promoted, "promoted by hand"), nil
	case action == "promote":
		return c.to(Watching, "promoted by hand"), nil
	case action == "abort":
		return c.to(Aborted, "aborted by hand"), nil
	}
	return c, &RefusedError{fmt.Sprintf("%s does not fit a canary that is %s", action, c.State)}
}

// resume goes on where a pause began. Where the money for pairs was used up, they may cost as much again.
func (c Canary) resume() Canary {
	if c.Seen.Unpaid {
		c.Seen.Unpaid = false
		c.Seen.Budgets++
	}
	if c.InShadow() {
		return c.to(Shadow, "resumed by hand")
	}
	return c.to(Running, "resumed by hand")
}

// Pause returns the canary as it is when it can not be compared further, and a person has to decide.
func (c Canary) Pause(reason string, unpaid bool) Canary {
	c.Seen.Unpaid = unpaid
	return c.to(Paused, "paused by itself: "+reason)
}

// Grow returns the canary with its next share: the first behind the shadow. Behind the last step it is
// watched, and behind that promoted.
func (c Canary) Grow(reason string) Canary {
	switch {
	case c.State == Watching:
		return c.to(Promoted, reason)
	case c.Step+1 < len(c.Plan.Steps) && c.Plan.Steps[c.Step+1] < 100:
		c = c.to(Running, reason)
		c.Step++
		return c
	}
	return c.to(Watching, reason)
}

// TakeBack returns the canary as it is when it was taken back by itself.
func (c Canary) TakeBack(reason string) Canary { return c.to(RolledBack, reason) }

// GiveWay returns the canary as it is when another has changed its route.
func (c Canary) GiveWay(reason string) Canary { return c.to(Superseded, reason) }

func (c Canary) to(s State, reason string) Canary {
	c.State, c.Reason = s, reason
	return c
}
