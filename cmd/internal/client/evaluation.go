package client

import (
	"context"
	"encoding/json"
	"net/url"
)

// Evaluation is a judged comparison of two models.
type Evaluation struct {
	ID            string         `json:"id"`
	Tune          string         `json:"tune"`
	Judge         string         `json:"judge"`
	Seed          int64          `json:"seed"`
	Candidate     string         `json:"candidate"`
	Incumbent     string         `json:"incumbent"`
	Conversations int            `json:"conversations"`
	Wins          int            `json:"wins"`
	Ties          int            `json:"ties"`
	Losses        int            `json:"losses"`
	WinRate       json.Number    `json:"win_rate"`
	Interval      [2]json.Number `json:"interval"`
	Margin        json.Number    `json:"margin"`
	Agreement     json.Number    `json:"agreement"`
	Decision      string         `json:"decision"`
	Reason        string         `json:"reason"`
}

// Evaluation returns an evaluation.
func (c *Client) Evaluation(ctx context.Context, id string) (Evaluation, error) {
	var e Evaluation
	err := c.get(ctx, "/v1/evaluations/"+url.PathEscape(id), &e)
	return e, err
}

// RepeatRequest is what the repetition of an evaluation may be told. Its zero value works.
type RepeatRequest struct {
	BudgetUSD json.Number `json:"budget_usd,omitempty"`
}

// RepeatEvaluation has the answers of an evaluation judged again. The job's result names the new
// evaluation.
func (c *Client) RepeatEvaluation(ctx context.Context, id string, r RepeatRequest) (Job, error) {
	var j Job
	err := c.post(ctx, "/v1/evaluations/"+url.PathEscape(id)+"/repeat", r, &j)
	return j, err
}
