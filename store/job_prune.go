package store

import (
	"context"
	"time"
)

// PruneJobs deletes a bounded number of jobs that ended longer ago than the
// given while, with their attempts and effects, and returns how many: call it
// until it returns 0. A dream's, a tune's or a training's own job stays, for
// its noun shows it. What was spent stays too. It must run in a transaction.
func (q *Queries) PruneJobs(ctx context.Context, older time.Duration) (int64, error) {
	var ids []string
	err := q.each(ctx, `SELECT id FROM jobs WHERE finished < {now} - $1
		AND state IN ('succeeded', 'failed', 'cancelled', 'expired')
		AND (parent IS NOT NULL OR subject IS NULL) ORDER BY finished LIMIT $2 {skip}`,
		[]any{older.Microseconds(), int64(sweep)}, func(rows Rows) error {
			var id string
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	list := encode(ids)
	for _, table := range []string{"attempts", "effects"} {
		if _, err := q.exec(ctx, `DELETE FROM `+table+` WHERE job IN ({list $1})`, list); err != nil {
			return 0, err
		}
	}
	return q.exec(ctx, `DELETE FROM jobs WHERE id IN ({list $1})`, list)
}
