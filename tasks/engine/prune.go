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
	keepRecords time.Duration // of entries, changes, batches, comparisons, and the sums and alerts of budgets
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
			audits, err := q.PruneAudits(ctx, p.keepRecords)
			if err != nil {
				return err
			}
			batches, err := q.PruneBatches(ctx, p.keepRecords)
			if err != nil {
				return err
			}
			days, err := q.PruneSpending(ctx, p.keepRecords)
			if err != nil {
				return err
			}
			alerts, err := q.PruneAlerts(ctx, p.keepRecords)
			if err != nil {
				return err
			}
			comparisons, err := q.PruneComparisons(ctx, p.keepRecords)
			if err != nil {
				return err
			}
			cleared, err := q.ClearPrivate(ctx, p.keepPrivate)
			gone += ticks + cleared + replies + audits + batches + days + alerts + comparisons
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

// mostTenants is how many tenants are read at once.
const mostTenants = 200

// sumUsage adds the days that are over to the sums that usage is read from.
func (p *pruner) sumUsage(ctx context.Context) error {
	err := p.eachTenant(ctx, p.store.UsageTenants, (*store.Queries).SumUsage)
	if err != nil {
		return fmt.Errorf("sum the usage of days: %w", err)
	}
	return nil
}

// pruneEntries deletes the entries of days that are summed, when they are old.
func (p *pruner) pruneEntries(ctx context.Context) error {
	due := func(ctx context.Context, after string, most int) ([]string, error) {
		return p.store.EntriesToPrune(ctx, p.keepRecords, after, most)
	}
	err := p.eachTenant(ctx, due, func(q *store.Queries, ctx context.Context, tenant string) (bool, error) {
		return q.PruneEntries(ctx, tenant, p.keepRecords)
	})
	if err != nil {
		return fmt.Errorf("prune old entries: %w", err)
	}
	return nil
}

// eachTenant makes a step of each tenant that it is due for until there is no more of it, each in a
// transaction of its own.
func (p *pruner) eachTenant(ctx context.Context, due func(ctx context.Context, after string, most int) ([]string, error),
	step func(q *store.Queries, ctx context.Context, tenant string) (more bool, err error),
) error {
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	after := ""
	for {
		tenants, err := due(ctx, after, mostTenants)
		if err != nil {
			return err
		}
		for _, after = range tenants {
			for more := true; more; {
				err := p.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
					more, err = step(q, ctx, after)
					return err
				})
				if err != nil {
					return err
				}
			}
		}
		if len(tenants) < mostTenants {
			return nil
		}
	}
}
