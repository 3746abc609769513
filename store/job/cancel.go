package job

import (
	"context"
	"fmt"
	"time"

	"dreamlab/store/db"
)

// CancelJob cancels a job: at once where no worker runs it, else by setting cancel_at, which
// its worker polls. Open children are cancelled too. A job that has ended stays as it is. It
// must run in a transaction.
func (q *Queries) CancelJob(ctx context.Context, tenant, id string) ([]Moved, error) {
	s, err := q.lockOwn(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return q.cancel(ctx, s)
}

// RetryJob queues a failed, cancelled or expired job once more, with all its attempts.
// ErrConflict means that it is in another state, or that another job of its subject is running.
func (q *Queries) RetryJob(ctx context.Context, tenant, id string) ([]Moved, error) {
	s, err := q.lockOwn(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if s.State == StateSucceeded || !s.State.Ended() {
		return nil, fmt.Errorf("a %s job cannot be tried again: %w", s.State, db.ErrConflict)
	}
	if s.Private {
		return nil, fmt.Errorf("its input was not kept (store: false), send it again: %w", db.ErrConflict)
	}
	if err := q.nouns.reopened(ctx, q.Tx, s); err != nil {
		return nil, err
	}
	if s.Parent != "" {
		_, err := q.Exec(ctx, `UPDATE jobs SET open_children = open_children + 1 WHERE id = $1`, s.Parent)
		if err != nil {
			return nil, err
		}
	}
	return moveAll(ctx, q.Tx, move{
		To: StateQueued,
		Set: `, attempt = 0, crashes = 0, result = NULL, error_code = NULL, error_message = NULL,
			cancel_at = NULL, expires_at = NULL, finished = NULL` + requeued,
		Where: `id = $1`, Returning: `id, lane`,
	}, id)
}

// Rouse makes a job that waits for a time, or its child that does, due at once. One that does not
// wait stays as it is.
func (q *Queries) Rouse(ctx context.Context, id string) ([]Moved, error) {
	return moveAll(ctx, q.Tx, move{
		To: StateQueued, Set: requeued,
		Where: `(id = $1 OR parent = $1) AND open_children = 0 AND state = 'waiting'`, Returning: `id, lane`,
	}, id)
}

// AttachedJobs returns the attached jobs in flight in a lane, as a map from job to tenant,
// without those that have an idempotency key (the client can resume them), those whose
// cancellation was requested, and those younger than the given age.
func (q *UpkeepQueries) AttachedJobs(ctx context.Context, lane string, older time.Duration,
) (map[string]string, error) {
	tenants := map[string]string{}
	err := q.Each(ctx, `SELECT id, tenant FROM jobs WHERE lane = $1 AND `+inFlight+`
		AND attached AND idem_key IS NULL AND cancel_at IS NULL AND created < {now} - $2`,
		[]any{lane, older.Microseconds()}, func(rows db.Rows) error {
			var id, tenant string
			err := rows.Scan(&id, &tenant)
			tenants[id] = tenant
			return err
		})
	return tenants, err
}

func (q *Queries) lockOwn(ctx context.Context, tenant, id string) (stub, error) {
	s, err := q.lockFamily(ctx, id)
	if err == nil && s.Tenant != tenant {
		return stub{}, db.ErrNotFound
	}
	return s, err
}

func (q *Queries) cancel(ctx context.Context, s stub) ([]Moved, error) {
	if s.State.Ended() {
		return nil, nil
	}
	_, err := q.Exec(ctx, `UPDATE jobs SET cancel_at = coalesce(cancel_at, {now}) WHERE id = $1`, s.ID)
	if err != nil {
		return nil, err
	}
	if s.State == StateRunning {
		moved, err := q.cancelChildren(ctx, s.ID)
		return append(moved, Moved{ID: s.ID, Lane: s.Lane, State: StateRunning}), err
	}
	return q.end(ctx, s, StateCancelled, nil)
}

// cancelChildren cancels the open descendants of a job, level by level.
func (q *Queries) cancelChildren(ctx context.Context, parent string) ([]Moved, error) {
	open, err := q.stubs(ctx, `SELECT `+stubColumns+` FROM jobs WHERE parent = $1
		AND state IN ('queued', 'dispatched', 'running', 'waiting') ORDER BY id {lock}`, parent)
	if err != nil {
		return nil, err
	}
	var all []Moved
	for _, child := range open {
		moved, err := q.cancel(ctx, child)
		if err != nil {
			return nil, err
		}
		all = append(all, moved...)
	}
	return all, nil
}
