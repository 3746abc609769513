package client

import (
	"context"
	"encoding/json"
)

// JobError is why something did not succeed.
type JobError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Job is a unit of work.
type Job struct {
	ID      string          `json:"id"`
	Kind    string          `json:"kind"`
	Status  string          `json:"status"`
	Result  json.RawMessage `json:"result"`
	Error   *JobError       `json:"error"`
	CostUSD json.Number     `json:"cost_usd"`
}

// Ended tells whether the job's status is final.
func (j Job) Ended() bool { return ended(j.Status) }

func ended(status string) bool {
	switch status {
	case "succeeded", "failed", "cancelled", "expired":
		return true
	}
	return false
}

// WatchJob looks at a job until it has ended.
func (c *Client) WatchJob(ctx context.Context, id string, show func(Job)) (Job, error) {
	return watch(ctx, c, "/v1/jobs/"+id, show)
}
