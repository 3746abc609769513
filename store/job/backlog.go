package job

import (
	"context"
	"time"
)

// Backlog is how much of a tenant's work waits in a lane.
type Backlog struct {
	Queued int // due and not yet dispatched, counted up to a bound
	// Oldest is the waiting time of the next attached job.
	Oldest time.Duration
}

// Backlog counts the queued jobs of a tenant, at most so many.
func (q *ReadQueries) Backlog(ctx context.Context, tenant, lane string, atMost int) (Backlog, error) {
	var b Backlog
	var oldest int64
	err := q.One(ctx, `SELECT
		(SELECT count(*) FROM (SELECT 1 FROM jobs WHERE lane = $1 AND tenant = $2 AND phase = 'ready'
			LIMIT $3) AS waiting),
		coalesce((SELECT {now} - run_at FROM jobs WHERE lane = $1 AND tenant = $2 AND phase = 'ready'
			AND attached ORDER BY priority DESC, id LIMIT 1), 0)`,
		[]any{lane, tenant, int64(atMost)}, &b.Queued, &oldest)
	b.Oldest = max(0, time.Duration(oldest)*time.Microsecond)
	return b, err
}

// maxEnded bounds the count of Ended, so that it stays fast. A lane that ends more jobs than
// this in ten seconds needs no exact number.
const maxEnded = 100_000

// Ended counts a tenant's jobs in a lane that ended within the last while.
func (q *ReadQueries) Ended(ctx context.Context, tenant, lane string, within time.Duration) (int, error) {
	var n int
	err := q.One(ctx, `SELECT count(*) FROM (SELECT 1 FROM jobs WHERE finished > {now} - $3
		AND lane = $1 AND tenant = $2 LIMIT $4) AS ended`,
		[]any{lane, tenant, within.Microseconds(), int64(maxEnded)}, &n)
	return n, err
}
