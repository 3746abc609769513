package trial

import (
	"fmt"

	"dreamlab/handlers/tune/trial/bet"
	"dreamlab/store/canary"
	"dreamlab/store/learn"
)

// pairTests are the tests over judged pairs.
type pairTests struct {
	Worse bet.Test `json:"worse"` // that the candidate loses more often than it wins
	Safe  bet.Test `json:"safe"`  // that its win rate, ties counting half, is not below a half by the margin
}

// countPair takes in a judged pair. The candidate's shortfall in it is how far it stays below the half
// that is expected of alike models: 0.5 where it lost, -0.5 where it won.
func (t *trial) countPair(outcome learn.Outcome) {
	short := 0.0
	switch outcome {
	case learn.Win:
		t.Seen.Judged.Wins++
		short = -0.5
	case learn.Loss:
		t.Seen.Judged.Losses++
		short = 0.5
	default:
		t.Seen.Judged.Ties++
	}
	t.tests.Pairs.Worse.Add(short, 0.5)
	t.tests.Pairs.Safe.Add(t.Plan.Margin-short, 0.5-t.Plan.Margin)
	t.Seen.Judged.Safe = t.tests.Pairs.Safe.Evidence()
	if t.State != canary.Watching {
		t.judge(t.worseTests(), inSteps)
	}
}

// worseTests are those that the candidate is worse, the pairs' behind those of the signals.
func (t *trial) worseTests() []bet.Test {
	if !t.Plan.Pairs.Planned() {
		return t.tests.Worse[:]
	}
	return append(t.tests.Worse[:], t.tests.Pairs.Worse)
}

// safeTests are those that let the candidate pass. In its shadow there are pairs alone.
func (t *trial) safeTests() []bet.Test {
	switch {
	case t.InShadow():
		return []bet.Test{t.tests.Pairs.Safe}
	case !t.Plan.Pairs.Planned():
		return t.tests.Safe[:]
	}
	return append(t.tests.Safe[:], t.tests.Pairs.Safe)
}

// compared tells whether the shadow has seen enough: pairs that show the candidate to be no worse or, since
// a step behind it waits for that, as many as were planned of which none showed it to be worse.
func (t *trial) compared() bool {
	return t.safe() || t.Seen.Judged.Pairs() >= t.Plan.Pairs.Shadow
}

func (t *trial) lost() string {
	j := t.Seen.Judged
	return fmt.Sprintf("of %d judged pairs it lost %d and won %d", j.Pairs(), j.Losses, j.Wins)
}
