package store

import (
	"cmp"
	"context"
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
	taken, wakes := map[string]int{}, wakeBundles{}
	for _, p := range order {
		free, err := q.roomFor(ctx, p.lane, p.tenant, rooms[p.lane])
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

// roomFor tells how many of a tenant's jobs may be dispatched past the queue.
// It locks the tenant's share, so that two processes cannot both take its last
// place; a share that another one holds has no room just now.
func (q *Queries) roomFor(ctx context.Context, lane, tenant string, room Room) (freeRoom, error) {
	limit, err := q.lockShare(ctx, lane, tenant)
	if err == ErrNotFound {
		return freeRoom{}, nil
	}
	if err != nil {
		return freeRoom{}, err
	}
	if limit == 0 {
		limit = room.TenantCap
	}
	var inLane, ofTenant int
	var waits bool
	err = q.one(ctx, `SELECT
		(SELECT count(*) FROM jobs WHERE lane = $1 AND state IN ('dispatched', 'running')),
		(SELECT count(*) FROM jobs WHERE lane = $1 AND tenant = $2 AND state IN ('dispatched', 'running')),
		EXISTS (SELECT 1 FROM jobs WHERE lane = $1 AND tenant = $2 AND state = 'queued' AND due)`,
		[]any{lane, tenant}, &inLane, &ofTenant, &waits)
	if err != nil || waits {
		return freeRoom{}, err
	}
	return freeRoom{lane: room.Window - inLane, tenant: limit - ofTenant}, nil
}

// lockShare locks a tenant's share, made where there is none, and returns its
// cap, or 0. ErrNotFound means that another transaction holds it.
func (q *Queries) lockShare(ctx context.Context, lane, tenant string) (int, error) {
	var limit int
	err := q.one(ctx, `SELECT coalesce(cap, 0) FROM shares WHERE lane = $1 AND tenant = $2 {skip}`,
		[]any{lane, tenant}, &limit)
	if err != ErrNotFound {
		return limit, err
	}
	// To insert over a share that another one has changed would be to wait for him.
	var held bool
	err = q.one(ctx, `SELECT EXISTS (SELECT 1 FROM shares WHERE lane = $1 AND tenant = $2)`,
		[]any{lane, tenant}, &held)
	if err != nil || held {
		return 0, cmp.Or(err, ErrNotFound)
	}
	return 0, q.must(ctx, ErrNotFound, `INSERT INTO shares (lane, tenant, vtime)
		VALUES ($1, $2, 0) ON CONFLICT (lane, tenant) DO NOTHING`, lane, tenant)
}
