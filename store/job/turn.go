package job

import (
	"cmp"
	"context"
	"slices"

	"dreamlab/store/db"
)

// maxTenantsPerRound is the number of waiting tenants of a lane that a round looks up in the
// queue.
const maxTenantsPerRound = 128

// round is one round of picking in a lane.
//
// It finds the waiting tenants by a skip scan over the queue's index, so that the length of a
// tenant's queue costs nothing. Where more than maxTenantsPerRound tenants wait, each round
// looks at the next part of them and marks their shares as waiting; from all marked ones it
// picks by virtual time. The cost of a round is bounded in this way, and a new tenant among so
// many is found before the others have had more than a turn or two.
type round struct {
	*db.Tx
	lane   string
	limits Limits
	turn   int64  // the lane's virtual time
	cursor string // the last tenant that was looked at, "" after the end

	free   int            // jobs that the window still admits
	shared int            // part of free that tenants with jobs in flight may use
	busy   map[string]int // jobs in flight, by tenant
	known  map[string]*candidate
	many   bool        // more than maxTenantsPerRound tenants wait
	mark   waitingMark // position up to which the marked shares were read
	served int64       // the virtual time of the last job picked
	picked []Picked
}

// waitingMark is a position in the list of the shares that are marked as waiting.
type waitingMark struct {
	vtime  int64
	tenant string
	end    bool
}

// candidate is a tenant with queued jobs.
type candidate struct {
	tenant string
	weight int64
	vtime  int64
	limit  int      // on its jobs in flight
	held   int      // its jobs in flight, including those that this round took
	got    int      // turns, in this step of the round
	taken  int      // jobs, in all of it
	jobs   []Picked // those of this step
	marked bool     // its share says that it waits
	read   bool     // it was read from the marked shares
	empty  bool     // it has no queued jobs left
}

func (c *candidate) stride() int64 { return stride / max(1, c.weight) }

// mayGo tells whether a candidate may have one more job in flight. shared is the capacity left
// for tenants that have some already.
func (c *candidate) mayGo(shared int) bool {
	held := c.held + c.got
	return held < c.limit && !c.empty && (held == 0 || shared > 0)
}

// begin locks the lane against other dispatchers, and reads its free capacity.
func (r *round) begin(ctx context.Context) error {
	const read = `SELECT vtime, cursor FROM shares WHERE lane = $1 AND tenant = '' {lock}`
	err := r.One(ctx, read, []any{r.lane}, &r.turn, &r.cursor)
	if err == db.ErrNotFound {
		if _, err := r.Exec(ctx, `INSERT INTO shares (lane, tenant) VALUES ($1, '')
			ON CONFLICT (lane, tenant) DO NOTHING`, r.lane); err != nil {
			return err
		}
		err = r.One(ctx, read, []any{r.lane}, &r.turn, &r.cursor)
	}
	if err != nil {
		return err
	}
	r.known = map[string]*candidate{}
	return r.count(ctx)
}

// count counts the jobs in flight, and computes the free capacity.
func (r *round) count(ctx context.Context) error {
	r.free, r.shared, r.busy = r.limits.Window, r.limits.shared(), map[string]int{}
	return r.Each(ctx, `SELECT tenant, count(*) FROM jobs
		WHERE lane = $1 AND `+inFlight+` GROUP BY tenant`,
		[]any{r.lane}, func(rows db.Rows) error {
			var tenant string
			var n int
			err := rows.Scan(&tenant, &n)
			r.busy[tenant] = n
			r.free -= n
			r.shared -= n
			return err
		})
}

// findWaiting looks at the next tenants in the queue. After the last one it continues with the
// first.
func (r *round) findWaiting(ctx context.Context) error {
	seen := 0
	for from := r.cursor; ; from = "" {
		n, err := r.hop(ctx, from, maxTenantsPerRound-seen)
		if err != nil {
			return err
		}
		if seen += n; seen == maxTenantsPerRound {
			r.many = true
			return nil
		}
		if r.cursor = ""; from == "" {
			return nil
		}
	}
}

// hop returns the next waiting tenants after one, at most so many. ORDER BY names all columns
// of the index, or another index would be used for part of it.
func (r *round) hop(ctx context.Context, from string, most int) (n int, err error) {
	err = r.Each(ctx, `WITH RECURSIVE waiting(n, tenant) AS (
			SELECT 1, (SELECT tenant FROM jobs WHERE lane = $1 AND phase = 'ready' AND tenant > $2
				ORDER BY tenant, priority DESC, id LIMIT 1)
			UNION ALL
			SELECT n + 1, (SELECT j.tenant FROM jobs j
				WHERE j.lane = $1 AND j.phase = 'ready' AND j.tenant > waiting.tenant
				ORDER BY j.tenant, j.priority DESC, j.id LIMIT 1)
			FROM waiting WHERE waiting.tenant IS NOT NULL AND n < $3)
		SELECT w.tenant, coalesce(s.weight, 1), coalesce(s.vtime, 0), coalesce(s.cap, $4),
			coalesce(s.waiting, FALSE)
		FROM waiting w LEFT JOIN shares s ON s.lane = $1 AND s.tenant = w.tenant
		WHERE w.tenant IS NOT NULL ORDER BY n`,
		[]any{r.lane, from, int64(most), int64(r.limits.TenantCap)}, func(rows db.Rows) error {
			n++
			c := &candidate{}
			err := rows.Scan(&c.tenant, &c.weight, &c.vtime, &c.limit, &c.marked)
			r.cursor = c.tenant
			r.load(c)
			return err
		})
	return n, err
}

// readMarked reads the next of the shares that are marked as waiting, by virtual time. Whether
// their tenants still wait is known once their jobs are taken.
func (r *round) readMarked(ctx context.Context) error {
	n, most := 0, max(maxTenantsPerRound, r.free)
	err := r.Each(ctx, `SELECT tenant, weight, vtime, coalesce(cap, $5) FROM shares
		WHERE lane = $1 AND waiting AND (vtime, tenant) > ($2, $3) ORDER BY vtime, tenant LIMIT $4`,
		[]any{r.lane, r.mark.vtime, r.mark.tenant, int64(most), int64(r.limits.TenantCap)},
		func(rows db.Rows) error {
			n++
			c := &candidate{marked: true}
			err := rows.Scan(&c.tenant, &c.weight, &c.vtime, &c.limit)
			r.mark.vtime, r.mark.tenant = c.vtime, c.tenant
			r.load(c).read = true
			return err
		})
	r.mark.end = n < most
	return err
}

// load adds a candidate to the round. Time in which its tenant was idle or at its cap earns it
// no credit.
func (r *round) load(c *candidate) *candidate {
	if known := r.known[c.tenant]; known != nil {
		return known
	}
	c.vtime = max(c.vtime, r.turn)
	c.held = r.busy[c.tenant]
	r.known[c.tenant] = c
	return c
}

// candidates returns the tenants that may be served, by virtual time.
func (r *round) candidates(ctx context.Context) ([]*candidate, error) {
	for r.many && !r.mark.end && r.readyMarked() < r.free {
		if err := r.readMarked(ctx); err != nil {
			return nil, err
		}
	}
	var found []*candidate
	for _, c := range r.known {
		if c.got = 0; c.mayGo(r.shared) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(a.vtime, b.vtime), cmp.Compare(a.tenant, b.tenant))
	})
	return found, nil
}

// readyMarked counts the marked tenants that were read and may be served.
func (r *round) readyMarked() int {
	n := 0
	for _, c := range r.known {
		if c.read && c.mayGo(r.shared) {
			n++
		}
	}
	return n
}

// share hands out turns one by one, each to the candidate with the least virtual time that may
// go, and returns them in order.
func (r *round) share(found []*candidate) []*candidate {
	var turns []*candidate
	for i := range r.free {
		var next *candidate
		for _, c := range found {
			if c.mayGo(r.shared-i) && (next == nil || c.vtime < next.vtime) {
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

// settle records the jobs that were taken, and tells whether capacity is left over because a
// tenant had fewer jobs than turns.
func (r *round) settle(found, turns []*candidate) (left bool) {
	for _, c := range turns {
		if len(c.jobs) > 0 {
			r.picked = append(r.picked, c.jobs[0])
			c.jobs = c.jobs[1:]
			c.taken++
			c.held++
			c.got--
			r.free--
			r.shared--
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

// addUsage stores the virtual times after a round, and which tenants wait. It locks the shares
// of the tenants that were served.
func (r *round) addUsage(ctx context.Context) error {
	type row struct {
		Tenant  string `json:"tenant"`
		Vtime   int64  `json:"vtime"`
		Waiting bool   `json:"waiting"`
		Cursor  string `json:"cursor"`
	}
	rows := []row{{Vtime: max(r.turn, r.served), Cursor: r.cursor}}
	for _, c := range r.known {
		if c.taken > 0 || c.empty || r.many && !c.marked {
			rows = append(rows, row{Tenant: c.tenant, Vtime: c.vtime, Waiting: !c.empty})
		}
	}
	if len(rows) == 1 && !r.many {
		return nil
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.Tenant, b.Tenant) }) // the order in which accepts lock them
	_, err := r.Exec(ctx, `INSERT INTO shares (lane, tenant, vtime, waiting, cursor)
		SELECT $1, tenant, vtime, waiting, cursor
		FROM {rows $2: tenant text, vtime bigint, waiting boolean, cursor text} WHERE `+r.locked()+`
		ON CONFLICT (lane, tenant) DO UPDATE
		SET vtime = excluded.vtime, waiting = excluded.waiting, cursor = excluded.cursor`,
		r.lane, db.Encode(rows))
	return err
}

// locked has addUsage lock the shares against accepts. Accepts of tenants with queued jobs do not
// wait for it.
func (r *round) locked() string {
	if r.Dialect() == db.SQLite { // it has one writer
		return "TRUE"
	}
	return `pg_advisory_xact_lock(` + shareLock("CAST($1 AS TEXT)") + `) IS NOT NULL`
}

// keepLimits drops the jobs that are over a limit by now: before the shares were locked, other
// jobs of the same tenants may have been accepted as dispatched.
func (r *round) keepLimits(ctx context.Context) ([]Picked, error) {
	if len(r.picked) == 0 {
		return nil, nil
	}
	if err := r.count(ctx); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(r.picked, func(p Picked) bool {
		c := candidate{limit: r.known[p.tenant].limit, held: r.busy[p.tenant]}
		if !c.mayGo(r.shared) {
			return true
		}
		r.busy[p.tenant]++
		r.shared--
		return false
	}), nil
}
