package dream

import (
	"strings"

	"dreamlab/handlers/judge"
	"dreamlab/providers/redact"
	"dreamlab/store"
)

// How a row was verified.
const (
	byReference  = "reference"
	byCorrection = "correction"
	byJudges     = "judged"
)

const perfect = 1000

// checked decides by a reference that can be checked exactly, and tells
// whether it could. The replay becomes the rejected half where it is wrong.
func (p *paper) checked(replay string) (verdict, bool) {
	checkable, right := judge.Exact(p.Reference, p.answer)
	if !checkable {
		return verdict{}, false
	}
	if !right {
		return verdict{reject: rejectUnverified, why: "the answer does not meet the reference"}, true
	}
	v := verdict{how: byReference, score: perfect, why: "the answer meets the reference"}
	if _, replayRight := judge.Exact(p.Reference, replay); !replayRight {
		v.rejected, _ = redact.Mask(replay)
	}
	return v, true
}

// repeats tells whether a live answer came out again word for word. Judges call
// a text equal to itself whatever it says, so nothing would be verified and the
// model would be taught its own mistakes, unless a user liked the answer.
func (p *paper) repeats(replay string) bool {
	if p.Origin != store.OriginLive || p.author != authorRecorded {
		return false
	}
	liked := p.Rating != nil && *p.Rating > 0
	again, _ := redact.Mask(strings.TrimSpace(replay))
	return !liked && again == p.answer
}

// judged decides by two judgements in swapped orders, the row's answer first.
func (p *paper) judged(o judge.Outcome, replay string) verdict {
	why, _ := redact.Mask(o.Reason)
	switch {
	case !o.Agreed:
		return verdict{reject: rejectDisagreement, why: why}
	case o.Choice == judge.Second:
		return verdict{reject: rejectWorse, why: why}
	}
	v := verdict{how: byJudges, score: o.First, why: why}
	if p.author == authorUser {
		v.how = byCorrection
	}
	if o.Choice == judge.First {
		v.rejected, _ = redact.Mask(replay)
	}
	return v
}
