package job

import (
	"context"

	"dreamlab/store/db"
)

// HoldJob locks the job's row for the transaction and fails with ErrFenced
// unless it is running under the epoch, and held by the owner. The owner ("":
// any) is asked for too, because a claim's commit is relaxed: a database that
// lost its last moments may give out an epoch twice.
func (q *LeaseQueries) HoldJob(ctx context.Context, id string, epoch int64, owner string) error {
	var held string
	err := q.One(ctx, `SELECT id FROM jobs WHERE id = $1 AND epoch = $2 AND state = 'running'
		AND ($3 = '' OR lease_owner = $3) {lock}`, []any{id, epoch, owner}, &held)
	if err == db.ErrNotFound {
		return db.ErrFenced
	}
	return err
}
