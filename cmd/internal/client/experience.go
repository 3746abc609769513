package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
	Feedback  *Feedback `json:"feedback,omitempty"`
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

// Feedback is what a user says of an answer.
type Feedback struct {
	Rating     int    `json:"rating"` // -1, 0 or 1
	Correction string `json:"correction,omitempty"`
}

// Rate says what a user thinks of the newest answer of a conversation, named by the client's own id.
func Rate(ctx context.Context, c *Client, conversation string, said Feedback) error {
	var found struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := c.get(ctx, "/v1/experiences?limit=1&conversation_id="+url.QueryEscape(conversation), &found); err != nil {
		return err
	}
	if len(found.Data) == 0 {
		return fmt.Errorf("rate an answer: there is no conversation %s", conversation)
	}
	var rated json.RawMessage
	return c.post(ctx, "/v1/experiences/"+found.Data[0].ID+"/feedback", said, &rated)
}
