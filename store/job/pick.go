package job

import (
	"context"
	"fmt"
	"time"

	"dreamlab/store/db"
)

// Picked is a job whose turn it is.
type Picked struct {
	ID      string
	Gen     int64
	Kind    string
	Crashes int
	Wake    string // set by the caller: the TaskID of the wake-up that carries it

	tenant string
}

// PickJobs chooses the next queued jobs of a lane: between tenants by stride scheduling (the
// tenant with the least service by weight is next; time spent idle earns no credit), within a
// tenant by priority, then age. It locks the chosen jobs; MarkDispatched has to follow in the
// same transaction.
func (q *TurnQueries) PickJobs(ctx context.Context, lane string, limits Limits) ([]Picked, error) {
	r := &round{Tx: q.Tx, lane: lane, limits: limits, mark: waitingMark{vtime: -1}}
	if err := r.begin(ctx); err != nil || r.free <= 0 {
		return nil, err
	}
	if err := r.findWaiting(ctx); err != nil {
		return nil, err
	}
	for left := true; left; {
		found, err := r.candidates(ctx)
		if err != nil {
			return nil, err
		}
		turns := r.share(found)
		if err := r.take(ctx, found); err != nil {
			return nil, err
		}
		left = r.settle(found, turns)
	}
	if err := r.addUsage(ctx); err != nil {
		return nil, err
	}
	return r.keepLimits(ctx)
}

// take reads and locks the next jobs of each candidate, as many as it has turns. Rows that
// another transaction has locked are skipped.
func (r *round) take(ctx context.Context, found []*candidate) error {
	type row struct {
		Tenant string `json:"x_tenant"`
		Got    int    `json:"x_got"`
		Taken  int    `json:"x_taken"`
	}
	var rows []row
	for _, c := range found {
		if c.got > 0 {
			rows = append(rows, row{c.tenant, c.got, c.taken})
		}
	}
	const next = `SELECT tenant, id, gen, kind, crashes FROM jobs
		WHERE lane = $1 AND tenant = %s AND phase = 'ready'
		ORDER BY priority DESC, id LIMIT %s OFFSET %s {skip}`
	if len(rows) == 0 {
		return nil
	}
	if r.Dialect() == db.Postgres {
		return r.Each(ctx, `SELECT j.* FROM {rows $2: x_tenant text, x_got bigint, x_taken bigint}
			CROSS JOIN LATERAL (`+fmt.Sprintf(next, "x_tenant", "x_got", "x_taken")+`) AS j`,
			[]any{r.lane, db.Encode(rows)}, r.pick)
	}
	for _, x := range rows { // SQLite has no lateral joins
		err := r.Each(ctx, fmt.Sprintf(next, "$2", "$3", "$4"),
			[]any{r.lane, x.Tenant, int64(x.Got), int64(x.Taken)}, r.pick)
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *round) pick(rows db.Rows) error {
	var p Picked
	if err := rows.Scan(&p.tenant, &p.ID, &p.Gen, &p.Kind, &p.Crashes); err != nil {
		return err
	}
	c := r.known[p.tenant]
	c.jobs = append(c.jobs, p)
	return nil
}

// MarkDispatched writes the id of the wake-up that is about to be sent for each job.
func (q *TurnQueries) MarkDispatched(ctx context.Context, picked []Picked) error {
	type row struct {
		ID   string `json:"x_id"`
		Gen  int64  `json:"x_gen"`
		Wake string `json:"x_wake"`
	}
	rows := make([]row, len(picked))
	for i, p := range picked {
		rows[i] = row{p.ID, p.Gen, p.Wake}
	}
	return q.Must(ctx, db.ErrConflict, move{
		To: StateDispatched, Set: `, wake = x_wake, dispatched_at = (SELECT {now})`,
		From:  `{rows $1: x_id text, x_gen bigint, x_wake text}`,
		Where: `id = x_id AND gen = x_gen`,
	}.sql(), db.Encode(rows))
}

// Outlook is what a dispatcher has to do next.
type Outlook struct {
	Queued map[string]bool // the lanes that have due jobs
	// Due is the time until the next run_at.
	Due time.Duration
}

// Outlook returns which of the lanes have jobs to pick, and the time until the next run_at, at
// most the given duration.
func (q *TurnQueries) Outlook(ctx context.Context, lanes []string, atMost time.Duration) (Outlook, error) {
	o := Outlook{Queued: map[string]bool{}, Due: atMost}
	err := q.Each(ctx, `SELECT lanes.value,
			EXISTS (SELECT 1 FROM jobs WHERE lane = lanes.value AND phase = 'ready'
				ORDER BY tenant, priority DESC, id LIMIT 1),
			(SELECT run_at FROM jobs WHERE phase = 'later' ORDER BY run_at LIMIT 1)
				- (SELECT {now})
		FROM ({list $1}) AS lanes`, []any{db.Encode(lanes)}, func(rows db.Rows) error {
		var lane string
		var queued bool
		var due *int64
		err := rows.Scan(&lane, &queued, &due)
		o.Queued[lane] = queued
		if due != nil {
			o.Due = max(0, min(atMost, time.Duration(*due)*time.Microsecond))
		}
		return err
	})
	return o, err
}
