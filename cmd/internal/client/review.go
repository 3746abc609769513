package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Verdict is what a person says of an example.
type Verdict struct {
	Verdict string `json:"verdict"` // keep, reject
	Reason  string `json:"reason,omitempty"`
	Answer  string `json:"answer,omitempty"` // with keep: the row's from then on
}

// Example is a row that models are trained on, with what a person said of it.
type Example struct {
	ID       string          `json:"id"`
	Alias    string          `json:"alias"`
	Messages json.RawMessage `json:"messages"`
	Author   string          `json:"author"`
	Review   struct {
		Status string `json:"status"` // open, kept, rejected, edited
		Reason string `json:"reason"`
	} `json:"review"`
}

// Review stores a verdict on an example.
func (c *Client) Review(ctx context.Context, id string, v Verdict) (Example, error) {
	var e Example
	err := c.post(ctx, "/v1/examples/"+url.PathEscape(id)+"/review", v, &e)
	return e, err
}

// UndoReview takes the verdict on an example back.
func (c *Client) UndoReview(ctx context.Context, id string) (Example, error) {
	var e Example
	err := c.read(ctx, request{method: http.MethodDelete, path: "/v1/examples/" + url.PathEscape(id) + "/review"}, &e)
	return e, err
}
