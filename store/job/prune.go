package job

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// PruneJobs deletes a bounded number of jobs that ended longer ago than the
// given while, with their attempts and effects, and returns how many: call it
// until it returns 0. A dream's, a tune's or a training's own job stays, for
// its noun shows it. What was spent stays too. It must run in a transaction.
func (q *UpkeepQueries) PruneJobs(ctx context.Context, older time.Duration) (int64, error) {
	return q.prune(ctx, `SELECT id FROM jobs WHERE finished < {now} - $1
		AND state IN ('succeeded', 'failed', 'cancelled', 'expired')
		AND (parent IS NOT NULL OR subject IS NULL) ORDER BY finished LIMIT $2 {skip}`,
		older.Microseconds(), int64(sweep))
}

// PruneTenantJobs is PruneJobs for one whose jobs no noun shows, whatever they are
// for: the ticks of the schedules, a hundred thousand a year.
func (q *UpkeepQueries) PruneTenantJobs(ctx context.Context, tenant string, older time.Duration) (int64, error) {
	return q.prune(ctx, `SELECT id FROM jobs WHERE tenant = $1 AND finished < {now} - $2
		AND state IN ('succeeded', 'failed', 'cancelled', 'expired') ORDER BY id LIMIT $3 {skip}`,
		tenant, older.Microseconds(), int64(sweep))
}

// prune deletes the jobs that a query names, with what hangs on them.
func (q *UpkeepQueries) prune(ctx context.Context, query string, args ...any) (int64, error) {
	var ids []string
	if err := q.Words(ctx, &ids, query, args...); err != nil || len(ids) == 0 {
		return 0, err
	}
	list := db.Encode(ids)
	for _, statement := range []string{
		`DELETE FROM attempts WHERE job IN ({list $1})`, `DELETE FROM effects WHERE job IN ({list $1})`,
		`DELETE FROM citations WHERE cites IN ({list $1})`,
	} {
		if _, err := q.Exec(ctx, statement, list); err != nil {
			return 0, err
		}
	}
	return q.Exec(ctx, `DELETE FROM jobs WHERE id IN ({list $1})`, list)
}

// keepAttached is how long the answer of a private job can be resumed, as long as
// its reply stream is kept.
const keepAttached = 10 * time.Minute

// ClearPrivate clears a bounded number of private jobs whose answer was not seen to
// be delivered, and returns how many: once it can not be resumed any more, and the
// given while after its end where no client waited on it. That should be no shorter,
// or the reply stream outlives it. It must run in a transaction.
func (q *UpkeepQueries) ClearPrivate(ctx context.Context, keep time.Duration) (int64, error) {
	var ids []string
	err := q.Words(ctx, &ids, `SELECT id FROM jobs WHERE NOT keep AND result IS NOT NULL
		AND finished < {now} - $1 AND (attached OR finished < {now} - $2) ORDER BY finished LIMIT $3 {skip}`,
		keepAttached.Microseconds(), keep.Microseconds(), int64(sweep))
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	list := db.Encode(ids)
	if _, err := q.Exec(ctx, `DELETE FROM effects WHERE job IN ({list $1})`, list); err != nil {
		return 0, err
	}
	return q.Exec(ctx, `UPDATE jobs SET input = '{}', result = NULL WHERE id IN ({list $1})`, list)
}

// JobsNeeded tells which of the jobs have not ended, or did so less than the given
// while ago: they may still be tried again.
func (q *UpkeepQueries) JobsNeeded(ctx context.Context, ids []string, ended time.Duration) (map[string]bool, error) {
	needed := make(map[string]bool, len(ids))
	err := q.Each(ctx, `SELECT id FROM jobs WHERE id IN ({list $1}) AND (finished IS NULL OR finished > {now} - $2)`,
		[]any{db.Encode(append([]string{}, ids...)), ended.Microseconds()}, func(rows db.Rows) error {
			var id string
			err := rows.Scan(&id)
			needed[id] = true
			return err
		})
	return needed, err
}
