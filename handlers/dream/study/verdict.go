package study

import (
	"strings"

	"dreamlab/handlers/judge"
	"dreamlab/store/learn"
)

// Corrected is how a row was verified that its user wrote.
const Corrected = "correction"

// How a row was verified.
const (
	byReference  = "reference"
	byCorrection = Corrected
	byJudges     = "judged"
	byKnown      = "known" // the same answer to nearly the same question was judged before
)

const fullScore = 1000

// Floor is the score, in thousandths, from which on an answer is good enough: a kept
// answer has it, and a replay that has it is left as it is.
const Floor = 500

// corrected makes the row of what the user would have wanted, beside the answer that
// the user did not want. No model is asked: only a reference can contradict the user.
func (s *Study) corrected() Verdict {
	if checkable, right := judge.Exact(s.Experience.Reference, s.answer); checkable && !right {
		return Verdict{Reject: Unverified, Why: "the correction does not meet the reference"}
	}
	v := Verdict{VerifiedBy: byCorrection, Score: fullScore, Why: "the user corrected the answer"}
	if s.recorded != s.answer {
		v.RejectedHalf = s.recorded
	}
	return v
}

// checked decides by a reference that can be checked exactly, and tells
// whether it could. The working that leads to a bare number is left to the judges. The
// replay becomes the rejected half.
func (s *Study) checked(replay string) (Verdict, bool) {
	reference := s.Experience.Reference
	checkable, right := judge.Exact(reference, s.answer)
	if !checkable {
		return Verdict{}, false
	}
	if _, replayRight := judge.Exact(reference, replay); replayRight {
		return Verdict{Reject: GoodEnough, Why: "the base model's answer meets the reference"}, true
	}
	if !right {
		return Verdict{Reject: Unverified, Why: "the answer does not meet the reference"}, true
	}
	v := Verdict{VerifiedBy: byReference, Score: fullScore, Why: "the answer meets the reference"}
	v.RejectedHalf, _ = s.mask.Text(replay)
	return v, !bareNumber(reference)
}

const repeated = "the model says the same again, and nobody said that it was right"

// repeats tells whether a live answer came out again word for word. Judges call
// a text equal to itself whatever it says, so nothing would be verified and the
// model would be taught its own mistakes, unless a user liked the answer.
func (s *Study) repeats(replay string) bool {
	if s.Experience.Origin != learn.OriginLive || s.author != authorRecorded {
		return false
	}
	liked := s.Experience.Rating != nil && *s.Experience.Rating > 0
	again, _ := s.mask.Text(strings.TrimSpace(replay))
	return !liked && again == s.answer
}

// judged decides by two judgements in swapped orders, the row's answer first. An answer
// that is no better than the base model's own teaches it nothing.
func (s *Study) judged(o judge.Outcome, replay string) Verdict {
	why, _ := s.mask.Text(o.Reason)
	v := Verdict{Why: why, Judged: true}
	switch {
	case !o.Agreed:
		v.Reject = Disagreement
	case o.Choice == judge.Second:
		v.Reject = WorseThanReplay
	case o.Choice == judge.Equal && o.Second >= Floor:
		v.Reject = GoodEnough
	case o.Choice == judge.Equal || o.First < Floor:
		v.Reject = BelowFloor
	default:
		v.VerifiedBy, v.Score = s.verifier(), o.First
		v.RejectedHalf, _ = s.mask.Text(replay)
	}
	return v
}

// verifier tells how an answer is verified that was judged: a bare number was checked
// before.
func (s *Study) verifier() string {
	if bareNumber(s.Experience.Reference) {
		return byReference
	}
	return byJudges
}
