package dream

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/providers/redact"
	"dreamlab/store"
)

// replayTokens bounds a replayed answer.
const replayTokens = 1024

// mostPrompt bounds what is dreamt of, in bytes of the conversation.
const mostPrompt = 64 << 10

// Who wrote a row's answer.
const (
	authorUser      = "user"
	authorReference = "reference"
	authorRecorded  = "recorded"
)

// paper is an experience with the row that may come of it, free of personal data.
type paper struct {
	store.Experience
	prompt   json.RawMessage // messages before the answer, masked
	answer   string          // of the row, masked
	author   string
	recorded string // the recorded answer, masked
	secret   bool   // the answer held a secret
	calls    bool   // the recorded answer calls tools
}

// newPaper chooses the row's answer: the user's correction, else the
// reference, else what was recorded. A reference that can be checked exactly
// and that the recorded answer meets leaves the recorded one: it says the same
// and how it came to it.
func newPaper(e store.Experience) *paper {
	p := &paper{Experience: e, author: authorRecorded}
	var message providers.Message
	if json.Unmarshal(e.Answer, &message) == nil {
		p.recorded, p.calls = message.Text(), len(message.ToolCalls) > 0
	}
	answer := p.recorded
	checkable, right := judge.Exact(e.Reference, p.recorded)
	switch {
	case e.Correction != "":
		answer, p.author = e.Correction, authorUser
	case e.Reference != "" && !(checkable && right):
		answer, p.author = e.Reference, authorReference
	}
	p.recorded, _ = redact.Mask(p.recorded)
	p.answer, p.secret = redact.Mask(strings.TrimSpace(answer))
	p.prompt = maskMessages(e.Prompt)
	return p
}

// row is the conversation with the answer, as it is trained on.
func (p *paper) row() json.RawMessage {
	var messages []json.RawMessage
	if err := json.Unmarshal(p.prompt, &messages); err != nil { // masked by us
		panic(err)
	}
	return encode(append(messages, encode(providers.TextMessage("assistant", p.answer))))
}

// content tells equal rows.
func (p *paper) content() string {
	sum := sha256.Sum256(p.row())
	return hex.EncodeToString(sum[:])
}

// feedback is what the user said of the recorded answer, in words. Beside a
// correction it would speak of another answer than the row's.
func (p *paper) feedback() string {
	if p.author != authorRecorded {
		return ""
	}
	comment, _ := redact.Mask(p.Comment)
	switch {
	case p.Rating == nil, *p.Rating == 0:
		return comment
	case *p.Rating > 0:
		return strings.TrimSpace("The user liked the recorded answer. " + comment)
	}
	return strings.TrimSpace("The user disliked the recorded answer. " + comment)
}
