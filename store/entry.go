package store

import (
	"context"

	"dreamlab/store/book"
	"dreamlab/store/db"
)

// OpenEntry is Queries.OpenEntry in a transaction of its own.
func (s *Store) OpenEntry(ctx context.Context, e book.Entry) (id string, err error) {
	err = s.Tx(ctx, db.Synced, func(q *Queries) error {
		id, err = q.OpenEntry(ctx, e)
		return err
	})
	return id, err
}

// EndEntry is Queries.EndEntry in a transaction of its own.
func (s *Store) EndEntry(ctx context.Context, e book.Entry) error {
	return s.Tx(ctx, db.Synced, func(q *Queries) error { return q.EndEntry(ctx, e) })
}

// AddEntry is Queries.AddEntry in a transaction of its own.
func (s *Store) AddEntry(ctx context.Context, e book.Entry) error {
	return s.Tx(ctx, db.Synced, func(q *Queries) error { return q.AddEntry(ctx, e) })
}
