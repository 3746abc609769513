package job

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// Filter narrows a list of jobs. Its zero value lists a tenant's own jobs, without their
// children and without webhook deliveries.
type Filter struct {
	Noun     string // chat, experience, dream, tune, schedule, webhook
	Status   string // as the API shows it: queued is queued or dispatched
	Parent   string // the children of this job
	Subject  string // the jobs of this noun, children too
	Children bool   // children too
	Key      string // made with this key
	Alias    string // that was asked for
	Provider string // one of its tries went to it
	Model    string // one of its tries asked this model of Provider. Only with Provider.
	// Text is the beginning of a job's id, the id of its subject, or words of its metadata.
	Text string
	// Conversation is the client's name of it.
	Conversation string
	// Brief leaves out Input and Result, each of which may be as large as a request.
	Brief bool
}

// Job returns a tenant's job, or ErrNotFound.
func (q *ReadQueries) Job(ctx context.Context, tenant, id string) (Job, error) {
	return q.oneJob(ctx, `id = $1 AND tenant = $2`, id, tenant)
}

// AnyJob returns a job of any tenant.
func (q *ReadQueries) AnyJob(ctx context.Context, id string) (Job, error) {
	return q.oneJob(ctx, `id = $1`, id)
}

// JobStates returns the states of those of the jobs that exist, whatever their tenants.
func (q *ReadQueries) JobStates(ctx context.Context, ids []string) (map[string]State, error) {
	states := make(map[string]State, len(ids))
	if len(ids) == 0 {
		return states, nil
	}
	err := q.Each(ctx, `SELECT id, state FROM jobs WHERE id IN ({list $1})`, []any{db.Encode(ids)},
		func(r db.Rows) error {
			var id string
			var state State
			if err := r.Scan(&id, &state); err != nil {
				return err
			}
			states[id] = state
			return nil
		})
	return states, err
}

// JobByKey returns the job that holds a tenant's idempotency key, or ErrNotFound.
func (q *ReadQueries) JobByKey(ctx context.Context, tenant, key string) (Job, error) {
	return q.oneJob(ctx, `tenant = $1 AND idem_key = $2`, tenant, key)
}

// Jobs returns a page of a tenant's jobs and whether there are more.
func (q *ReadQueries) Jobs(ctx context.Context, tenant string, f Filter, page db.Page) ([]Job, bool, error) {
	columns := jobColumns
	if f.Brief {
		columns = briefColumns
	}
	n := db.Select(`SELECT `+columns+` FROM jobs WHERE tenant = $1`, tenant)
	f.narrow(&n)
	if err := f.narrowByText(ctx, q.Tx, &n); err != nil {
		return nil, false, err
	}
	page.AnyLimit = f.Provider != ""
	if column, value := f.column(); column != "" {
		return q.jobsBy(ctx, n, column, value, page)
	}
	if f.byKind() {
		return q.jobsOf(ctx, n, n, page)
	}
	return q.jobsPage(ctx, n, page)
}

// ofNoun selects the kinds of a noun: '/' is the character after '.'.
const ofNoun = `kind >= ? || '.' AND kind < ? || '/'`

func (f Filter) narrow(n *db.Selection) {
	n.By(ofNoun, f.Noun)
	if f.Noun != "" && f.Noun != "chat" {
		n.Query += ` AND kind <> 'chat.run'` // as in the index of all other kinds
	}
	if f.Status != "" {
		n.Query += ` AND ` + inState(State(f.Status))
	}
	n.By(`parent = ?`, f.Parent)
	n.By(`subject = ?`, f.Subject)
	n.By(`conversation = ?`, f.Conversation)
	if column, _ := f.column(); column != "key_id" {
		n.By(`key_id = ?`, f.Key)
	}
	if column, _ := f.column(); column != "alias" {
		n.By(`alias = ?`, f.Alias)
	}
	f.narrowByModel(n)
	if f.Parent == "" && f.Subject == "" && !f.Children || f.Key+f.Alias != "" {
		n.Query += ` AND parent IS NULL`
	}
	if f.Noun == "" && !f.Children {
		n.By(`kind <> ?`, DeliveryKind)
	}
}

// inState is a condition for jobs in a state as the API shows it, written as in the partial
// index for that state. Most jobs have succeeded, so a list by id finds enough of those without
// an index.
func inState(state State) string {
	switch state {
	case StateQueued:
		return openState + ` AND state IN ('queued', 'dispatched')`
	case StateRunning:
		return inFlight + ` AND state = 'running'`
	case StateWaiting:
		return `phase = 'later' AND state = 'waiting'`
	case StateFailed, StateCancelled, StateExpired:
		return unsuccessful + ` AND phase = '` + string(state) + `'`
	}
	return `state = 'succeeded'`
}

// unsuccessful is a condition for jobs that ended without success, written as in its index.
const unsuccessful = `phase IN ('failed', 'cancelled', 'expired')`

func (q *ReadQueries) jobsPage(ctx context.Context, n db.Selection, page db.Page) ([]Job, bool, error) {
	end, more := page.Clause(len(n.Args), "id")
	found, err := q.jobs(ctx, n.Query+end, append(n.Args, more...)...)
	if err != nil {
		return nil, false, err
	}
	found, hasMore := db.Cut(found, page)
	return found, hasMore, nil
}

func (q *ReadQueries) oneJob(ctx context.Context, where string, args ...any) (Job, error) {
	found, err := q.jobs(ctx, `SELECT `+jobColumns+` FROM jobs WHERE `+where, args...)
	if err != nil {
		return Job{}, err
	}
	if len(found) == 0 {
		return Job{}, db.ErrNotFound
	}
	return found[0], nil
}

func (q *ReadQueries) jobs(ctx context.Context, query string, args ...any) ([]Job, error) {
	var found []Job
	err := q.Each(ctx, query, args, func(rows db.Rows) error {
		j, err := scanJob(rows)
		found = append(found, j)
		return err
	})
	return found, err
}

// EndedJobs returns a tenant's own jobs that ended at a time or later, without input and result,
// in the order of their ends, at most limit. It reads what all tenants ended since.
func (q *ReadQueries) EndedJobs(ctx context.Context, tenant string, since time.Time, limit int) ([]Job, error) {
	return q.jobs(ctx, `SELECT `+briefColumns+` FROM jobs WHERE finished IS NOT NULL AND finished >= $2 AND tenant = $1
		AND parent IS NULL AND kind <> '`+DeliveryKind+`' ORDER BY finished, id LIMIT $3`,
		tenant, since.UnixMicro(), int64(limit))
}

// ClearJob removes a job's input, result and the answers of its steps. It must run
// in a transaction.
func (q *Queries) ClearJob(ctx context.Context, id string) error {
	if _, err := q.Exec(ctx, `DELETE FROM effects WHERE job = $1`, id); err != nil {
		return err
	}
	return q.Must(ctx, db.ErrNotFound, `UPDATE jobs SET input = '{}', result = NULL WHERE id = $1`, id)
}

// LaneCount is the number of a lane's jobs in one state.
type LaneCount struct {
	Lane   string
	State  State
	Jobs   int
	Oldest time.Duration // how long the oldest has been due, or in flight
}

// open is a row source of the jobs that have not ended, written as in the three partial indexes
// of such jobs: a condition on the state alone matches none of these indexes, and every ended
// job would be read (2 ms instead of 130 ms over 200,000 ended jobs).
const open = `(SELECT lane, tenant, state, run_at FROM jobs WHERE phase = 'ready'
	UNION ALL SELECT lane, tenant, state, run_at FROM jobs WHERE phase = 'later'
	UNION ALL SELECT lane, tenant, state, run_at FROM jobs WHERE ` + inFlight + `) AS open`

// LaneCounts counts all open jobs.
func (q *ReadQueries) LaneCounts(ctx context.Context) ([]LaneCount, error) {
	var all []LaneCount
	err := q.Each(ctx, `SELECT lane, state, count(*), {now} - min(run_at) FROM `+open+`
		GROUP BY lane, state ORDER BY lane, state`,
		nil, func(rows db.Rows) error {
			var c LaneCount
			var state string
			var age int64
			err := rows.Scan(&c.Lane, &state, &c.Jobs, &age)
			c.State, c.Oldest = State(state), time.Duration(max(0, age))*time.Microsecond
			all = append(all, c)
			return err
		})
	return all, err
}

// HasWaiting tells whether a job of the lane has been queued for longer than the given time. It
// stops at the first one.
func (q *ReadQueries) HasWaiting(ctx context.Context, lane string, longer time.Duration) (bool, error) {
	var has bool
	err := q.One(ctx, `SELECT EXISTS (SELECT 1 FROM jobs
			WHERE lane = $1 AND phase = 'ready' AND run_at < {now} - $2)
		OR EXISTS (SELECT 1 FROM jobs
			WHERE lane = $1 AND `+inFlight+` AND state = 'dispatched' AND run_at < {now} - $2)`,
		[]any{lane, longer.Microseconds()}, &has)
	return has, err
}

// HasRunning tells whether a job of the lane is at work.
func (q *ReadQueries) HasRunning(ctx context.Context, lane string) (bool, error) {
	var has bool
	err := q.One(ctx, `SELECT EXISTS (SELECT 1 FROM jobs WHERE lane = $1 AND `+inFlight+` AND state = 'running')`,
		[]any{lane}, &has)
	return has, err
}

// DeadFilter narrows the jobs that did not succeed. Its zero value selects all of them.
type DeadFilter struct {
	Tenant string // ten_…
	Noun   string // chat, dream, tune, webhook ...
	Code   string // of the job's error
	Within time.Duration
}

// DeadJobs returns a page of the jobs that failed or expired, of all tenants, without input and
// result, and whether there are more. Children are left out, because their parent failed with
// them, and so are chats whose client disconnected.
func (q *ReadQueries) DeadJobs(ctx context.Context, f DeadFilter, page db.Page) ([]Job, bool, error) {
	n := db.Select(`SELECT ` + briefColumns + ` FROM jobs
		WHERE ` + unsuccessful + ` AND phase IN ('failed', 'expired') AND parent IS NULL AND NOT attached`)
	n.By(`tenant = ?`, f.Tenant)
	n.By(`error_code = ?`, f.Code)
	n.By(`finished > {now} - ?`, f.Within.Microseconds())
	n.By(ofNoun, f.Noun)
	return q.jobsPage(ctx, n, page)
}
