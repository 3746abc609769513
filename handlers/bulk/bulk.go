// Package bulk retries or cancels many of a tenant's jobs, one by one, as one job
// (job.bulk).
package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/bulk"
)

// Engine ends jobs and queues them again. *engine.Engine is one.
type Engine interface {
	// Cancel asks for a job's end. Repeating it is harmless.
	Cancel(ctx context.Context, tenant, id string) (job.Job, error)
	// Retry queues an ended job again, or fails with db.ErrConflict.
	Retry(ctx context.Context, tenant, id string) (job.Job, error)
}

// page is how many jobs are looked at in one go.
const page = 500

// Run returns the handler of job.bulk. An attempt that breaks off begins again: what
// is done already is not found any more, or refused.
func Run(e Engine) tasks.Handler {
	return func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		b := &bulkRun{engine: e, run: run}
		if err := run.Decode(&b.in); err != nil {
			return nil, err
		}
		b.result = bulk.Result{Action: b.in.Action, Refused: []bulk.Refusal{}}
		work := b.all
		if b.in.Filter == nil {
			work = b.named
		}
		if err := work(ctx); err != nil {
			return nil, err
		}
		return &tasks.End{Result: plainjson.Of(b.result)}, nil
	}
}

type bulkRun struct {
	engine Engine
	run    *tasks.Run
	in     bulk.Input
	result bulk.Result
}

// named acts on the jobs that the client named.
func (b *bulkRun) named(ctx context.Context) error {
	for _, id := range b.in.IDs {
		if err := b.act(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// all acts on the jobs that the filter chooses, of those made before this one.
func (b *bulkRun) all(ctx context.Context) error {
	f := b.in.Filter
	p := db.Page{Limit: page, Ascending: true, To: b.run.Job.ID}
	if !f.After.IsZero() {
		p.From = db.IDAt("job_", f.After)
	}
	if !f.Before.IsZero() {
		p.To = min(p.To, db.IDAt("job_", f.Before))
	}
	chosen := job.Filter{
		Noun: f.Kind, Status: f.Status, Key: f.Key, Conversation: f.Conversation, Alias: f.Alias, Provider: f.Provider,
		Model: f.Model, Text: f.Text, Brief: true,
	}
	for more := true; more; {
		var rows []job.Job
		var err error
		if rows, more, err = b.run.Store.Jobs(ctx, b.run.Job.Tenant, chosen, p); err != nil {
			return fmt.Errorf("find the jobs: %w", err)
		}
		for _, j := range rows {
			if p.After = j.ID; !b.fits(j.State) {
				continue
			}
			if err := b.act(ctx, j.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// fits leaves out jobs of which the action asks nothing: a filter means those that can
// be cancelled, or retried.
func (b *bulkRun) fits(state job.State) bool {
	if b.in.Action == bulk.Cancel {
		return !state.Ended()
	}
	return slices.Contains([]job.State{job.StateFailed, job.StateCancelled, job.StateExpired}, state)
}

// act does one job. What refuses it is told in the result; what is broken ends the run.
func (b *bulkRun) act(ctx context.Context, id string) error {
	do := b.engine.Cancel
	if b.in.Action == bulk.Retry {
		do = b.engine.Retry
	}
	b.result.Matched++
	_, err := do(ctx, b.run.Job.Tenant, id)
	switch {
	case err == nil:
		b.result.Done++
	case errors.Is(err, db.ErrNotFound):
		b.refuse(id, "there is no such job")
	case errors.Is(err, db.ErrConflict):
		b.refuse(id, "its state does not allow it")
	default:
		return &tasks.Failure{Code: "internal", Message: "the jobs could not be reached: " + err.Error(), After: time.Second}
	}
	return nil
}

func (b *bulkRun) refuse(id, reason string) {
	b.result.RefusedTotal++
	if len(b.result.Refused) < bulk.MaxRefused {
		b.result.Refused = append(b.result.Refused, bulk.Refusal{ID: id, Reason: reason})
	}
}
