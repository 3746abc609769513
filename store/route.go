package store

import (
	"context"

	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// SetRoute is Queries.SetRoute in a transaction of its own.
func (s *Store) SetRoute(ctx context.Context, r learn.Route) (set learn.Route, err error) {
	err = s.Tx(ctx, db.Synced, func(q *Queries) error {
		set, err = q.SetRoute(ctx, r)
		return err
	})
	return set, err
}
