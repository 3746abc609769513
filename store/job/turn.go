package job

import (
	"cmp"
	"context"
	"slices"

	"dreamlab/store/db"
)

// glance is how many of the tenants that wait in a lane a round looks up in
// the queue itself.
const glance = 128

// round is one round of picking in a lane.
//
// It finds the tenants that wait by hopping over the queue's index from one to
// the next, so that a long queue of one costs nothing. Where more than a glance
// of them wait, each round looks at the next part of them and notes in their
// shares that they wait; from all that are noted it takes those whose turn it
// is. What a round costs is bounded that way, and a newcomer among so many is
// found before the others have had a turn or two.
type round struct {
	*db.Tx
	lane   string
	room   Room
	turn   int64  // the lane's virtual time
	looked string // the tenant that was looked at last, "" after the end

	free   int            // places in the window
	busy   map[string]int // jobs in flight, by tenant
	known  map[string]*contender
	many   bool  // more wait than a glance
	noted  noted // how far the noted ones were read
	served int64 // the virtual time of the last job picked
	picked []Picked
}

// noted is a place in the list of the tenants that are noted to wait.
type noted struct {
	vtime  int64
	tenant string
	end    bool
}

// contender is a tenant with queued jobs.
type contender struct {
	tenant string
	weight int64
	vtime  int64
	limit  int      // on its jobs in flight
	room   int      // under its cap
	got    int      // places, in this step of the round
	taken  int      // jobs, in all of it
	jobs   []Picked // those of this step
	noted  bool     // its share says that it waits
	read   bool     // it was read from there
	empty  bool     // it has nothing left
}

func (c *contender) stride() int64 { return stride / max(1, c.weight) }

func (c *contender) mayGo() bool { return c.room > 0 && !c.empty }

// begin locks the lane against others who pick in it, and counts what its
// window and the caps bound.
func (r *round) begin(ctx context.Context) error {
	const read = `SELECT vtime, looked FROM shares WHERE lane = $1 AND tenant = '' {lock}`
	err := r.One(ctx, read, []any{r.lane}, &r.turn, &r.looked)
	if err == db.ErrNotFound {
		if _, err := r.Exec(ctx, `INSERT INTO shares (lane, tenant) VALUES ($1, '')
			ON CONFLICT (lane, tenant) DO NOTHING`, r.lane); err != nil {
			return err
		}
		err = r.One(ctx, read, []any{r.lane}, &r.turn, &r.looked)
	}
	if err != nil {
		return err
	}
	r.known = map[string]*contender{}
	return r.count(ctx)
}

// count counts the jobs in flight, and the places that they leave.
func (r *round) count(ctx context.Context) error {
	r.free, r.busy = r.room.Window, map[string]int{}
	return r.Each(ctx, `SELECT tenant, count(*) FROM jobs
		WHERE lane = $1 AND `+inFlight+` GROUP BY tenant`,
		[]any{r.lane}, func(rows db.Rows) error {
			var tenant string
			var n int
			err := rows.Scan(&tenant, &n)
			r.busy[tenant] = n
			r.free -= n
			return err
		})
}

// look looks at the next tenants in the queue; where it comes to the end it
// goes on from the first.
func (r *round) look(ctx context.Context) error {
	seen := 0
	for from := r.looked; ; from = "" {
		n, err := r.hop(ctx, from, glance-seen)
		if err != nil {
			return err
		}
		if seen += n; seen == glance {
			r.many = true
			return nil
		}
		if r.looked = ""; from == "" {
			return nil
		}
	}
}

// hop looks at the next tenants after one, at most so many. The order names
// all columns of the index, or another index would do for a part of it.
func (r *round) hop(ctx context.Context, from string, most int) (n int, err error) {
	err = r.Each(ctx, `WITH RECURSIVE waiting(n, tenant) AS (
			SELECT 1, (SELECT tenant FROM jobs WHERE lane = $1 AND state = 'queued' AND due AND tenant > $2
				ORDER BY tenant, priority DESC, id LIMIT 1)
			UNION ALL
			SELECT n + 1, (SELECT j.tenant FROM jobs j
				WHERE j.lane = $1 AND j.state = 'queued' AND j.due AND j.tenant > waiting.tenant
				ORDER BY j.tenant, j.priority DESC, j.id LIMIT 1)
			FROM waiting WHERE waiting.tenant IS NOT NULL AND n < $3)
		SELECT w.tenant, coalesce(s.weight, 1), coalesce(s.vtime, 0), coalesce(s.cap, $4),
			coalesce(s.waiting, FALSE)
		FROM waiting w LEFT JOIN shares s ON s.lane = $1 AND s.tenant = w.tenant
		WHERE w.tenant IS NOT NULL ORDER BY n`,
		[]any{r.lane, from, int64(most), int64(r.room.TenantCap)}, func(rows db.Rows) error {
			n++
			c := &contender{}
			err := rows.Scan(&c.tenant, &c.weight, &c.vtime, &c.limit, &c.noted)
			r.looked = c.tenant
			r.know(c)
			return err
		})
	return n, err
}

// readNoted reads the next of those that are noted to wait, whose turn it is
// first. Whether they still do shows when their jobs are taken.
func (r *round) readNoted(ctx context.Context) error {
	n, most := 0, max(glance, r.free)
	err := r.Each(ctx, `SELECT tenant, weight, vtime, coalesce(cap, $5) FROM shares
		WHERE lane = $1 AND waiting AND (vtime, tenant) > ($2, $3) ORDER BY vtime, tenant LIMIT $4`,
		[]any{r.lane, r.noted.vtime, r.noted.tenant, int64(most), int64(r.room.TenantCap)},
		func(rows db.Rows) error {
			n++
			c := &contender{noted: true}
			err := rows.Scan(&c.tenant, &c.weight, &c.vtime, &c.limit)
			r.noted.vtime, r.noted.tenant = c.vtime, c.tenant
			r.know(c).read = true
			return err
		})
	r.noted.end = n < most
	return err
}

// know takes a contender up. One that was idle, or at its cap, does not come
// before the others for it.
func (r *round) know(c *contender) *contender {
	if known := r.known[c.tenant]; known != nil {
		return known
	}
	c.vtime = max(c.vtime, r.turn)
	c.room = c.limit - r.busy[c.tenant]
	r.known[c.tenant] = c
	return c
}

// contenders returns those that may be served, at most as many as there are
// places, the one whose turn it is first.
func (r *round) contenders(ctx context.Context) ([]*contender, error) {
	for r.many && !r.noted.end && r.readyNoted() < r.free {
		if err := r.readNoted(ctx); err != nil {
			return nil, err
		}
	}
	var found []*contender
	for _, c := range r.known {
		if c.mayGo() {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *contender) int {
		return cmp.Or(cmp.Compare(a.vtime, b.vtime), cmp.Compare(a.tenant, b.tenant))
	})
	return found[:min(len(found), r.free)], nil
}

// readyNoted counts the noted ones that were read and may be served.
func (r *round) readyNoted() int {
	n := 0
	for _, c := range r.known {
		if c.read && c.mayGo() {
			n++
		}
	}
	return n
}

// share hands out the free places one by one, each to the contender whose
// virtual time is the least, and returns them in the order of their turns.
func (r *round) share(found []*contender) []*contender {
	for _, c := range found {
		c.got = 0
	}
	var turns []*contender
	for range r.free {
		var next *contender
		for _, c := range found {
			if c.got < c.room && (next == nil || c.vtime < next.vtime) {
				next = c
			}
		}
		if next == nil {
			break
		}
		next.got++
		next.vtime += next.stride()
		turns = append(turns, next)
	}
	return turns
}

// settle takes up the jobs that were taken, and tells whether places are left
// because somebody had fewer jobs than places.
func (r *round) settle(found, turns []*contender) (left bool) {
	for _, c := range turns {
		if len(c.jobs) > 0 {
			r.picked = append(r.picked, c.jobs[0])
			c.jobs = c.jobs[1:]
			c.taken++
			c.room--
			c.got--
			r.free--
		}
	}
	for _, c := range found {
		if c.got > 0 {
			c.empty, left = true, true
			c.vtime -= int64(c.got) * c.stride()
		}
		if c.taken > 0 {
			r.served = max(r.served, c.vtime-c.stride())
		}
	}
	return left && r.free > 0
}

// charge stores the virtual times after a round, and who waits. The shares of
// those who were served are locked from here on.
func (r *round) charge(ctx context.Context) error {
	type row struct {
		Tenant  string `json:"tenant"`
		Vtime   int64  `json:"vtime"`
		Waiting bool   `json:"waiting"`
		Looked  string `json:"looked"`
	}
	rows := []row{{Vtime: max(r.turn, r.served), Looked: r.looked}}
	for _, c := range r.known {
		if c.taken > 0 || c.empty || r.many && !c.noted {
			rows = append(rows, row{Tenant: c.tenant, Vtime: c.vtime, Waiting: !c.empty})
		}
	}
	if len(rows) == 1 && !r.many {
		return nil
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.Tenant, b.Tenant) }) // as accepts take them
	_, err := r.Exec(ctx, `INSERT INTO shares (lane, tenant, vtime, waiting, looked)
		SELECT $1, tenant, vtime, waiting, looked
		FROM {rows $2: tenant text, vtime bigint, waiting boolean, looked text} WHERE TRUE
		ON CONFLICT (lane, tenant) DO UPDATE
		SET vtime = excluded.vtime, waiting = excluded.waiting, looked = excluded.looked`,
		r.lane, db.Encode(rows))
	return err
}

// keepCaps drops what is over a cap by now: before their shares were locked
// other jobs of the same tenants may have been accepted past the queue.
func (r *round) keepCaps(ctx context.Context) ([]Picked, error) {
	if len(r.picked) == 0 {
		return nil, nil
	}
	if err := r.count(ctx); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(r.picked, func(p Picked) bool {
		c := r.known[p.tenant]
		r.busy[p.tenant]++
		return r.busy[p.tenant] > c.limit
	}), nil
}
