package store

import "context"

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
// queue. It locks the tenant's share, so that two processes cannot both take its
// last place; a share that another one holds has no room just now.
func (q *Queries) roomFor(ctx context.Context, lane, tenant string, room Room, jobs int) (freeRoom, error) {
	limit, locked, free, err := q.lockedRoom(ctx, lane, tenant, room, jobs)
	if err != nil || locked {
		return free.under(limit, room), err
	}
	if made, err := q.makeShare(ctx, lane, tenant); err != nil || !made {
		return freeRoom{}, err
	}
	limit, _, free, err = q.lockedRoom(ctx, lane, tenant, room, jobs)
	return free.under(limit, room), err
}

// under takes away what is over the tenant's cap, 0 for the lane's own.
func (f freeRoom) under(limit int, room Room) freeRoom {
	if limit == 0 {
		limit = room.TenantCap
	}
	f.tenant -= room.TenantCap - limit
	return f
}

// fewInFlight is how many jobs in flight are counted for a lone job.
const fewInFlight = 256

// lockedRoom locks the share and counts behind the lock, in one round trip. To
// count must not cost a job more than to let it be dispatched by its turn: it
// ends where there would be too many for so few.
func (q *Queries) lockedRoom(ctx context.Context, lane, tenant string, room Room, jobs int,
) (limit int, locked bool, free freeRoom, err error) {
	err = q.laterThen(ctx, Statement{
		Query: `SELECT coalesce(cap, 0) FROM shares WHERE lane = $1 AND tenant = $2 {skip}`,
		Args:  []any{lane, tenant},
		Each:  func(rows Rows) error { locked = true; return rows.Scan(&limit) },
	})
	if err != nil {
		return 0, false, freeRoom{}, err
	}
	window := min(room.Window, max(fewInFlight, 64*jobs))
	var inLane, ofTenant int
	var waits bool
	err = q.one(ctx, `SELECT count(*), count(CASE WHEN tenant = $2 THEN 1 END),
			EXISTS (SELECT 1 FROM jobs WHERE lane = $1 AND tenant = $2 AND state = 'queued' AND due)
		FROM (SELECT tenant FROM jobs WHERE lane = $1 AND state IN ('dispatched', 'running') LIMIT $3) AS busy`,
		[]any{lane, tenant, int64(window)}, &inLane, &ofTenant, &waits)
	if err != nil || waits || inLane >= window {
		return limit, locked, freeRoom{}, err
	}
	return limit, locked, freeRoom{lane: room.Window - inLane, tenant: room.TenantCap - ofTenant}, nil
}

// makeShare makes a tenant's share where there is none. To insert over one that
// another transaction holds would be to wait for it.
func (q *Queries) makeShare(ctx context.Context, lane, tenant string) (made bool, err error) {
	var held bool
	err = q.one(ctx, `SELECT EXISTS (SELECT 1 FROM shares WHERE lane = $1 AND tenant = $2)`,
		[]any{lane, tenant}, &held)
	if err != nil || held {
		return false, err
	}
	n, err := q.exec(ctx, `INSERT INTO shares (lane, tenant, vtime)
		VALUES ($1, $2, 0) ON CONFLICT (lane, tenant) DO NOTHING`, lane, tenant)
	return n == 1, err
}
