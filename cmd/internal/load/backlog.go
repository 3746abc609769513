package load

import (
	"context"
	"fmt"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
)

const (
	shallow    = 10_000
	deep       = 1_000_000
	tenants    = 1000
	pickRounds = 30
	pickSize   = 100
)

// fill inserts the queued rows $1 to $2, spread over the tenants. Both databases accept it.
const fill = `WITH RECURSIVE n(i) AS (SELECT CAST($1 AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i < $2)
	INSERT INTO jobs (id, tenant, kind, lane, state, phase, input, run_at, created)
	SELECT 'job_' || (1000000000000 + i), 'tenant-' || (i % $3), 'experience.import', 'system', 'queued', 'ready',
		'{}', 1, 1 FROM n`

// backlog measures a round of dispatch on a short and on a long queue.
func backlog(ctx context.Context, r *rig) ([]Figure, error) {
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	var times [2]time.Duration
	filled := 0
	for i, depth := range []int{r.count(shallow), r.count(deep)} {
		if err := deepen(ctx, r.stack.Store, filled, depth); err != nil {
			return nil, err
		}
		filled = depth
		took, err := pickTime(ctx, r.stack.Store)
		if err != nil {
			return nil, err
		}
		times[i] = took
	}
	return []Figure{
		atMost("backlog", fmt.Sprintf("next %d of %d", pickSize, r.count(shallow)), millis(times[0]), "ms", 10),
		atMost("backlog", fmt.Sprintf("next %d of %d", pickSize, r.count(deep)), millis(times[1]), "ms", 10),
		atMost("backlog", "long to short", float64(times[1])/float64(times[0]), "times", 1.5),
	}, nil
}

// deepen makes the queue longer, in steps.
func deepen(ctx context.Context, s *store.Store, from, to int) error {
	const step = 20_000
	for from < to {
		next := min(from+step, to)
		if _, err := s.Driver().Exec(ctx, fill, int64(from+1), int64(next), int64(tenants)); err != nil {
			return fmt.Errorf("fill the queue: %w", err)
		}
		from = next
	}
	if _, err := s.Driver().Exec(ctx, "ANALYZE"); err != nil {
		return fmt.Errorf("count the queue: %w", err)
	}
	return nil
}

// pickTime returns the median time of a round, with its commit. The picked jobs are queued
// again, so that the queue keeps its length. They are not picked in a transaction that is
// rolled back, because then every round would see tenants that were never served.
func pickTime(ctx context.Context, s *store.Store) (time.Duration, error) {
	took := make([]time.Duration, pickRounds)
	for i := range took {
		began := time.Now()
		picked, err := pickRound(ctx, s)
		took[i] = time.Since(began)
		if err != nil {
			return 0, err
		}
		if len(picked) != pickSize {
			return 0, fmt.Errorf("%d jobs were picked instead of %d", len(picked), pickSize)
		}
		if err := putBack(ctx, s, picked); err != nil {
			return 0, err
		}
	}
	return quantile(took, 0.5), nil
}

func pickRound(ctx context.Context, s *store.Store) (picked []job.Picked, err error) {
	room := job.Limits{Window: pickSize, TenantCap: pickSize}
	err = s.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
		if picked, err = q.PickJobs(ctx, "system", room); err != nil {
			return err
		}
		return q.MarkDispatched(ctx, picked)
	})
	return picked, err
}

func putBack(ctx context.Context, s *store.Store, picked []job.Picked) error {
	refs := make([]job.Ref, len(picked))
	for i, p := range picked {
		refs[i] = job.Ref{ID: p.ID, Gen: p.Gen}
	}
	return s.Tx(ctx, db.Relaxed, func(q *store.Queries) error {
		_, err := q.LoseWakes(ctx, refs)
		return err
	})
}
