package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"dreamlab/cmd/internal/client"
)

// jobVerb works with jobs.
type jobVerb struct {
	List   jobListVerb   `cmd:"" default:"1" help:"list jobs, the newest first"`
	Show   jobShowVerb   `cmd:"" help:"show a job"`
	Calls  jobCallsVerb  `cmd:"" help:"list the calls of vendors that a job made"`
	Cancel jobCancelVerb `cmd:"" help:"cancel jobs"`
	Retry  jobRetryVerb  `cmd:"" help:"queue jobs once more that failed, expired or were cancelled"`
}

// jobFilter chooses jobs.
type jobFilter struct {
	Kind         string `placeholder:"KIND" help:"of this KIND: chat, embed, batch, dream, tune, experience, webhook ..."`
	Status       string `placeholder:"STATUS" help:"of this STATUS: queued, running, waiting, succeeded, failed, cancelled or expired"`
	Alias        string `placeholder:"ALIAS" help:"for this ALIAS"`
	Provider     string `placeholder:"VENDOR" help:"that asked this VENDOR"`
	Model        string `placeholder:"MODEL" help:"that asked this MODEL"`
	Key          string `placeholder:"ID" help:"of the key with this ID"`
	Conversation string `placeholder:"ID" help:"of the conversation with this ID"`
	Query        string `short:"q" placeholder:"TEXT" help:"with this TEXT in ids or metadata"`
}

// filters returns what is given, by the names of the API.
func (f jobFilter) filters() map[string]string {
	return map[string]string{
		"kind": f.Kind, "status": f.Status, "alias": f.Alias, "provider": f.Provider, "model": f.Model, "key": f.Key,
		"conversation_id": f.Conversation, "q": f.Query,
	}
}

// jobListVerb lists jobs.
type jobListVerb struct {
	jobFilter
	browsing
}

// Run lists them.
func (v *jobListVerb) Run(ctx context.Context, sh shell) error {
	return v.list(ctx, sh, "jobs", v.filters(), "id", "kind", "status", "attempt", "created_at", "finished_at", "cost_usd=usd",
		"error.code=error")
}

// jobShowVerb shows a job.
type jobShowVerb struct {
	ID string `arg:"" name:"id" help:"the job: job_…"`
	asking
}

// Run shows it.
func (v *jobShowVerb) Run(ctx context.Context, sh shell) error {
	return v.look(ctx, sh, client.Path("/v1/jobs", v.ID), jobFields()...)
}

func jobFields() []string {
	return []string{"id", "kind", "status", "priority", "attempt", "max_attempts", "created_at", "run_at", "started_at",
		"finished_at", "expires_at", "cost_usd=usd", "error.code=error", "error.message=why", "metadata", "input", "result"}
}

// jobCallsVerb lists the tries of a job at vendors.
type jobCallsVerb struct {
	ID string `arg:"" name:"id" help:"the job: job_…"`
	browsing
}

// Run lists them. An unknown price is shown as none, and not as 0.
func (v *jobCallsVerb) Run(ctx context.Context, sh shell) error {
	return v.list(ctx, sh, client.Path("jobs", v.ID)+"/calls", nil, "step", "number=try", "provider", "model", "state", "cause",
		"input_tokens=in", "output_tokens=out", "duration_ms=ms", "cost_usd=usd")
}

// jobChoice says which jobs are changed: those with these ids, or all that a filter chooses.
type jobChoice struct {
	IDs   []string      `arg:"" optional:"" name:"id" help:"the jobs: job_…"`
	Since time.Duration `placeholder:"DURATION" help:"of the last DURATION alone, as 24h"`
	jobFilter
	confirming
	asking
}

// jobCancelVerb cancels jobs.
type jobCancelVerb struct{ jobChoice }

// Help tells how many are chosen.
func (*jobCancelVerb) Help() string { return manyJobs }

// Run cancels them.
func (v *jobCancelVerb) Run(ctx context.Context, sh shell) error { return v.act(ctx, sh, "cancel") }

// jobRetryVerb queues jobs once more.
type jobRetryVerb struct{ jobChoice }

// Help tells how many are chosen.
func (*jobRetryVerb) Help() string { return manyJobs }

// Run queues them.
func (v *jobRetryVerb) Run(ctx context.Context, sh shell) error { return v.act(ctx, sh, "retry") }

const manyJobs = `Name jobs by their ids, or choose by flags: then all that match are meant, of any number, and
one job does the work, which is waited for. Jobs that were not changed are named, with why.`

// act changes one job at once, and more by a job of their own.
func (v *jobChoice) act(ctx context.Context, sh shell, action string) error {
	filter, chosen := map[string]any{}, false
	for name, value := range v.filters() {
		if value != "" {
			filter[name], chosen = value, true
		}
	}
	if v.Since > 0 {
		filter["created_after"], chosen = time.Now().Add(-v.Since).Unix(), true
	}
	if chosen == (len(v.IDs) > 0) {
		return misuse("name jobs by their ids, or choose them by flags")
	}
	if len(v.IDs) == 1 {
		return v.change(ctx, sh, func(c *client.Client) (json.RawMessage, error) {
			return c.Do(ctx, http.MethodPost, client.Path("/v1/jobs", v.IDs[0])+"/"+action, nil)
		}, "id", "kind", "status")
	}
	body := map[string]any{"action": action, "ids": v.IDs}
	if chosen {
		body = map[string]any{"action": action, "filter": filter}
		if err := v.confirm(sh, action+" all jobs that match"); err != nil {
			return err
		}
	}
	return v.bulk(ctx, sh, body)
}

// bulkResult is what came of many jobs.
type bulkResult struct {
	Action  string `json:"action"`
	Matched int    `json:"matched"`
	Done    int    `json:"done"`
	Total   int    `json:"refused_total"`
	Refused []struct {
		ID     string `json:"id"`
		Reason string `json:"reason"`
	} `json:"refused"`
}

func (v *jobChoice) bulk(ctx context.Context, sh shell, body any) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	raw, err := c.Do(ctx, http.MethodPost, "/v1/jobs/bulk", body)
	if err != nil {
		return err
	}
	var j client.Job
	if err := json.Unmarshal(raw, &j); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	j, err = await(ctx, waiting{}, j.ID, "/v1/jobs/", func(ctx context.Context) (client.Job, error) {
		return c.WatchJob(ctx, j.ID, func(client.Job) {})
	})
	if err != nil {
		return err
	}
	if err := unsuccessful(j.ID, j.Status, j.Error); err != nil {
		return err
	}
	var result bulkResult
	if err := json.Unmarshal(j.Result, &result); err != nil {
		return fmt.Errorf("read the result of %s: %w", j.ID, err)
	}
	return v.tell(sh, result)
}

func (v *jobChoice) tell(sh shell, r bulkResult) error {
	var err error
	if r.Total > 0 {
		err = errors.New("not all were changed")
	}
	if v.asJSON() {
		return errors.Join(json.NewEncoder(sh.out).Encode(r), err)
	}
	fmt.Fprintf(sh.out, "%s: %s matched, %d done, %d refused\n", r.Action, plural(int64(r.Matched), "job"), r.Done, r.Total)
	for _, refused := range r.Refused {
		fmt.Fprintf(sh.errs, "  %s: %s\n", refused.ID, refused.Reason)
	}
	return err
}
