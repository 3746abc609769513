package store

import (
	"cmp"
	"context"
	"slices"
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
func (q *Queries) SetShare(ctx context.Context, s Share) error {
	var limit any
	if s.Cap > 0 {
		limit = int64(s.Cap)
	}
	_, err := q.exec(ctx, `INSERT INTO shares (lane, tenant, weight, cap) VALUES ($1, $2, $3, $4)
		ON CONFLICT (lane, tenant) DO UPDATE SET weight = excluded.weight, cap = excluded.cap`,
		s.Lane, s.Tenant, int64(max(1, s.Weight)), limit)
	return err
}

// takeRoom marks those rows as dispatched that find room at once.
func (q *Queries) takeRoom(ctx context.Context, rows []jobInsert, rooms map[string]Room) error {
	type place struct{ lane, tenant string }
	places := map[place][]*jobInsert{}
	var order []place
	for i := range rows {
		r := &rows[i]
		if r.State != string(JobQueued) || r.RunAt != nil || rooms[r.Lane].Window == 0 {
			continue
		}
		p := place{r.Lane, r.Tenant}
		if places[p] == nil {
			order = append(order, p)
		}
		places[p] = append(places[p], r)
	}
	slices.SortFunc(order, func(a, b place) int { // all take the shares in this order
		return cmp.Or(cmp.Compare(a.lane, b.lane), cmp.Compare(a.tenant, b.tenant))
	})
	taken, wakes := map[string]int{}, wakeBundles{}
	for _, p := range order {
		free, err := q.roomFor(ctx, p.lane, p.tenant, rooms[p.lane], len(places[p]))
		if err != nil {
			return err
		}
		n := max(0, min(free.tenant, free.lane-taken[p.lane], len(places[p])))
		taken[p.lane] += n
		for _, r := range places[p][:n] {
			r.State, r.Wake = string(JobDispatched), new(wakes.next(r))
		}
	}
	return nil
}

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
		open = &wakeBundle{id: NewID("wake_")}
		b[r.Kind] = open
	}
	open.jobs++
	return open.id
}

type freeRoom struct{ lane, tenant int }

// roomFor tells how many of so many jobs of a tenant may be dispatched past the
// queue: none where others of his wait in it. It locks the tenant's share, so
// that two processes cannot both take its last place.
func (q *Queries) roomFor(ctx context.Context, lane, tenant string, room Room, jobs int) (freeRoom, error) {
	found, err := q.lockedRoom(ctx, lane, tenant, room, jobs)
	if err != nil || found.locked || found.waits {
		return found.free(room), err
	}
	_, err = q.exec(ctx, `INSERT INTO shares (lane, tenant, vtime)
		VALUES ($1, $2, 0) ON CONFLICT (lane, tenant) DO NOTHING`, lane, tenant)
	if err != nil {
		return freeRoom{}, err
	}
	found, err = q.lockedRoom(ctx, lane, tenant, room, jobs)
	return found.free(room), err
}

// fewInFlight is how many jobs in flight are counted for a lone job.
const fewInFlight = 256

// occupied is what a tenant's part of a lane looked like behind its lock.
type occupied struct {
	locked   bool
	limit    int // the tenant's cap, 0 for the lane's own
	counted  int // at most so many were counted
	inLane   int
	ofTenant int
	waits    bool // he has jobs in the queue
}

// lockedRoom locks the share and looks behind the lock, in one round trip. Who
// has jobs in the queue is not waited for: the dispatcher may have his share. To
// count must not cost a job more than to let it be dispatched by its turn, so it
// ends where there would be too many for so few.
func (q *Queries) lockedRoom(ctx context.Context, lane, tenant string, room Room, jobs int) (occupied, error) {
	o := occupied{counted: min(room.Window, max(fewInFlight, 64*jobs))}
	err := q.laterThen(ctx, Statement{
		Query: `SELECT coalesce(cap, 0) FROM shares WHERE lane = $1 AND tenant = $2 AND NOT EXISTS
			(SELECT 1 FROM jobs j WHERE j.lane = $1 AND j.tenant = $2 AND j.state = 'queued' AND j.due)
			{lock shares}`,
		Args: []any{lane, tenant},
		Each: func(rows Rows) error { o.locked = true; return rows.Scan(&o.limit) },
	})
	if err != nil {
		return o, err
	}
	return o, q.one(ctx, `SELECT count(*), count(CASE WHEN tenant = $2 THEN 1 END),
			EXISTS (SELECT 1 FROM jobs WHERE lane = $1 AND tenant = $2 AND state = 'queued' AND due)
		FROM (SELECT tenant FROM jobs WHERE lane = $1 AND `+inFlight+` LIMIT $3) AS busy`,
		[]any{lane, tenant, int64(o.counted)}, &o.inLane, &o.ofTenant, &o.waits)
}

// free returns the places that are left.
func (o occupied) free(room Room) freeRoom {
	if !o.locked || o.waits || o.inLane >= o.counted {
		return freeRoom{}
	}
	limit := room.TenantCap
	if o.limit > 0 {
		limit = o.limit
	}
	return freeRoom{lane: room.Window - o.inLane, tenant: limit - o.ofTenant}
}
