package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
)

// Message is one turn.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Conversation is a line of an import; its last message is the answer.
type Conversation struct {
	ID        string    `json:"conversation_id,omitempty"`
	Messages  []Message `json:"messages"`
	Reference string    `json:"reference,omitempty"`
}

// ImportResult is what came of an import.
type ImportResult struct {
	Accepted   int64      `json:"accepted"`
	Duplicates int64      `json:"duplicates"`
	Rejected   []Rejected `json:"rejected"`
	More       int64      `json:"more_rejected,omitempty"` // beyond those that are listed
	Dropped    int64      `json:"dropped_fields,omitempty"`
	// DroppedTurns counts the oldest turns of conversations that are too long as a whole.
	DroppedTurns int64 `json:"dropped_turns,omitempty"`
}

// Rejected is a line, or an item of an array, that was not taken.
type Rejected struct {
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
}

// Import sends conversations, one a line, and returns the job that takes them in.
func (c *Client) Import(ctx context.Context, lines io.Reader) (Job, error) {
	var job Job
	err := c.read(ctx, request{
		method: http.MethodPost, path: "/v1/experiences", kind: "application/x-ndjson", body: lines,
	}, &job)
	return job, err
}

// Imported reads the result of an import.
func (j Job) Imported() (ImportResult, error) {
	var result ImportResult
	err := json.Unmarshal(j.Result, &result)
	return result, err
}
