package retention

import (
	"context"
	"errors"
	"time"

	"dreamlab/store/db"
)

// PruneComparisons deletes a bounded number of the comparisons of the oldest evaluation that was made longer ago than the
// given age, and with the last of them marks it, and returns how many rows it changed: call it until it returns 0. Reports
// stay. It must run in a transaction.
func (q *Queries) PruneComparisons(ctx context.Context, older time.Duration) (int64, error) {
	var id string
	err := q.One(ctx, `SELECT id FROM evaluations WHERE pruned IS NULL AND created < {now} - $1 ORDER BY created LIMIT 1 {skip}`,
		[]any{older.Microseconds()}, &id)
	if errors.Is(err, db.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	gone, err := q.Exec(ctx, `DELETE FROM comparisons WHERE evaluation = $1 AND experience IN
		(SELECT experience FROM comparisons WHERE evaluation = $1 ORDER BY experience LIMIT $2)`, id, int64(most))
	if err != nil || gone == most {
		return gone, err
	}
	marked, err := q.Exec(ctx, `UPDATE evaluations SET pruned = {now} WHERE id = $1`, id)
	return gone + marked, err
}
