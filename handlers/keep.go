package handlers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/store"
	"dreamlab/store/backoff"
	"dreamlab/store/db"
	"dreamlab/tasks"
)

// settlePatience is how long a worker tries to settle what an answer has cost.
const settlePatience = 5 * time.Second

// keepPauses are those between tries to store an answer that is held.
var keepPauses = backoff.Bounds{First: 100 * time.Millisecond, Max: 2 * time.Second}

// keep stores an answer, and tries again while the database is away and the
// lease may still be trusted: what was paid for is not thrown away, not by a
// worker that has to stop either. Where the job is no longer held the entry alone
// is settled.
func (c *Caller) keep(ctx context.Context, a *Answered) error {
	trusted, cancel := context.WithTimeout(context.WithoutCancel(ctx), tasks.Lane(a.run.Job.Lane).Lease())
	defer cancel()
	for try := 1; ; try++ {
		err := a.run.Tx(trusted, db.Synced, func(q *store.Queries) error { return a.Commit(trusted, q) })
		if err == nil {
			return nil
		}
		if final(err) || trusted.Err() != nil {
			return c.abandon(ctx, a, err)
		}
		if c.sleep(trusted, keepPauses.After(try)) != nil {
			return c.abandon(ctx, a, err)
		}
	}
}

// abandon settles what was paid for an answer that can not be stored.
func (c *Caller) abandon(ctx context.Context, a *Answered, err error) error {
	err = fmt.Errorf("keep the answer of %s: %w", a.step.Name, err)
	return errors.Join(err, a.Settle(ctx))
}

// final tells the errors that trying again does not cure.
func final(err error) bool {
	for _, kind := range []error{db.ErrFenced, db.ErrConflict, db.ErrNotFound, db.ErrText} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
