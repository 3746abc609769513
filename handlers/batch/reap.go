package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/handlers"
	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/lines"
)

// Accept makes a job, with what else is to be written: the engine's method.
type Accept func(ctx context.Context, j job.NewJob, write func(context.Context, *store.Queries) error) (job.Job, bool, error)

// Reaper ends batches whose jobs were cancelled or failed while an order was under way at a
// vendor: another job asks the vendor to end the order, takes what it has answered, and puts
// its bill into the books. It deletes what vendors keep of orders that are over, too. Any number may run. All but
// Every and Log are required.
type Reaper struct {
	Store   *store.Store
	Accept  Accept
	Vendors Vendors
	// Every is the pause between rounds. Defaults to 10 s.
	Every time.Duration
	Log   zerolog.Logger
}

// Bounds of a round.
const (
	reapEvery = 10 * time.Second
	maxRound  = 2 * time.Minute
	maxReaped = 50 // batches
)

// Run makes rounds until ctx ends. Failures are logged, and tried again by the next round.
func (r *Reaper) Run(ctx context.Context) error {
	every := r.Every
	if every <= 0 {
		every = reapEvery
	}
	return handlers.Repeat(ctx, every, maxRound, func(ctx context.Context) {
		if err := r.Reap(ctx); err != nil && ctx.Err() == nil {
			r.Log.Warn().Err(err).Msg("could not end all abandoned batches or delete all that vendors keep; a later round tries again")
		}
	})
}

// Reap makes one round. It can be repeated.
func (r *Reaper) Reap(ctx context.Context) error {
	return errors.Join(r.abandoned(ctx), r.clean(ctx))
}

func (r *Reaper) abandoned(ctx context.Context) error {
	left, err := r.Store.AbandonedBatches(ctx, maxReaped)
	if err != nil {
		return fmt.Errorf("find abandoned batches: %w", err)
	}
	for _, row := range left {
		if err := r.reap(ctx, row); err != nil {
			return fmt.Errorf("end batch %s: %w", row.ID, err)
		}
	}
	return nil
}

// reap gives a batch to another job, or ends it where no vendor has heard of it.
func (r *Reaper) reap(ctx context.Context, row batch.Batch) error {
	var spec batch.Spec
	if err := json.Unmarshal(row.Spec, &spec); err != nil {
		return fmt.Errorf("read its state: %w", err)
	}
	switch spec.Phase {
	case batch.PhaseSubmit, batch.PhaseAdopt, batch.PhasePoll, batch.PhaseCollect:
		return r.adopt(ctx, row)
	}
	row.Status = row.Shown() // as its job has ended
	return r.Store.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if err := q.DropLines(ctx, row.ID); err != nil {
			return err
		}
		return q.SetBatch(ctx, row)
	})
}

func (r *Reaper) adopt(ctx context.Context, row batch.Batch) error {
	own := job.NewJob{
		ID: db.NewID("job_"), Tenant: row.Tenant, Kind: string(tasks.BatchRun), Subject: row.ID,
		Input: plainjson.Of(lines.BatchInput{Batch: row.ID}),
	}
	_, _, err := r.Accept(ctx, own, func(ctx context.Context, q *store.Queries) error {
		return q.AdoptBatch(ctx, row.ID, own.ID)
	})
	return err
}
