package dream

import (
	"encoding/json"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/store"
)

// Why an experience gives no row. Beside these, a vendor's refusal of one
// experience is counted under its own code.
const (
	rejectHeldOut      = "held_out"
	rejectMemory       = "from_memory"
	rejectCache        = "from_cache"
	rejectDream        = "from_dream"
	rejectEmpty        = "empty"
	rejectErrorText    = "error_text"
	rejectRefusal      = "refusal"
	rejectCut          = "cut"
	rejectToolCall     = "tool_call"
	rejectSecret       = "secret"
	rejectNegative     = "negative_feedback"
	rejectTooLong      = "too_long"
	rejectUnreadable   = "unreadable"
	rejectDuplicate    = "duplicate"
	rejectUnverified   = "unverified"
	rejectDisagreement = "disagreement"
	rejectWorse        = "worse_than_replay"
	rejectMalformed    = "malformed_verdict"
	rejectSame         = "same_as_replay"
	rejectBudget       = "budget"
	rejectFailed       = "failed"
	rejectForgotten    = "forgotten"
)

var byOrigin = map[string]string{
	store.OriginMemory: rejectMemory,
	store.OriginCache:  rejectCache,
	store.OriginDream:  rejectDream,
}

// screen says what speaks against an experience before anything is paid for,
// "" for nothing.
func (p *paper) screen() string {
	if reason := byOrigin[p.Origin]; reason != "" {
		return reason
	}
	var messages []providers.Message
	if json.Unmarshal(p.prompt, &messages) != nil || len(messages) == 0 {
		return rejectUnreadable
	}
	if len(p.prompt)+len(p.answer) > mostPrompt {
		return rejectTooLong
	}
	if p.author == authorRecorded {
		if reason := p.screenRecorded(); reason != "" {
			return reason
		}
	}
	switch {
	case p.answer == "":
		return rejectEmpty
	case p.secret:
		return rejectSecret
	case judge.ErrorText(p.answer):
		return rejectErrorText
	case judge.Refusal(p.answer):
		return rejectRefusal
	}
	return ""
}

// screenRecorded looks at what only a recorded answer can have against it.
func (p *paper) screenRecorded() string {
	switch {
	case p.Finish == "length" || p.Finish == "content_filter":
		return rejectCut
	case p.calls:
		return rejectToolCall
	case p.Rating != nil && *p.Rating < 0:
		return rejectNegative
	}
	return ""
}
