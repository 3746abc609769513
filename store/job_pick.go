package store

import "context"

// Picked is a job whose turn it is.
type Picked struct {
	ID      string
	Gen     int64
	Kind    string
	Crashes int
	Wake    string // set by the caller: the TaskID of the wake-up that carries it
}

// PickJobs chooses the queued jobs of a lane whose turn it is, fairly between
// its tenants (stride scheduling: whoever was served least, by weight, comes
// next; one who was idle gains nothing by it) and by priority and age within
// a tenant. It locks what it chose; MarkDispatched has to follow in the same
// transaction.
func (q *Queries) PickJobs(ctx context.Context, lane string, room Room) ([]Picked, error) {
	turn, err := q.laneTurn(ctx, lane)
	if err != nil {
		return nil, err
	}
	free, err := q.freeInLane(ctx, lane, room.Window)
	if err != nil || free <= 0 {
		return nil, err
	}
	tenants, err := q.contenders(ctx, lane, room, free, turn)
	if err != nil {
		return nil, err
	}
	served := share(tenants, free)
	var picked []Picked
	for _, t := range tenants {
		if t.got == 0 {
			continue
		}
		if picked, err = q.pickFrom(ctx, lane, t, picked); err != nil {
			return nil, err
		}
	}
	return picked, q.charge(ctx, lane, tenants, max(turn, served))
}

// HasQueued tells whether a lane has a due job to pick.
func (q *Queries) HasQueued(ctx context.Context, lane string) (bool, error) {
	var found bool
	err := q.one(ctx, `SELECT EXISTS (SELECT 1 FROM jobs WHERE lane = $1 AND state = 'queued' AND due)`,
		[]any{lane}, &found)
	return found, err
}

// MarkDispatched notes the wake-up that is about to be sent for each.
func (q *Queries) MarkDispatched(ctx context.Context, picked []Picked) error {
	type row struct {
		ID   string `json:"x_id"`
		Gen  int64  `json:"x_gen"`
		Wake string `json:"x_wake"`
	}
	rows := make([]row, len(picked))
	for i, p := range picked {
		rows[i] = row{p.ID, p.Gen, p.Wake}
	}
	return q.moveJob(ctx, move{
		To: JobDispatched, Set: `, wake = x_wake, dispatched_at = {now}`,
		From:  `{rows $1: x_id text, x_gen bigint, x_wake text}`,
		Where: `id = x_id AND gen = x_gen`,
	}, ErrConflict, encode(rows))
}

// laneTurn locks the lane against others who pick in it and returns its
// virtual time.
func (q *Queries) laneTurn(ctx context.Context, lane string) (int64, error) {
	const read = `SELECT vtime FROM shares WHERE lane = $1 AND tenant = '' {lock}`
	var turn int64
	err := q.one(ctx, read, []any{lane}, &turn)
	if err != ErrNotFound {
		return turn, err
	}
	_, err = q.exec(ctx, `INSERT INTO shares (lane, tenant) VALUES ($1, '')
		ON CONFLICT (lane, tenant) DO NOTHING`, lane)
	if err != nil {
		return 0, err
	}
	return turn, q.one(ctx, read, []any{lane}, &turn)
}

func (q *Queries) freeInLane(ctx context.Context, lane string, window int) (int, error) {
	var busy int
	err := q.one(ctx, `SELECT count(*) FROM jobs WHERE lane = $1 AND state IN ('dispatched', 'running')`,
		[]any{lane}, &busy)
	return window - busy, err
}

// contender is a tenant with queued jobs.
type contender struct {
	tenant string
	weight int64
	vtime  int64
	room   int // under its cap
	got    int
}

// contenders returns the tenants that may be served, at most as many as there
// is room, the one whose turn it is first. It hops from tenant to tenant over
// the index, so that a long queue of one costs nothing.
func (q *Queries) contenders(ctx context.Context, lane string, room Room, free int, turn int64,
) ([]*contender, error) {
	var found []*contender
	err := q.each(ctx, `WITH RECURSIVE waiting(tenant) AS (
			SELECT min(tenant) FROM jobs WHERE lane = $1 AND state = 'queued' AND due
			UNION ALL
			SELECT (SELECT min(tenant) FROM jobs
				WHERE lane = $1 AND state = 'queued' AND due AND tenant > waiting.tenant)
			FROM waiting WHERE waiting.tenant IS NOT NULL)
		SELECT w.tenant, coalesce(s.weight, 1), coalesce(s.vtime, 0), coalesce(s.cap, $2) -
			(SELECT count(*) FROM jobs j
				WHERE j.lane = $1 AND j.tenant = w.tenant AND j.state IN ('dispatched', 'running')) AS room
		FROM waiting w LEFT JOIN shares s ON s.lane = $1 AND s.tenant = w.tenant
		WHERE w.tenant IS NOT NULL
		ORDER BY CASE WHEN coalesce(s.vtime, 0) > $3 THEN s.vtime ELSE $3 END, w.tenant`,
		[]any{lane, int64(room.TenantCap), turn}, func(rows Rows) error {
			c := &contender{}
			err := rows.Scan(&c.tenant, &c.weight, &c.vtime, &c.room)
			if c.room > 0 && len(found) < free {
				c.vtime = max(c.vtime, turn)
				found = append(found, c)
			}
			return err
		})
	return found, err
}

// share hands out free places one by one, each to the tenant whose virtual
// time is the least, and returns the virtual time of the last turn.
func share(tenants []*contender, free int) (turn int64) {
	for range free {
		var next *contender
		for _, t := range tenants {
			if t.got < t.room && (next == nil || t.vtime < next.vtime) {
				next = t
			}
		}
		if next == nil {
			return turn
		}
		turn = next.vtime
		next.got++
		next.vtime += stride / max(1, next.weight)
	}
	return turn
}

func (q *Queries) pickFrom(ctx context.Context, lane string, t *contender, picked []Picked,
) ([]Picked, error) {
	before := len(picked)
	err := q.each(ctx, `SELECT id, gen, kind, crashes FROM jobs
		WHERE lane = $1 AND tenant = $2 AND state = 'queued' AND due
		ORDER BY priority DESC, id LIMIT $3 {skip}`,
		[]any{lane, t.tenant, int64(t.got)}, func(rows Rows) error {
			var p Picked
			err := rows.Scan(&p.ID, &p.Gen, &p.Kind, &p.Crashes)
			picked = append(picked, p)
			return err
		})
	unused := int64(t.got - (len(picked) - before))
	t.vtime -= unused * (stride / max(1, t.weight))
	return picked, err
}

// charge stores the virtual times after a round.
func (q *Queries) charge(ctx context.Context, lane string, tenants []*contender, turn int64) error {
	type row struct {
		Tenant string `json:"tenant"`
		Vtime  int64  `json:"vtime"`
	}
	rows := []row{{"", turn}}
	for _, t := range tenants {
		if t.got > 0 {
			rows = append(rows, row{t.tenant, t.vtime})
		}
	}
	_, err := q.exec(ctx, `INSERT INTO shares (lane, tenant, vtime)
		SELECT $1, tenant, vtime FROM {rows $2: tenant text, vtime bigint} WHERE TRUE
		ON CONFLICT (lane, tenant) DO UPDATE SET vtime = excluded.vtime`, lane, encode(rows))
	return err
}
