package forget

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/handlers"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/retention"
)

// mostTenants is how many tenants are read at once.
const mostTenants = 200

// Retention deletes what was learned when it is older than it is to be kept, page by page. It has a clock of its
// own. Any number may run. Store is required; what has no age is kept for ever.
type Retention struct {
	Store *store.Store
	// Experiences are deleted by whole conversations, with their training rows.
	Experiences retention.Experiences
	// Dreams is how long dreams are kept after their end, with their lessons, and versions of the memory.
	Dreams time.Duration
	// Every is the pause between rounds. Defaults to ten minutes.
	Every time.Duration
	Log   zerolog.Logger
}

// Run makes rounds until ctx ends. Failures are logged, and tried again by the next round.
func (r *Retention) Run(ctx context.Context) error {
	every := r.Every
	if every <= 0 {
		every = 10 * time.Minute
	}
	return handlers.Repeat(ctx, every, maxRound, r.round)
}

func (r *Retention) round(ctx context.Context) {
	gone, err := r.Prune(ctx)
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		r.Log.Warn().Err(err).Msg("deleted what is older than it is kept, but not all of it; the next round goes on")
	}
	if gone > 0 {
		r.Log.Info().Int64("rows", gone).Msg("deleted what is older than it is kept")
	}
}

// Prune makes one round and tells how many experiences, lines of batches, dreams and versions it deleted. A tenant that can not be
// seen to does not keep the others from it.
func (r *Retention) Prune(ctx context.Context) (gone int64, err error) {
	var faults []error
	if older := r.Experiences.Older; older > 0 {
		n, err := r.eachTenant(ctx, func(after string) ([]string, error) {
			return r.Store.ExperiencesToPrune(ctx, older, after, mostTenants)
		}, func(q *store.Queries, tenant, after string) (retention.Step, error) {
			return q.PruneExperiences(ctx, tenant, r.Experiences, after)
		})
		lines, lineErr := r.pruneBatches(ctx, older)
		gone, faults = gone+n+lines, append(faults, err, lineErr)
	}
	if older := r.Dreams; older > 0 {
		n, err := r.eachTenant(ctx, func(after string) ([]string, error) {
			return r.Store.DreamsToPrune(ctx, older, after, mostTenants)
		}, func(q *store.Queries, tenant, after string) (retention.Step, error) {
			return q.PruneDreams(ctx, tenant, older, after)
		})
		gone, faults = gone+n, append(faults, err)
	}
	if gone > 0 {
		faults = append(faults, r.Store.Scrub(ctx))
	}
	return gone, errors.Join(faults...)
}

// pruneBatches deletes batches that ended that long ago: their lines hold what was asked and answered.
func (r *Retention) pruneBatches(ctx context.Context, older time.Duration) (gone int64, err error) {
	for n := int64(1); n > 0; gone += n {
		err := r.Store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
			n, err = q.PruneBatches(ctx, older)
			return err
		})
		if err != nil {
			return gone, fmt.Errorf("delete old batches: %w", err)
		}
	}
	return gone, nil
}

// eachTenant makes steps for each tenant that they are due for.
func (r *Retention) eachTenant(ctx context.Context, due func(after string) ([]string, error),
	step func(q *store.Queries, tenant, after string) (retention.Step, error),
) (gone int64, err error) {
	var faults []error
	for after := ""; ; {
		tenants, err := due(after)
		if err != nil {
			return gone, errors.Join(append(faults, fmt.Errorf("look for what is old: %w", err))...)
		}
		for _, after = range tenants {
			n, err := r.steps(ctx, after, step)
			gone += n
			if err != nil {
				faults = append(faults, fmt.Errorf("delete what is old of %s: %w", after, err))
			}
		}
		if len(tenants) < mostTenants || ctx.Err() != nil {
			return gone, errors.Join(faults...)
		}
	}
}

// steps makes a tenant's steps, each in a transaction of its own.
func (r *Retention) steps(ctx context.Context, tenant string,
	step func(q *store.Queries, tenant, after string) (retention.Step, error),
) (gone int64, err error) {
	made := retention.Step{More: true}
	for made.More {
		after := made.After // the transaction may be tried again
		err := r.Store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
			made, err = step(q, tenant, after)
			return err
		})
		if err != nil {
			return gone, err
		}
		gone += made.Gone
	}
	return gone, nil
}
