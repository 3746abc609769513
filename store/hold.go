package store

import "context"

// HoldJob locks the job's row for the transaction and fails with ErrFenced
// unless it is running under the epoch.
func (q *Queries) HoldJob(ctx context.Context, id string, epoch int64) error {
	var held string
	err := q.one(ctx, `SELECT id FROM jobs WHERE id = $1 AND epoch = $2 AND state = 'running' {lock}`,
		[]any{id, epoch}, &held)
	if err == ErrNotFound {
		return ErrFenced
	}
	return err
}
