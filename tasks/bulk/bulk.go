// Package bulk is the contract of job.bulk: one action on many of a tenant's jobs.
package bulk

import "time"

// The actions.
const (
	Retry  = "retry"
	Cancel = "cancel"
)

// MaxIDs bounds the jobs that one request names.
const MaxIDs = 10_000

// MaxRefused bounds the refusals that a result lists; all are counted.
const MaxRefused = 1000

// Input is the input of job.bulk. It has a filter or ids.
type Input struct {
	Action string   `json:"action"`
	Filter *Filter  `json:"filter,omitempty"`
	IDs    []string `json:"ids,omitempty"`
}

// Filter chooses jobs that a client has made. Empty fields choose all.
type Filter struct {
	Kind         string    `json:"kind,omitempty"`
	Status       string    `json:"status,omitempty"`
	Key          string    `json:"key,omitempty"` // its id
	Conversation string    `json:"conversation_id,omitempty"`
	Alias        string    `json:"alias,omitempty"`
	Provider     string    `json:"provider,omitempty"`
	Model        string    `json:"model,omitempty"` // the vendor's name of it. Only with Provider.
	Text         string    `json:"q,omitempty"`
	After        time.Time `json:"created_after,omitzero"`
	Before       time.Time `json:"created_before,omitzero"`
}

// Result is what became of the jobs.
type Result struct {
	Action       string    `json:"action"`
	Matched      int       `json:"matched"`
	Done         int       `json:"done"`
	RefusedTotal int       `json:"refused_total"`
	Refused      []Refusal `json:"refused"` // the first MaxRefused
}

// Refusal says why nothing was done to a job.
type Refusal struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}
