package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/store"
)

const (
	shallow    = 10_000
	deep       = 1_000_000
	tenants    = 1000
	pickRounds = 30
	pickSize   = 100
)

// fill puts rows from $1 to $2 into the queue, spread over the tenants. Both
// databases take it.
const fill = `WITH RECURSIVE n(i) AS (SELECT CAST($1 AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i < $2)
	INSERT INTO jobs (id, tenant, kind, lane, state, input, run_at, due, created)
	SELECT 'job_' || (1000000000000 + i), 'tenant-' || (i % $3), 'experience.import', 'system', 'queued', '{}',
		1, TRUE, 1 FROM n`

// errKept makes a round of dispatch be taken back, so that the queue stays as
// long as it is.
var errKept = errors.New("the round is taken back")

// backlog takes the time of one round of dispatch on a short and on a long
// queue.
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

// pickTime returns the median time of a round.
func pickTime(ctx context.Context, s *store.Store) (time.Duration, error) {
	took := make([]time.Duration, pickRounds)
	room := store.Room{Window: pickSize, TenantCap: pickSize}
	for i := range took {
		began := time.Now()
		err := s.Tx(ctx, store.Relaxed, func(q *store.Queries) error {
			picked, err := q.PickJobs(ctx, "system", room)
			if err != nil {
				return err
			}
			if len(picked) != pickSize {
				return fmt.Errorf("%d jobs were picked instead of %d", len(picked), pickSize)
			}
			if err := q.MarkDispatched(ctx, picked); err != nil {
				return err
			}
			took[i] = time.Since(began)
			return errKept
		})
		if !errors.Is(err, errKept) {
			return 0, err
		}
	}
	return quantile(took, 0.5), nil
}
