package tasks

import "encoding/json"

// ImportInput is the input of experience.import: an object in the bucket that
// holds one conversation a line.
type ImportInput struct {
	Object string `json:"object"`
	Lines  int64  `json:"lines"`
}

// ImportResult is what came of it.
type ImportResult struct {
	Accepted   int64      `json:"accepted"`
	Duplicates int64      `json:"duplicates"`
	Rejected   []Rejected `json:"rejected"`
	// More counts the rejected lines beyond the hundred that are listed.
	More int64 `json:"more_rejected,omitempty"`
}

// Rejected is a line that was not taken.
type Rejected struct {
	Line   int64  `json:"line"` // counted from 1
	Reason string `json:"reason"`
}

// ConversationLine is one line of an import, and the JSON body of
// POST /v1/experiences. The last assistant message is the answer.
type ConversationLine struct {
	Messages       []Message       `json:"messages"`
	ConversationID string          `json:"conversation_id,omitempty"`
	Reference      string          `json:"reference,omitempty"`
	Feedback       *Feedback       `json:"feedback,omitempty"`
	Metadata       json.RawMessage `json:"metadata,omitempty"`
}

// Message is one turn of a conversation, in OpenAI's shape.
type Message struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content,omitempty"`
	Name       string          `json:"name,omitempty"`
	ToolCalls  json.RawMessage `json:"tool_calls,omitempty"`
	ToolCallID string          `json:"tool_call_id,omitempty"`
}

// Feedback is a judgement on an answer.
type Feedback struct {
	Rating     *int   `json:"rating,omitempty"` // -1, 0 or 1
	Comment    string `json:"comment,omitempty"`
	Correction string `json:"correction,omitempty"`
}
