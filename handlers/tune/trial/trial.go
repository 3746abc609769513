// Package trial is the room of canaries: it counts the conversations that a candidate and the
// champion answered, tests by them, and lets the candidate's share grow or takes it back.
//
// A conversation counts once, when a while has passed since its first chat. The conversations
// that either model answered since the last comparison are compared when there are some of both:
// while the models are alike, the expected difference of their shares of bad conversations is zero,
// whatever was seen before. Package bet tests that in each of the signals.
//
// Pairs of answers of both models to the same prompts, which package shadow has judged, count beside the
// conversations: while the models are alike, the candidate is expected to win as often as it loses. One
// test over the shadow and all steps asks whether it is worse by them, another whether it is not.
//
// A tune begins a canary, and routes carry the traffic.
package trial

import (
	"encoding/json"
	"fmt"

	"dreamlab/handlers/tune/trial/bet"
	"dreamlab/store/canary"
	"dreamlab/store/plainjson"
)

// The parts of a canary's alpha: of being taken back wrongly in its steps, in the time that it is
// watched, and by the bounds of the champion that it is held to then.
const (
	inSteps  = 0.5
	inWatch  = 0.25
	byBounds = 0.25
)

// names are the signals as they are told.
var names = [canary.Signals]string{"disliked", "failed", "slow", "refused", "malformed"}

// tests are what a canary's tests know, as its row keeps it.
type tests struct {
	Worse [canary.Signals]bet.Test `json:"worse"` // that it has each signal more often; over all steps
	Safe  [canary.Signals]bet.Test `json:"safe"`  // that it has it not much more often; of this step
	Watch [canary.Signals]bet.Test `json:"watch"` // that it has it more often than the champion had
	Pairs pairTests                `json:"pairs"` // of the judged pairs; over the shadow and all steps
	// Candidate and Champion are since the last comparison.
	Candidate canary.Tally `json:"candidate"`
	Champion  canary.Tally `json:"champion"`
}

// trial is a canary under trial.
type trial struct {
	canary.Canary
	tests tests
	worse string // why it is worse, once that is shown
}

func open(c canary.Canary) (*trial, error) {
	t := &trial{Canary: c}
	if len(c.Tests) == 0 {
		return t, nil
	}
	if err := json.Unmarshal(c.Tests, &t.tests); err != nil {
		return nil, fmt.Errorf("read the tests of %s: %w", c.ID, err)
	}
	return t, nil
}

// count takes in a conversation that one of the models was to answer.
func (t *trial) count(byCandidate bool, bad [canary.Signals]bool) {
	total, since := &t.Seen.Champion, &t.tests.Champion
	if byCandidate {
		total, since = &t.Seen.Candidate, &t.tests.Candidate
	}
	switch {
	case t.State != canary.Watching:
		add(total, bad)
		add(since, bad)
		if t.tests.Candidate.Conversations > 0 && t.tests.Champion.Conversations > 0 {
			t.compare()
		}
	case byCandidate: // the champion stays as it was: it is the measure
		add(total, bad)
		t.watch(bad)
	}
}

func add(to *canary.Tally, bad [canary.Signals]bool) {
	to.Conversations++
	for s, is := range bad {
		if is {
			to.Bad[s]++
		}
	}
}

// compare bets on the difference of the conversations since the last comparison.
func (t *trial) compare() {
	sum := 0.0
	for s := range canary.Signals {
		more := share(t.tests.Candidate, s) - share(t.tests.Champion, s)
		t.tests.Worse[s].Add(more, 1)
		t.tests.Safe[s].Add(t.Plan.Margin-more, 1-t.Plan.Margin)
		sum += more
	}
	t.Seen.Comparisons++
	switch {
	case sum < 0:
		t.Seen.Wins++
	case sum == 0:
		t.Seen.Ties++
	}
	t.tests.Candidate, t.tests.Champion = canary.Tally{}, canary.Tally{}
	t.judge(t.worseTests(), inSteps)
}

// watch bets on a conversation against the most that the champion's share may have been.
func (t *trial) watch(bad [canary.Signals]bool) {
	champion := t.Seen.Champion
	for s, is := range bad {
		x := -bet.Above(float64(champion.Bad[s]), champion.Conversations, byBounds*t.Plan.Alpha/canary.Signals)
		if is {
			x++
		}
		t.tests.Watch[s].Add(x, 1)
	}
	t.judge(t.tests.Watch[:], inWatch)
}

// judge tells whether the tests together have shown the candidate to be worse. What was shown
// once stays shown.
func (t *trial) judge(signals []bet.Test, part float64) {
	t.Seen.Worse = bet.Together(signals)
	if t.worse != "" || t.Seen.Worse < 1/(part*t.Plan.Alpha) {
		return
	}
	most := 0
	for s, test := range signals {
		if test.Log > signals[most].Log {
			most = s
		}
	}
	if most == canary.Signals {
		t.worse = "it is worse: " + t.lost()
		return
	}
	candidate, champion := t.Seen.Candidate, t.Seen.Champion
	t.worse = fmt.Sprintf("it is worse: %s in %d of %d conversations, the champion in %d of %d", names[most],
		candidate.Bad[most], candidate.Conversations, champion.Bad[most], champion.Conversations)
}

// safe tells whether this step's conversations, and all pairs, have shown that the candidate is worse by no
// more than the margin in any signal.
func (t *trial) safe() bool {
	for _, test := range t.safeTests() {
		if !test.Refuted(t.Plan.Alpha) {
			return false
		}
	}
	return true
}

// next returns the canary as it is after the conversations that were counted, and whether it moved.
// Time has passed since its last move where due is set.
func (t *trial) next(due bool) (c canary.Canary, moved bool) {
	moved = t.decide(due)
	t.Seen.Safe = least(t.safeTests())
	t.Tests = plainjson.Of(t.tests)
	return t.Canary, moved
}

func (t *trial) decide(due bool) (moved bool) {
	switch {
	case t.worse != "":
		t.Canary = t.TakeBack("taken back by itself: " + t.worse)
	case t.State == canary.Shadow && t.compared():
		t.Canary = t.Grow("its shadow showed it no worse: " + t.lost())
	case due && t.State == canary.Running && t.safe():
		t.Canary = t.Grow(t.proof())
		t.tests.Safe, t.tests.Candidate, t.tests.Champion = [canary.Signals]bet.Test{}, canary.Tally{}, canary.Tally{}
	case due && t.State == canary.Watching:
		t.Canary = t.Grow("it did no worse while it answered everything")
	default:
		return false
	}
	return true
}

func (t *trial) proof() string {
	return fmt.Sprintf("%d conversations at %d %% show that it is no worse", t.Seen.Candidate.Conversations, t.Share())
}

func share(of canary.Tally, signal int) float64 {
	return float64(of.Bad[signal]) / float64(of.Conversations)
}

// least is the evidence of the test that has the least.
func least(signals []bet.Test) float64 {
	e := signals[0].Evidence()
	for _, test := range signals[1:] {
		e = min(e, test.Evidence())
	}
	return e
}
