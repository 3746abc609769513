package job

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// maxHolders bounds the lists of `dreamlab status`, which are read on one screen.
const maxHolders = 50

// Holder is a worker and the jobs that it holds in a lane.
type Holder struct {
	Worker string
	Lane   string
	Jobs   int
	Oldest time.Duration // since the oldest was claimed
	Lease  time.Duration // until the first lease ends; negative where it should have been renewed
}

// Holders returns the workers that hold jobs, the one with the most jobs first.
func (q *ReadQueries) Holders(ctx context.Context) ([]Holder, error) {
	var all []Holder
	err := q.Each(ctx, `SELECT coalesce(lease_owner, ''), lane, count(*),
			{now} - min(claimed_at), min(lease_until) - {now}
		FROM jobs WHERE `+inFlight+` AND state = 'running' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT $1`,
		[]any{int64(maxHolders)}, func(rows db.Rows) error {
			var h Holder
			var oldest, lease *int64
			err := rows.Scan(&h.Worker, &h.Lane, &h.Jobs, &oldest, &lease)
			h.Oldest = time.Duration(db.Deref(oldest)) * time.Microsecond
			h.Lease = time.Duration(db.Deref(lease)) * time.Microsecond
			all = append(all, h)
			return err
		})
	return all, err
}

// Queue is one tenant's open jobs in a lane.
type Queue struct {
	Tenant string `json:"tenant"`
	Lane   string `json:"lane"`
	Queued int    `json:"queued"` // dispatched ones too
	Held   int    `json:"running"`
	Waits  int    `json:"waiting"` // for a vendor or for its children
}

// Queues returns the tenants with open jobs, the one with the most queued first.
func (q *ReadQueries) Queues(ctx context.Context) ([]Queue, error) {
	var all []Queue
	err := q.Each(ctx, `SELECT tenant, lane, count(CASE WHEN state IN ('queued', 'dispatched') THEN 1 END),
			count(CASE WHEN state = 'running' THEN 1 END), count(CASE WHEN state = 'waiting' THEN 1 END)
		FROM `+open+`
		GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT $1`, []any{int64(maxHolders)}, func(rows db.Rows) error {
		var one Queue
		err := rows.Scan(&one.Tenant, &one.Lane, &one.Queued, &one.Held, &one.Waits)
		all = append(all, one)
		return err
	})
	return all, err
}

// Stuck is an open job that neither a worker, the dispatcher nor the reconciler has moved in
// time.
type Stuck struct {
	ID    string
	Kind  string
	State State
	For   time.Duration
}

// Stuck returns the jobs that the reconciler should have moved by now: those whose lease ended
// ten seconds ago, whose wake-up was sent five minutes ago, or whose run_at passed a minute
// ago. Any of them means that no reconciler or no dispatcher runs.
func (q *ReadQueries) Stuck(ctx context.Context) ([]Stuck, error) {
	var all []Stuck
	err := q.Each(ctx, `SELECT id, kind, state, late FROM (
			SELECT id, kind, state, {now} - lease_until AS late FROM jobs
				WHERE `+inFlight+` AND state = 'running' AND lease_until < {now} - 10000000
			UNION ALL SELECT id, kind, state, {now} - dispatched_at FROM jobs
				WHERE `+inFlight+` AND state = 'dispatched' AND dispatched_at < {now} - 300000000
			UNION ALL SELECT id, kind, state, {now} - run_at FROM jobs
				WHERE phase = 'later' AND run_at < {now} - 60000000) AS stuck
		ORDER BY late DESC, id LIMIT $1`, []any{int64(maxHolders)}, func(rows db.Rows) error {
		var s Stuck
		var state string
		var late int64
		err := rows.Scan(&s.ID, &s.Kind, &state, &late)
		s.State, s.For = State(state), time.Duration(late)*time.Microsecond
		all = append(all, s)
		return err
	})
	return all, err
}
