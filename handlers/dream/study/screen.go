package study

import (
	"encoding/json"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/providers/redact"
	"dreamlab/store/learn"
)

// maxPrompt bounds what is dreamt of, in bytes of the conversation.
const maxPrompt = 64 << 10

// Why an experience gives no row. Beside these, a vendor's refusal of one
// experience is counted under its own code.
const (
	HeldOut          = "held_out"
	FromMemory       = "from_memory"
	FromCache        = "from_cache"
	FromDream        = "from_dream"
	Empty            = "empty"
	ErrorText        = "error_text"
	Refusal          = "refusal"
	Cut              = "cut"
	ToolCall         = "tool_call"
	Secret           = "secret"
	Placeholder      = "placeholder" // stands where personal data stood
	NegativeFeedback = "negative_feedback"
	TooLong          = "too_long"
	Unreadable       = "unreadable"
	Duplicate        = "duplicate"
	Unverified       = "unverified"
	Disagreement     = "disagreement"
	WorseThanReplay  = "worse_than_replay"
	Malformed        = "malformed"
	SameAsReplay     = "same_as_replay"
)

var byOrigin = map[string]string{
	learn.OriginMemory: FromMemory,
	learn.OriginCache:  FromCache,
	learn.OriginDream:  FromDream,
}

// screen says what speaks against an experience before anything is paid for,
// "" for nothing.
func (s *Study) screen() string {
	if s.Experience.HeldOut {
		return HeldOut
	}
	if reason := byOrigin[s.Experience.Origin]; reason != "" {
		return reason
	}
	var messages []providers.Message
	if json.Unmarshal(s.prompt, &messages) != nil || len(messages) == 0 {
		return Unreadable
	}
	if len(s.prompt)+len(s.answer) > maxPrompt {
		return TooLong
	}
	if s.author == authorRecorded {
		if reason := s.screenRecorded(); reason != "" {
			return reason
		}
	}
	switch {
	case s.answer == "":
		return Empty
	case s.secret:
		return Secret
	case redact.Placeholder(s.answer):
		return Placeholder
	case judge.ErrorText(s.answer):
		return ErrorText
	case judge.Refusal(s.answer):
		return Refusal
	}
	return ""
}

// screenRecorded looks at what only a recorded answer can have against it.
func (s *Study) screenRecorded() string {
	switch {
	case s.Experience.Finish == "length" || s.Experience.Finish == "content_filter":
		return Cut
	case s.calls:
		return ToolCall
	case s.Experience.Rating != nil && *s.Experience.Rating < 0:
		return NegativeFeedback
	}
	return ""
}
