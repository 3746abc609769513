package study

import (
	"strings"

	"dreamlab/handlers/judge"
	"dreamlab/store/learn"
)

// How a row was verified.
const (
	byReference  = "reference"
	byCorrection = "correction"
	byJudges     = "judged"
)

const fullScore = 1000

// checked decides by a reference that can be checked exactly, and tells
// whether it could. The replay becomes the rejected half where it is wrong.
func (s *Study) checked(replay string) (Verdict, bool) {
	reference := s.Experience.Reference
	checkable, right := judge.Exact(reference, s.answer)
	if !checkable {
		return Verdict{}, false
	}
	if !right {
		return Verdict{Reject: Unverified, Why: "the answer does not meet the reference"}, true
	}
	v := Verdict{VerifiedBy: byReference, Score: fullScore, Why: "the answer meets the reference"}
	if _, replayRight := judge.Exact(reference, replay); !replayRight {
		v.RejectedHalf, _ = s.mask.Text(replay)
	}
	return v, true
}

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

// judged decides by two judgements in swapped orders, the row's answer first.
func (s *Study) judged(o judge.Outcome, replay string) Verdict {
	why, _ := s.mask.Text(o.Reason)
	switch {
	case !o.Agreed:
		return Verdict{Reject: Disagreement, Why: why}
	case o.Choice == judge.Second:
		return Verdict{Reject: WorseThanReplay, Why: why}
	}
	v := Verdict{VerifiedBy: byJudges, Score: o.First, Why: why}
	if s.author == authorUser {
		v.VerifiedBy = byCorrection
	}
	if o.Choice == judge.First {
		v.RejectedHalf, _ = s.mask.Text(replay)
	}
	return v
}
