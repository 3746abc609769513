package job

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// MaxCrashes is the number of expired leases after which a job fails.
const MaxCrashes = 3

// sweep is how many rows one step of a sweep takes.
const sweep = 200

// MakeDue queues the jobs whose run_at has passed, a bounded number of them, and returns them.
// It must run in a transaction.
func (q *Queries) MakeDue(ctx context.Context) ([]Moved, error) {
	var ids []string
	err := q.Each(ctx, `SELECT id FROM jobs WHERE phase = 'later' AND run_at <= {now}
		ORDER BY run_at LIMIT $1 {skip}`, []any{int64(sweep)}, func(rows db.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	list := db.Encode(ids)
	moved, err := moveAll(ctx, q.Tx, move{
		To: StateQueued, Set: `, gen = gen + 1` + cleared,
		Where: `id IN ({list $1}) AND state = 'waiting'`, Returning: `id, lane`,
	}, list)
	if err != nil {
		return nil, err
	}
	err = q.Each(ctx, `UPDATE jobs SET phase = 'ready' WHERE id IN ({list $1}) AND state = 'queued' AND phase = 'later'
		RETURNING id, lane`, []any{list}, func(rows db.Rows) error {
		one := Moved{State: StateQueued}
		err := rows.Scan(&one.ID, &one.Lane)
		moved = append(moved, one)
		return err
	})
	return moved, err
}

// ExpiredJobs returns ids of jobs that have passed their expires_at.
func (q *UpkeepQueries) ExpiredJobs(ctx context.Context) ([]string, error) {
	return q.ids(ctx, `SELECT id FROM jobs WHERE expires_at IS NOT NULL
		AND finished IS NULL AND state <> 'running' AND expires_at <= {now} ORDER BY expires_at LIMIT $1`)
}

// ExpireJob ends one of them, unless it has moved meanwhile. It must run in a transaction, as
// must ReapJob and LoseWakes.
func (q *Queries) ExpireJob(ctx context.Context, id string) ([]Moved, error) {
	s, err := q.lockFamily(ctx, id)
	if err != nil || !CanMove(s.State, StateExpired) {
		return nil, err
	}
	var over bool
	err = q.One(ctx, `SELECT coalesce(expires_at <= {now}, FALSE) FROM jobs WHERE id = $1`, []any{id}, &over)
	if err != nil || !over {
		return nil, err
	}
	why, err := q.whyExpired(ctx, id)
	if err != nil {
		return nil, err
	}
	return q.end(ctx, s, StateExpired, why)
}

// whyExpired returns the error of an expired job: that of its last attempt, or that no worker
// claimed it.
func (q *Queries) whyExpired(ctx context.Context, id string) (*Error, error) {
	why := &Error{Code: "queue_unavailable",
		Message: "no worker took the job in time: send it again, or allow it longer with expires_in"}
	err := q.Each(ctx, `SELECT code, coalesce(message, '') FROM attempts WHERE job = $1 AND code IS NOT NULL
		ORDER BY epoch DESC LIMIT 1`, []any{id}, func(rows db.Rows) error {
		return rows.Scan(&why.Code, &why.Message)
	})
	return why, err
}

// inFlight is a condition for the dispatched and running jobs, written as in their index. There
// is at most a window of them in each lane, so leases and wake-ups need no index of their own.
// SQLite uses the index only for this exact text.
const inFlight = `phase = 'flight'`

// ExpiredLeases returns ids of jobs whose lease has expired.
func (q *UpkeepQueries) ExpiredLeases(ctx context.Context) ([]string, error) {
	return q.ids(ctx, `SELECT id FROM jobs WHERE `+inFlight+` AND state = 'running' AND lease_until < {now}
		ORDER BY lease_until LIMIT $1`)
}

// ReapJob takes a job from a worker whose lease has expired. The attempt's open entries become
// unknown, and the job is queued again, or ended where its cancellation was requested or it has
// crashed MaxCrashes times.
func (q *Queries) ReapJob(ctx context.Context, id string) ([]Moved, error) {
	s, err := q.lockFamily(ctx, id)
	if err != nil || s.State != StateRunning {
		return nil, err
	}
	var over bool
	var crashes int
	var claimed int64
	var owner string
	err = q.One(ctx, `SELECT lease_until < {now}, crashes, coalesce(claimed_at, created),
		coalesce(lease_owner, '') FROM jobs WHERE id = $1`, []any{id}, &over, &crashes, &claimed, &owner)
	if err != nil || !over {
		return nil, err
	}
	why := &Error{Code: "internal", Message: "the worker stopped answering: its lease expired"}
	f := Finish{Job: id, Epoch: s.Epoch, Worker: owner, Outcome: AttemptCrashed, Error: why}
	if err := q.insertAttempt(ctx, f, claimed); err != nil {
		return nil, err
	}
	if err := q.loseEntries(ctx, s, "lease expired"); err != nil {
		return nil, err
	}
	return q.afterCrash(ctx, s, crashes+1, why)
}

// loseEntries ends the open entries of an attempt as unknown: the outcome of their calls was
// lost.
func (q *Queries) loseEntries(ctx context.Context, s stub, cause string) error {
	return q.Later(ctx, `UPDATE entries SET state = 'unknown', cause = $3, ended = {now}, lost = {now}
		WHERE job = $1 AND epoch = $2 AND state = 'open'`, s.ID, s.Epoch, cause)
}

func (q *Queries) afterCrash(ctx context.Context, s stub, crashes int, why *Error) ([]Moved, error) {
	_, err := q.Exec(ctx, `UPDATE jobs SET crashes = $2 WHERE id = $1`, s.ID, int64(crashes))
	if err != nil {
		return nil, err
	}
	switch {
	case s.Cancel:
		return q.end(ctx, s, StateCancelled, nil)
	case crashes >= MaxCrashes:
		return q.end(ctx, s, StateFailed, why)
	}
	return moveAll(ctx, q.Tx, move{To: StateQueued, Set: requeued, Where: `id = $1`, Returning: `id, lane`}, s.ID)
}

func (q *UpkeepQueries) ids(ctx context.Context, query string) ([]string, error) {
	var ids []string
	err := q.Each(ctx, query, []any{int64(sweep)}, func(rows db.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// dispatchedPage is how many rows a page of dispatched jobs has: after a wipe
// all of them are looked at, within seconds.
const dispatchedPage = 2000

// Dispatched is a job whose wake-up is on its way.
type Dispatched struct {
	ID   string
	Gen  int64
	Lane string
	Kind string
	Wake string
	Age  time.Duration // since it was dispatched
}

// DispatchedJobs returns a page of the jobs whose wake-up has been on its way
// for longer than the given while, by id after the given one.
func (q *UpkeepQueries) DispatchedJobs(ctx context.Context, older time.Duration, after string,
) ([]Dispatched, error) {
	var all []Dispatched
	err := q.Each(ctx, `SELECT id, gen, lane, kind, coalesce(wake, ''), {now} - dispatched_at FROM jobs
		WHERE `+inFlight+` AND state = 'dispatched' AND dispatched_at <= {now} - $1 AND id > $2 ORDER BY id LIMIT $3`,
		[]any{older.Microseconds(), after, int64(dispatchedPage)}, func(rows db.Rows) error {
			var d Dispatched
			var age int64
			err := rows.Scan(&d.ID, &d.Gen, &d.Lane, &d.Kind, &d.Wake, &age)
			d.Age = time.Duration(age) * time.Microsecond
			all = append(all, d)
			return err
		})
	return all, err
}

// LoseWakes queues jobs whose wake-up is lost under a new generation. Those that were claimed
// or moved meanwhile are left alone.
func (q *Queries) LoseWakes(ctx context.Context, lost []Ref) ([]Moved, error) {
	return moveAll(ctx, q.Tx, move{
		To: StateQueued, Set: requeued,
		From:      `{rows $1: x_id text, x_gen bigint}`,
		Where:     `id = x_id AND gen = x_gen AND ` + StateIn(StateDispatched),
		Returning: `id, lane`,
	}, db.Encode(lost))
}
