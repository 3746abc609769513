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

// capacityClaim asks for capacity for the new jobs of a tenant in a lane.
type capacityClaim struct {
	Claim  int    `json:"claim"` // its number
	Lane   string `json:"lane"`
	Tenant string `json:"tenant"`
	Window int    `json:"win"`
	Shared int    `json:"most_shared"`
	Cap    int    `json:"most"` // the lane's default; shares.cap overrides it

	jobs []*jobInsert
}

// capacity holds what the insert of new jobs needs to decide which of them are dispatched at
// once.
type capacity struct {
	claims []*capacityClaim
	// counted is the number up to which the jobs in flight of a lane are counted.
	counted int
}

// noCapacity leaves all jobs to the dispatcher.
var noCapacity = capacity{claims: []*capacityClaim{}}

// fewInFlight is the number of jobs in flight up to which they are counted for a single new
// job.
const fewInFlight = 256

// findCapacity prepares the rows that may skip the queue: it gives them a wake-up, and locks
// the shares of their tenants, so that two processes cannot both use the last free capacity. A
// tenant with queued jobs is left out: the dispatcher may hold the lock of its share. The
// insert decides whether there is capacity.
func (q *Queries) findCapacity(ctx context.Context, rows []jobInsert, limits map[string]Limits) (capacity, error) {
	free := capacity{claims: claimsOf(rows, limits)}
	wakes, before := wakeBundles{}, map[string]int{}
	for at, c := range free.claims {
		c.Claim = at + 1
		// Counting must not cost more than dispatching the job from the queue would: it stops
		// at the number beyond which so few new jobs never fit.
		free.counted = max(free.counted, fewInFlight, 64*len(c.jobs))
		for i, r := range c.jobs {
			before[c.Lane]++
			r.Claim, r.Nth, r.InLane, r.Wake = c.Claim, i+1, before[c.Lane], new(wakes.next(r))
		}
	}
	if len(free.claims) == 0 || q.Dialect() == db.SQLite { // SQLite has one writer
		return free, nil
	}
	return free, q.Later(ctx, lockClaims, db.RowsOf(free.claims))
}

// shareLock is the number of the advisory lock of the share of x.tenant in a lane. It differs
// between the schemas of a database. A row's lock would write the row anew for each job: it took
// twice as long.
func shareLock(lane string) string {
	return `hashtextextended(` + lane + ` || '/' || x.tenant, CAST('shares'::regclass AS BIGINT))`
}

// lockClaims locks the shares of those claims ($1) whose tenants have no queued jobs, until the
// transaction ends, and notes their numbers for [heldClaim].
var lockClaims = `SELECT set_config('dreamlab.claims', coalesce(string_agg(CAST(claim AS TEXT), ','), ''), TRUE)
	FROM (SELECT x.claim, pg_advisory_xact_lock(` + shareLock("x.lane") + `)
		FROM {rows $1: claim bigint, lane text, tenant text} WHERE ` + itsQueue + ` IS NULL
		ORDER BY x.lane, x.tenant) AS locked`

// heldClaim tells whether lockClaims has locked the share of the claim x.
const heldClaim = `CAST(x.claim AS TEXT) = ANY (string_to_array(current_setting('dreamlab.claims'), ','))`

// itsQueue selects 1 where the tenant of the claim x has queued jobs, else nothing. ORDER BY
// names all columns of the index; otherwise the planner would use another index for part of it.
const itsQueue = `(SELECT 1 FROM jobs j WHERE j.lane = x.lane AND j.tenant = x.tenant AND j.phase = 'ready'
	ORDER BY j.tenant, j.priority DESC, j.id LIMIT 1)`

// claimsOf returns the claims of those rows that may be dispatched at once. In a
// lane the smallest come first, so that a tenant with many new jobs does not keep
// out those with few.
func claimsOf(rows []jobInsert, limits map[string]Limits) []*capacityClaim {
	type name struct{ lane, tenant string }
	known := map[name]*capacityClaim{}
	claims := []*capacityClaim{}
	for i := range rows {
		r := &rows[i]
		l := limits[r.Lane]
		if r.State != string(StateQueued) || r.RunAt != nil || l.Window == 0 {
			continue
		}
		at := name{r.Lane, r.Tenant}
		if known[at] == nil {
			known[at] = &capacityClaim{Lane: r.Lane, Tenant: r.Tenant, Window: l.Window, Shared: l.shared(), Cap: l.TenantCap}
			claims = append(claims, known[at])
		}
		known[at].jobs = append(known[at].jobs, r)
	}
	slices.SortStableFunc(claims, func(a, b *capacityClaim) int { return cmp.Compare(len(a.jobs), len(b.jobs)) })
	return claims
}

// capacityQuery opens a query that runs after the shares were locked ($2 are the claims, $3 is
// counted); held tells whether the share of the claim x was. It counts the jobs in flight and
// returns the free capacity: of the tenant under its cap, of the lane for tenants without jobs in
// flight (in_lane), and of the lane for tenants with some (in_shared). The first is NULL where the
// share was not locked or the tenant has queued jobs by now. Each claim is looked up by itself:
// PostgreSQL would plan a join by the sizes that the tables had earlier.
func capacityQuery(held string) string {
	return `WITH counted AS MATERIALIZED (
	SELECT x.claim, x.win, x.most_shared,
		CASE WHEN ` + held + ` AND ` + itsQueue + ` IS NULL THEN coalesce((SELECT s.cap FROM shares s
			WHERE s.lane = x.lane AND s.tenant = x.tenant), x.most) END AS most,
		(SELECT count(*) FROM jobs j
			WHERE j.lane = x.lane AND j.tenant = x.tenant AND ` + inFlight + `) AS held,
		(SELECT count(*) FROM (SELECT 1 FROM jobs j
			WHERE j.lane = x.lane AND ` + inFlight + ` LIMIT $3) AS b) AS busy
	FROM {rows $2: claim bigint, lane text, tenant text, win bigint, most_shared bigint, most bigint}),
free AS MATERIALIZED (
	SELECT claim, held, most - held AS of_tenant,
		CASE WHEN busy < $3 THEN win - busy ELSE 0 END AS in_lane,
		CASE WHEN busy < $3 THEN most_shared - busy ELSE 0 END AS in_shared
	FROM counted)
`
}

// wakeBundles holds, by kind, the wake-up that another job can be added to.
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
