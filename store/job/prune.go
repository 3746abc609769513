package job

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// PruneJobs deletes a bounded number of jobs that ended longer ago than the given age, with
// their attempts and effects, and returns how many: call it until it returns 0. The own job of
// a dream, a tune or a training is kept, because the API shows it with them. Entries are kept
// too. It must run in a transaction.
func (q *UpkeepQueries) PruneJobs(ctx context.Context, older time.Duration) (int64, error) {
	return q.prune(ctx, `SELECT id FROM jobs WHERE finished < {now} - $1
		AND state IN ('succeeded', 'failed', 'cancelled', 'expired')
		AND (parent IS NOT NULL OR subject IS NULL) ORDER BY finished LIMIT $2 {skip}`,
		older.Microseconds(), int64(sweep))
}

// PruneTenantJobs is PruneJobs for a tenant whose jobs belong to no dream, tune or training, kind:
// the ticks of the schedules, a hundred thousand a year.
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
		`DELETE FROM citations WHERE cites IN ({list $1})`, `DELETE FROM words WHERE id IN ({list $1})`,
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

// ClearPrivate clears a bounded number of private jobs whose answer was not confirmed as
// delivered, and returns how many: attached ones once their answer cannot be resumed any more,
// others once the given age after their end has passed. That age should be no shorter than the
// life of a reply stream. It must run in a transaction.
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

// JobsNeeded returns which of the jobs have not ended, or ended less than the given age ago, so
// that they may still be retried.
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
