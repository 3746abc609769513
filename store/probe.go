package store

import (
	"context"

	"dreamlab/store/db"
)

// Writable makes the database write a row. A server that was demoted by a failover, or whose
// disk is full, may still answer reads.
func (s *Store) Writable(ctx context.Context) error {
	return s.Tx(ctx, db.Relaxed, func(q *Queries) error {
		return q.Must(ctx, db.ErrNotFound, `UPDATE write_probe SET at = {now}`)
	})
}
