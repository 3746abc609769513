package engine

import (
	"context"
	"fmt"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
)

const (
	// pruneEvery and pruneSteps bound how many ended jobs are deleted in a minute.
	pruneEvery = time.Minute
	pruneSteps = 50
	// keepTicks is how long the ended job of a schedule's tick is kept: as long as
	// its idempotency key holds, and long enough to see what the schedule did today.
	keepTicks = 24 * time.Hour
)

// pruner deletes what is kept for a time, when that is over.
type pruner struct {
	store       *store.Store
	metrics     *metrics
	keep        time.Duration // of ended jobs
	keepPrivate time.Duration // of the answers of private ones
}

// prune deletes jobs that ended long ago, in small steps.
func (p *pruner) prune(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	for range pruneSteps {
		var gone int64
		err := p.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
			if gone, err = q.PruneJobs(ctx, p.keep); err != nil {
				return err
			}
			ticks, err := q.PruneTenantJobs(ctx, SystemTenant, keepTicks)
			if err != nil {
				return err
			}
			replies, err := q.PruneReplies(ctx)
			if err != nil {
				return err
			}
			cleared, err := q.ClearPrivate(ctx, p.keepPrivate)
			gone += ticks + cleared + replies
			return err
		})
		if err != nil {
			return fmt.Errorf("prune ended jobs: %w", err)
		}
		p.metrics.pruned.Add(float64(gone))
		if gone == 0 {
			return nil
		}
	}
	return nil
}

// unknownFor is how long a try whose outcome was lost counts against budgets.
const unknownFor = time.Hour

// ageEntries takes old lost tries off the budgets.
func (p *pruner) ageEntries(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	for range pruneSteps {
		aged := 0
		err := p.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
			aged, err = q.AgeEntries(ctx, unknownFor)
			return err
		})
		if err != nil {
			return fmt.Errorf("age lost tries: %w", err)
		}
		if aged == 0 {
			return nil
		}
	}
	return nil
}

// sumUsage adds the days that are over to the sums that usage is read from.
func (p *pruner) sumUsage(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	const most = 200
	after := ""
	for {
		tenants, err := p.store.UsageTenants(ctx, after, most)
		if err != nil {
			return fmt.Errorf("look for days to sum: %w", err)
		}
		for _, tenant := range tenants {
			if err := p.sumTenant(ctx, tenant); err != nil {
				return fmt.Errorf("sum the usage of tenant %s: %w", tenant, err)
			}
			after = tenant
		}
		if len(tenants) < most {
			return nil
		}
	}
}

// sumTenant sums the days of one tenant, each in a transaction of its own.
func (p *pruner) sumTenant(ctx context.Context, tenant string) error {
	for more := true; more; {
		err := p.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
			more, err = q.SumUsage(ctx, tenant)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
