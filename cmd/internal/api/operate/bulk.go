package operate

import (
	"net/http"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/bulk"
)

// Accepted answers with a job that was accepted, as the other routes do.
type Accepted func(w http.ResponseWriter, c *wire.Call, j job.Job) error

// Bulk makes jobs that retry or cancel many.
type Bulk struct {
	gate     *gate.Gate
	accepted Accepted
}

// bulkBody is the body of POST /v1/jobs/bulk.
type bulkBody struct {
	Action string      `json:"action"`
	Filter *bulkFilter `json:"filter"`
	IDs    []string    `json:"ids"`
}

type bulkFilter struct {
	Kind         string `json:"kind"`
	Status       string `json:"status"`
	Key          string `json:"key"`
	Alias        string `json:"alias"`
	Provider     string `json:"provider"`
	Model        string `json:"model"`
	Text         string `json:"q"`
	Conversation string `json:"conversation_id"`
	After        int64  `json:"created_after"` // unix seconds
	Before       int64  `json:"created_before"`
}

// Create makes a job that acts on those that the client names, or that its filter
// chooses; never on all by leaving out both.
func (h Bulk) Create(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	var b bulkBody
	if err := wire.Decode(body, &b); err != nil {
		return err
	}
	in, err := b.input()
	if err != nil {
		return err
	}
	j, _, err := h.gate.Accept(c, gate.Asked{Hash: gate.HashOf(c, body), Job: job.NewJob{
		Kind: string(tasks.JobBulk), Input: plainjson.Of(in),
	}})
	if err != nil {
		return err
	}
	return h.accepted(w, c, j)
}

func (b bulkBody) input() (bulk.Input, error) {
	in := bulk.Input{Action: b.Action, IDs: b.IDs}
	switch {
	case b.Action != bulk.Retry && b.Action != bulk.Cancel:
		return in, wire.Invalid("action", "action is retry or cancel.")
	case (b.Filter == nil) == (len(b.IDs) == 0):
		return in, wire.Invalid("filter", "Give either a filter or ids.")
	case len(b.IDs) > bulk.MaxIDs:
		return in, wire.Invalid("ids", "ids has at most %d jobs: use a filter.", bulk.MaxIDs)
	case b.Filter == nil:
		return in, nil
	}
	f := b.Filter
	if *f == (bulkFilter{}) {
		return in, wire.Invalid("filter", "The filter is empty: narrow it as GET /v1/jobs is narrowed.")
	}
	if err := JobFilter(f.Kind, f.Status); err != nil {
		return in, err
	}
	by := db.Filter{Provider: f.Provider, Model: f.Model}
	if err := gate.Divide(&by); err != nil {
		return in, err
	}
	in.Filter = &bulk.Filter{
		Kind: f.Kind, Status: f.Status, Key: f.Key, Conversation: f.Conversation,
		Alias: f.Alias, Provider: by.Provider, Model: by.Model, Text: f.Text,
	}
	for at, seconds := range map[*time.Time]int64{&in.Filter.After: f.After, &in.Filter.Before: f.Before} {
		if seconds < 0 {
			return in, wire.Invalid("filter", "created_after and created_before are unix seconds.")
		}
		if seconds > 0 {
			*at = time.Unix(seconds, 0).UTC()
		}
	}
	return in, nil
}

// JobFilter refuses a kind or a status that no job has.
func JobFilter(kind, status string) error {
	err := wire.OneOf("kind", kind, "chat", "embed", "batch", "conversation", "experience", "dream", "tune", "schedule",
		"webhook", "job")
	if err != nil {
		return err
	}
	return wire.OneOf("status", status, JobStatuses()...)
}

// JobStatuses are the states of a job as clients see them.
func JobStatuses() []string {
	return []string{"queued", "running", "waiting", "succeeded", "failed", "cancelled", "expired"}
}
