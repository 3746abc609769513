package store

import (
	"context"

	"dreamlab/store/db"
)

// Writable has the database write a row. One that was demoted by a fail-over, or
// whose disk is full, may still answer what it is asked.
func (s *Store) Writable(ctx context.Context) error {
	return s.Tx(ctx, db.Relaxed, func(q *Queries) error {
		return q.Must(ctx, db.ErrNotFound, `UPDATE write_probe SET at = {now}`)
	})
}
