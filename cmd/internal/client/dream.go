package client

import (
	"context"
	"encoding/json"
)

// DreamCounts say how far a dream is.
type DreamCounts struct {
	Experiences int            `json:"experiences"`
	Replayed    int            `json:"replayed"`
	Judged      int            `json:"judged"`
	Verified    int            `json:"verified"`
	Reflections int            `json:"reflections"`
	Kept        int            `json:"examples_kept"`
	Anticipated int            `json:"anticipated"`       // answers to likely next questions, in the cache
	Improved    int            `json:"examples_improved"` // of those kept, written by the lead model
	Rejected    map[string]int `json:"examples_rejected"`
}

// Dream is a run over experiences.
type Dream struct {
	ID          string      `json:"id"`
	Job         string      `json:"job"`
	Status      string      `json:"status"`
	Stage       string      `json:"stage"`
	Error       *JobError   `json:"error"`
	Counts      DreamCounts `json:"counts"`
	CostUSD     json.Number `json:"cost_usd"`
	LiveCostUSD json.Number `json:"live_cost_usd"`
	Result      struct {
		DryRun *DreamEstimate `json:"dry_run"`
	} `json:"result"`
}

// DreamEstimate is what a dry run found out. Calls and cost are upper bounds.
type DreamEstimate struct {
	Experiences int         `json:"experiences"`
	HeldOut     int         `json:"held_out"`
	Screened    int         `json:"screened"`
	Calls       int         `json:"calls"`
	CostUSD     json.Number `json:"cost_usd"` // at most
	ExpectedUSD json.Number `json:"expected_usd"`
	Moved       struct {
		Why string `json:"why"` // how many conversations are made up, and why
	} `json:"moved"`
}

// Ended tells whether the dream is over.
func (d Dream) Ended() bool { return ended(d.Status) }

// DreamRequest is what a dream may be told. Its zero value works.
type DreamRequest struct {
	Limit     int         `json:"limit,omitempty"`
	Mode      string      `json:"mode,omitempty"`
	BudgetUSD json.Number `json:"budget_usd,omitempty"`
	DryRun    bool        `json:"dry_run,omitempty"`
}

// Dream starts a dream.
func (c *Client) Dream(ctx context.Context, r DreamRequest) (Dream, error) {
	var d Dream
	err := c.post(ctx, "/v1/dreams", r, &d)
	return d, err
}

// WatchDream looks at a dream until it is over.
func (c *Client) WatchDream(ctx context.Context, id string, show func(Dream)) (Dream, error) {
	return watch(ctx, c, "/v1/dreams/"+id, show)
}

// Dreams lists the newest dreams.
func (c *Client) Dreams(ctx context.Context) ([]Dream, error) {
	var page struct{ Data []Dream }
	err := c.get(ctx, "/v1/dreams?limit=5", &page)
	return page.Data, err
}
