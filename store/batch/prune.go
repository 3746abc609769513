package batch

import (
	"context"
	"errors"
	"time"

	"dreamlab/store/db"
)

// pruneLines is the number of lines that one step deletes.
const pruneLines = 1000

// PruneBatches deletes a bounded number of lines of the oldest batch that ended longer ago than the given
// age, and the batch with its last one, and returns how many rows: call it until it returns 0. The files of
// its requests and answers stay, and so does its job, which is deleted as jobs are. It must run in a
// transaction.
func (q *Queries) PruneBatches(ctx context.Context, older time.Duration) (int64, error) {
	var id string
	err := q.One(ctx, `SELECT id FROM batches WHERE finished < {now} - $1 ORDER BY finished LIMIT 1 {skip}`,
		[]any{older.Microseconds()}, &id)
	if errors.Is(err, db.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	gone, err := q.Exec(ctx, `DELETE FROM batch_lines WHERE batch = $1 AND number IN
		(SELECT number FROM batch_lines WHERE batch = $1 ORDER BY number LIMIT $2)`, id, int64(pruneLines))
	if err != nil || gone == pruneLines {
		return gone, err
	}
	// a job of no subject is deleted by its age
	_, err = q.Exec(ctx, `UPDATE jobs SET subject = NULL WHERE subject = $1 AND finished IS NOT NULL`, id)
	if err != nil {
		return 0, err
	}
	last, err := q.Exec(ctx, `DELETE FROM batches WHERE id = $1`, id)
	return gone + last, err
}
