package study

import (
	"encoding/json"

	"dreamlab/handlers/judge/screen"
	"dreamlab/providers"
	"dreamlab/store/learn"
)

// maxPrompt bounds what is dreamt of, in bytes of the conversation.
const maxPrompt = 64 << 10

// Why an experience gives no row. Beside these, a vendor's refusal of one
// experience is counted under its own code, and junk under the reason of package screen.
const (
	HeldOut          = "held_out"
	FromMemory       = "from_memory"
	FromCache        = "from_cache"
	FromDream        = "from_dream"
	Cut              = "cut"
	ToolCall         = "tool_call"
	Secret           = "secret"
	Personal         = "personal_data" // that a Presidio service found
	NegativeFeedback = "negative_feedback"
	TooLong          = "too_long"
	Unreadable       = "unreadable"
	Duplicate        = "duplicate"
	Unverified       = "unverified"
	Inconsistent     = "inconsistent" // the number that it gives is not the one that is found again
	Disagreement     = "disagreement"
	WorseThanReplay  = "worse_than_replay"
	Malformed        = "malformed"
	SameAsReplay     = "same_as_replay"
	NoReplay         = "no_replay"   // the base model gave nothing to compare with
	GoodEnough       = "good_enough" // the base model answers as well already
	BelowFloor       = "below_floor" // nothing good was said
)

var byOrigin = map[string]string{
	learn.OriginMemory: FromMemory,
	learn.OriginCache:  FromCache,
	learn.OriginDream:  FromDream,
}

// screen says what speaks against an experience before anything is paid for, "" for
// nothing, and what speaks against its answer only: the lead model may answer better.
func (s *Study) screen() (rejected, weak string) {
	if s.Experience.HeldOut {
		return HeldOut, ""
	}
	if reason := byOrigin[s.Experience.Origin]; reason != "" {
		return reason, ""
	}
	if len(s.messages()) == 0 {
		return Unreadable, ""
	}
	if len(s.prompt)+len(s.answer) > maxPrompt {
		return TooLong, ""
	}
	if s.author != authorRecorded {
		return s.screenAnswer(), ""
	}
	if s.calls {
		return ToolCall, ""
	}
	if s.secret {
		return Secret, ""
	}
	return "", s.screenRecorded()
}

// screenRecorded looks at what only a recorded answer can have against it, then at its text.
func (s *Study) screenRecorded() string {
	switch {
	case s.Experience.Finish == "length" || s.Experience.Finish == "content_filter":
		return Cut
	case s.Experience.Rating != nil && *s.Experience.Rating < 0:
		return NegativeFeedback
	}
	return s.screenAnswer()
}

// screenAnswer looks at the text of the row's answer.
func (s *Study) screenAnswer() string {
	switch {
	case s.secret:
		return Secret
	case s.author == authorRecorded:
		return screen.Reason(s.messages(), s.answer)
	}
	return screen.Text(s.messages(), s.answer)
}

// messages are those before the answer, masked; none where they cannot be read.
func (s *Study) messages() []providers.Message {
	var messages []providers.Message
	if json.Unmarshal(s.prompt, &messages) != nil {
		return nil
	}
	return messages
}
