package job

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// Ref names one generation of a job.
type Ref struct {
	ID  string `json:"x_id"`
	Gen int64  `json:"x_gen"`
}

// Hold names a job that a worker holds under an epoch, and for how much longer.
type Hold struct {
	ID    string
	Epoch int64
	Lease time.Duration
}

// HoldState is the state of a hold. Cancelled means that the job's cancellation was requested.
// A hold that is not in the result is lost.
type HoldState struct {
	ID        string
	Epoch     int64
	Cancelled bool
}

// ClaimJobs claims those jobs that are still dispatched in their generation: it gives them a
// lease and a new epoch, and returns them. A stale or duplicate wake-up claims none. A job that
// has expired, or whose cancellation was requested, is left alone.
func (q *Queries) ClaimJobs(ctx context.Context, refs []Ref, owner string, lease time.Duration,
) ([]Job, error) {
	return q.jobs(ctx, claim, db.RowsOf(refs), owner, lease.Microseconds())
}

// ClaimJobsLater is ClaimJobs whose result is known after the commit.
func (q *LeaseQueries) ClaimJobsLater(ctx context.Context, refs []Ref, owner string, lease time.Duration,
	jobs *[]Job) error {
	*jobs = nil
	return q.LaterThen(ctx, db.Statement{
		Query: claim, Args: []any{db.RowsOf(refs), owner, lease.Microseconds()}, ScanCannotFail: true,
		Each: func(rows db.Rows) error {
			j, err := scanJob(rows)
			*jobs = append(*jobs, j)
			return err
		},
	})
}

var claim = move{
	To: StateRunning,
	Set: `, epoch = epoch + 1, lease_owner = $2, lease_until = {now} + $3,
		claimed_at = {now}, started = coalesce(started, {now})`,
	From:      `{rows $1: x_id text, x_gen bigint}`,
	Where:     `id = x_id AND gen = x_gen AND cancel_at IS NULL AND (expires_at IS NULL OR expires_at > {now})`,
	Returning: jobColumns,
}.sql()

type holdRow struct {
	ID    string `json:"x_id"`
	Epoch int64  `json:"x_epoch"`
	Lease int64  `json:"x_lease"`
}

func holdRows(holds []Hold) string {
	rows := make([]holdRow, len(holds))
	for i, h := range holds {
		rows[i] = holdRow{h.ID, h.Epoch, h.Lease.Microseconds()}
	}
	return db.Encode(rows)
}

// RenewLeases extends the leases of the jobs that are still held.
func (q *LeaseQueries) RenewLeases(ctx context.Context, holds []Hold) ([]HoldState, error) {
	return q.holdStates(ctx, `UPDATE jobs SET lease_until = {now} + x_lease
		FROM {rows $1: x_id text, x_epoch bigint, x_lease bigint}
		WHERE id = x_id AND epoch = x_epoch AND `+StateIn(StateRunning)+`
		RETURNING id, epoch, cancel_at IS NOT NULL`, holds)
}

// LookAtHolds returns which jobs are still held and which are to be cancelled, and extends no
// lease.
func (q *LeaseQueries) LookAtHolds(ctx context.Context, holds []Hold) ([]HoldState, error) {
	return q.holdStates(ctx, `SELECT id, epoch, cancel_at IS NOT NULL
		FROM jobs JOIN {rows $1: x_id text, x_epoch bigint, x_lease bigint} ON id = x_id AND epoch = x_epoch
		WHERE `+StateIn(StateRunning), holds)
}

func (q *LeaseQueries) holdStates(ctx context.Context, query string, holds []Hold) ([]HoldState, error) {
	states := make([]HoldState, 0, len(holds))
	err := q.Each(ctx, query, []any{holdRows(holds)}, func(rows db.Rows) error {
		var s HoldState
		err := rows.Scan(&s.ID, &s.Epoch, &s.Cancelled)
		states = append(states, s)
		return err
	})
	return states, err
}

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
