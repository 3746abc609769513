package job

import (
	"cmp"
	"context"
	"slices"

	"dreamlab/store/db"
)

// stride is the virtual time that one job costs a tenant of weight 1.
const stride = 1 << 20

// Share is a tenant's part of a lane.
type Share struct {
	Lane   string
	Tenant string
	Weight int // of the lane's turns, against the other tenants. Defaults to 1.
	Cap    int // jobs in flight at once. Zero: the lane's own.
}

// SetShare sets a tenant's part of a lane.
func (q *TurnQueries) SetShare(ctx context.Context, s Share) error {
	var limit any
	if s.Cap > 0 {
		limit = int64(s.Cap)
	}
	_, err := q.Exec(ctx, `INSERT INTO shares (lane, tenant, weight, cap) VALUES ($1, $2, $3, $4)
		ON CONFLICT (lane, tenant) DO UPDATE SET weight = excluded.weight, cap = excluded.cap`,
		s.Lane, s.Tenant, int64(max(1, s.Weight)), limit)
	return err
}

// SetShares sets these shares, and all others to the default. It must run in a
// transaction.
func (q *TurnQueries) SetShares(ctx context.Context, shares []Share) error {
	_, err := q.Exec(ctx, `UPDATE shares SET weight = 1, cap = NULL WHERE weight <> 1 OR cap IS NOT NULL`)
	if err != nil {
		return err
	}
	for _, s := range shares {
		if err := q.SetShare(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// place is where jobs of a tenant's may go past his queue.
type place struct {
	Place  int    `json:"place"` // a number
	Lane   string `json:"lane"`
	Tenant string `json:"tenant"`
	Window int    `json:"win"`
	Cap    int    `json:"most"` // unless his share has another

	jobs []*jobInsert
}

// taking is what it takes to find room for jobs on their way in.
type taking struct {
	places []*place
	// taker is written into the shares of which places are taken. Who finds it
	// there stands behind their locks.
	taker string
	// counted is how many jobs in flight are counted in a lane.
	counted int
}

// nowhere is for jobs that go by their turn.
var nowhere = taking{places: []*place{}}

// fewInFlight is how many jobs in flight are counted for a lone job.
const fewInFlight = 256

// takeRoom gives those rows that may go past the queue a wake-up, and locks the
// shares of which they would take places, so that two processes cannot both take
// the last one. Who has jobs in the queue is not waited for: the dispatcher may
// have his share. Whether there is room the insert finds out.
func (q *Queries) takeRoom(ctx context.Context, rows []jobInsert, rooms map[string]Room) (taking, error) {
	t := taking{taker: db.NewID(""), places: placesOf(rows, rooms)}
	wakes, before := wakeBundles{}, map[string]int{}
	for at, p := range t.places {
		p.Place = at + 1
		// To count must not cost a job more than to let it be dispatched by its
		// turn: it ends where there would be too many for so few.
		t.counted = max(t.counted, fewInFlight, 64*len(p.jobs))
		for i, r := range p.jobs {
			before[p.Lane]++
			r.Place, r.Nth, r.InLane, r.Wake = p.Place, i+1, before[p.Lane], new(wakes.next(r))
		}
	}
	if len(t.places) == 0 {
		return t, nil
	}
	return t, q.Later(ctx, `INSERT INTO shares (lane, tenant, taker)
		SELECT x.lane, x.tenant, $2 FROM {rows $1: lane text, tenant text} WHERE `+itsQueue+` IS NULL
		ORDER BY x.lane, x.tenant
		ON CONFLICT (lane, tenant) DO UPDATE SET taker = excluded.taker`, db.Encode(t.places), t.taker)
}

// itsQueue is something of what waits in the queue of a place x, or nothing. The
// order names all columns of the index, or another index would do for a part of it.
const itsQueue = `(SELECT 1 FROM jobs j WHERE j.lane = x.lane AND j.tenant = x.tenant AND j.state = 'queued' AND j.due
	ORDER BY j.tenant, j.priority DESC, j.id LIMIT 1)`

// placesOf returns the places of those rows that may be dispatched at once, of a
// lane those first that want the least: who comes with many does not stand in
// the way of others.
func placesOf(rows []jobInsert, rooms map[string]Room) []*place {
	type name struct{ lane, tenant string }
	known := map[name]*place{}
	places := []*place{}
	for i := range rows {
		r := &rows[i]
		if r.State != string(StateQueued) || r.RunAt != nil || rooms[r.Lane].Window == 0 {
			continue
		}
		at := name{r.Lane, r.Tenant}
		if known[at] == nil {
			known[at] = &place{Lane: r.Lane, Tenant: r.Tenant, Window: rooms[r.Lane].Window, Cap: rooms[r.Lane].TenantCap}
			places = append(places, known[at])
		}
		known[at].jobs = append(known[at].jobs, r)
	}
	slices.SortStableFunc(places, func(a, b *place) int { return cmp.Compare(len(a.jobs), len(b.jobs)) })
	return places
}

// roomBehind opens a query that looks behind the locks of a taking ($2 are its
// places, $3 is counted, $4 the taker): how much room the cap leaves the place's
// tenant, and the window his lane. The first is NULL where he is not locked, or
// others of his wait in the queue by now. Each place is looked up by itself: a
// join would be planned by how large the tables were.
const roomBehind = `WITH places AS MATERIALIZED (
	SELECT x.place, (SELECT coalesce(s.cap, x.most) FROM shares s
			WHERE s.lane = x.lane AND s.tenant = x.tenant AND s.taker = $4 AND ` + itsQueue + ` IS NULL)
			- (SELECT count(*) FROM jobs j
				WHERE j.lane = x.lane AND j.tenant = x.tenant AND ` + inFlight + `) AS of_tenant,
		(SELECT CASE WHEN count(*) < $3 THEN x.win - count(*) ELSE 0 END FROM (SELECT 1 FROM jobs j
			WHERE j.lane = x.lane AND ` + inFlight + ` LIMIT $3) AS b) AS in_lane
	FROM {rows $2: place bigint, lane text, tenant text, win bigint, most bigint})
`

// wakeBundles holds, by kind, the wake-up that has room for another job.
type wakeBundles map[string]*wakeBundle

type wakeBundle struct {
	id   string
	jobs int
}

// next returns the id of the wake-up that a job goes with.
func (b wakeBundles) next(r *jobInsert) string {
	open := b[r.Kind]
	if open == nil || open.jobs >= r.bundle {
		open = &wakeBundle{id: db.NewID("wake_")}
		b[r.Kind] = open
	}
	open.jobs++
	return open.id
}
