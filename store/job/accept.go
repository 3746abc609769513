package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"dreamlab/store/db"
)

// idemLife is how long an idempotency key holds (the public contract).
const idemLife = 24 * time.Hour

// Limits bound the jobs of a lane that are in flight: dispatched or running.
type Limits struct {
	Window    int // of all tenants
	TenantCap int // of one tenant, unless its share has a cap of its own
	// Shared bounds the jobs of tenants that already have a job in flight. The rest of the
	// window is reserved for tenants that have none, so that a flood never keeps another tenant
	// out. Defaults to the whole window.
	Shared int
}

func (l Limits) shared() int { return cmp.Or(l.Shared, l.Window) }

// Accepted is the result of inserting a NewJob. Existed means that the idempotency key was in
// use and Job is the first job of that key. Err is ErrConflict where that job had a different
// request, and ErrRouteChanged where NewJob.Route is no longer in force.
type Accepted struct {
	Job     Job
	Existed bool
	Err     error
}

// AcceptJobs inserts jobs and returns a result for each, in order. Limits are by lane: a job
// that is due is inserted as dispatched, with a fresh Wake, where the limits allow it and its
// tenant has no queued jobs; all others are inserted as queued or waiting. An idempotency key
// older than a day, or one whose job failed or expired and whose request is the same, makes a
// new job. It must run in a transaction.
func (q *Queries) AcceptJobs(ctx context.Context, jobs []NewJob, limits map[string]Limits) ([]Accepted, error) {
	a, err := q.AcceptJobsLater(ctx, jobs, limits)
	if err != nil {
		return nil, err
	}
	if err := q.Flush(ctx); err != nil {
		return nil, err
	}
	out := q.Answer(ctx, a)
	for _, one := range out {
		if one.Err != nil && !errors.Is(one.Err, db.ErrConflict) {
			return nil, one.Err
		}
	}
	return out, nil
}

// AcceptJobsLater adds the statements of AcceptJobs to the transaction. The function that it
// returns gives the results after the commit.
func (q *Queries) AcceptJobsLater(ctx context.Context, jobs []NewJob, limits map[string]Limits) (*Acceptance, error) {
	rows := make([]jobInsert, len(jobs))
	for i := range jobs {
		rows[i] = newInsert(jobs[i])
	}
	if err := q.releaseKeys(ctx, rows); err != nil {
		return nil, fmt.Errorf("release idempotency keys: %w", err)
	}
	free, err := q.findCapacity(ctx, rows, limits)
	if err != nil {
		return nil, fmt.Errorf("look for free capacity: %w", err)
	}
	made, err := q.insertJobs(ctx, rows, free)
	if err != nil {
		return nil, fmt.Errorf("insert jobs: %w", err)
	}
	return &Acceptance{rows, made}, nil
}

// Acceptance is a list of jobs on their way in.
type Acceptance struct {
	rows []jobInsert
	made map[string]inserted
}

// jobInsert is a row on its way into the table, as JSON.
type jobInsert struct {
	ID           string  `json:"id"`
	Tenant       string  `json:"tenant"`
	KeyID        *string `json:"key_id"`
	Kind         string  `json:"kind"`
	Lane         string  `json:"lane"`
	State        string  `json:"state"`
	Priority     int     `json:"priority"`
	Input        string  `json:"input"`
	Metadata     *string `json:"metadata"`
	IdemKey      *string `json:"idem_key"`
	IdemHash     *string `json:"idem_hash"`
	Parent       *string `json:"parent"`
	Subject      *string `json:"subject"`
	Conversation *string `json:"conversation"`
	Attached     bool    `json:"attached"`
	WebhookURL   *string `json:"webhook_url"`
	Keep         bool    `json:"keep"`
	Trace        *string `json:"trace"`
	RunAt        *int64  `json:"run_at"`
	ExpiresIn    *int64  `json:"expires_in"`
	MaxAttempts  int     `json:"max_attempts"`
	// Wake is the wake-up that is used if there is capacity. The job is the Nth of its tenant's
	// jobs in this transaction, and the InLane-th of its lane's.
	Wake   *string `json:"wake"`
	Claim  int     `json:"claim"` // the number of its capacityClaim
	Nth    int     `json:"nth"`
	InLane int     `json:"nth_in_lane"`
	// Route is the version of the route that must be in force, or the row is not inserted.
	Route *string `json:"route"`
	Alias *string `json:"alias"`

	bundle int
	cites  []string
}

const defaultMaxAttempts = 5

// forever is the run_at of a job that waits only for its children: the last second of the year
// 9999, in unix microseconds.
const forever = 253402300799000000

// ErrRouteChanged means that the route has changed since the caller read it: read it again.
var ErrRouteChanged = fmt.Errorf("the route was changed meanwhile: %w", db.ErrConflict)

func newInsert(j NewJob) jobInsert {
	if j.ID == "" {
		j.ID = db.NewID("job_")
	}
	if len(j.Input) == 0 {
		j.Input = json.RawMessage("{}")
	}
	if j.MaxAttempts <= 0 {
		j.MaxAttempts = defaultMaxAttempts
	}
	row := jobInsert{
		ID: j.ID, Tenant: j.Tenant, KeyID: db.Optional(j.KeyID), Kind: j.Kind, Lane: j.Lane,
		State: string(StateQueued), Priority: j.Priority, Input: string(j.Input),
		Metadata: db.Optional(string(j.Metadata)), IdemKey: db.Optional(j.IdemKey), IdemHash: db.Optional(j.IdemHash),
		Parent: db.Optional(j.Parent), Subject: db.Optional(j.Subject), Attached: j.Attached,
		Conversation: db.Optional(j.Conversation),
		WebhookURL:   db.Optional(j.WebhookURL), Keep: !j.Private, Trace: db.Optional(j.Trace), MaxAttempts: j.MaxAttempts,
		Route: db.Optional(j.Route),
		Alias: db.Optional(j.Alias), bundle: j.Bundle, cites: j.Cites,
	}
	if !j.RunAt.IsZero() {
		row.RunAt = new(j.RunAt.UnixMicro())
	}
	if j.ExpiresIn > 0 {
		row.ExpiresIn = new(j.ExpiresIn.Microseconds())
	}
	if j.Waiting {
		row.State, row.RunAt = string(StateWaiting), new(int64(forever))
	}
	return row
}

func (r jobInsert) job() Job {
	j := Job{
		ID: r.ID, Tenant: r.Tenant, KeyID: db.Deref(r.KeyID), Kind: r.Kind, Lane: r.Lane, State: State(r.State),
		Priority: r.Priority, Input: json.RawMessage(r.Input), Metadata: rawOf(r.Metadata),
		IdemKey: db.Deref(r.IdemKey), IdemHash: db.Deref(r.IdemHash), Parent: db.Deref(r.Parent), Subject: db.Deref(r.Subject),
		Attached: r.Attached, WebhookURL: db.Deref(r.WebhookURL), Trace: db.Deref(r.Trace),
		MaxAttempts: r.MaxAttempts,
	}
	return j
}

func (q *Queries) releaseKeys(ctx context.Context, rows []jobInsert) error {
	keyed := withKeys(rows)
	if len(keyed) == 0 {
		return nil
	}
	_, err := q.Exec(ctx, `UPDATE jobs SET idem_key = NULL
		FROM {rows $1: k_tenant text, k_key text, k_hash text}
		WHERE tenant = k_tenant AND idem_key = k_key AND (created < {now} - $2
			OR (idem_hash = k_hash AND parent IS NULL AND state IN ('failed', 'expired')))`,
		db.Encode(keyed), idemLife.Microseconds())
	return err
}

type keyRow struct {
	Tenant string `json:"k_tenant"`
	Key    string `json:"k_key"`
	Hash   string `json:"k_hash"`
}

func withKeys(rows []jobInsert) []keyRow {
	var keyed []keyRow
	for _, r := range rows {
		if r.IdemKey != nil {
			keyed = append(keyed, keyRow{Tenant: r.Tenant, Key: *r.IdemKey, Hash: db.Deref(r.IdemHash)})
		}
	}
	return keyed
}

// inserted is the result of inserting a new job.
type inserted struct {
	runAt, created, expires int64
	goes                    bool // there was capacity for it: it is dispatched
}

// routeVersion selects the version in force of the alias of the row j, in the form of
// NewJob.Route.
const routeVersion = `SELECT r.tenant || '/' || r.version FROM routes r WHERE r.tenant IN (j.tenant, '')
	AND r.alias = j.alias ORDER BY r.tenant DESC, r.version DESC LIMIT 1`

const insertJob = `INSERT INTO jobs
		(id, tenant, key_id, alias, kind, lane, state, phase, priority, input, metadata,
		idem_key, idem_hash, parent, subject, conversation, attached, webhook_url, keep, trace, max_attempts, wake,
		run_at, expires_at, dispatched_at, created)
	SELECT id, tenant, key_id, alias, kind, lane, CASE WHEN goes THEN 'dispatched' ELSE state END,
		CASE WHEN goes THEN 'flight' WHEN run_at > {now} THEN 'later' ELSE 'ready' END, priority, input, metadata,
		idem_key, idem_hash, parent, subject, conversation, attached, webhook_url, keep, trace, max_attempts,
		CASE WHEN goes THEN wake END, coalesce(run_at, {now}),
		{now} + expires_in, CASE WHEN goes THEN {now} END, {now}
	FROM (SELECT x.*, x.nth <= p.of_tenant
			AND x.nth_in_lane <= CASE WHEN p.held + x.nth = 1 THEN p.in_lane ELSE p.in_shared END AS goes
		FROM {rows $1: id text, tenant text, key_id text, kind text, lane text, state text, priority bigint,
			input text, metadata text, idem_key text, idem_hash text, parent text, subject text,
			conversation text, attached boolean, webhook_url text, keep boolean, trace text, run_at bigint, expires_in bigint,
			max_attempts bigint, wake text, claim bigint, nth bigint, nth_in_lane bigint, route text, alias text}
		LEFT JOIN free p ON p.claim = x.claim) AS j
	WHERE route IS NULL OR route = (` + routeVersion + `)
	ON CONFLICT (tenant, idem_key) WHERE idem_key IS NOT NULL DO NOTHING
	RETURNING id, run_at, created, coalesce(expires_at, 0), state = 'dispatched'`

// sealed returns the rows as they are stored: the callers' stay plain.
func sealed(q *db.Tx, rows []jobInsert) []jobInsert {
	if !q.Seals() { // an input is JSON, which needs no mark
		return rows
	}
	stored := slices.Clone(rows)
	for i, r := range stored {
		stored[i].Input = q.Seal(r.Input, r.ID)
	}
	return stored
}

// insertJobIn is insertJob with what it takes from capacityQuery, by dialect.
var insertJobIn = map[db.Dialect]string{
	db.Postgres: capacityQuery(heldClaim) + insertJob,
	db.SQLite:   capacityQuery("TRUE") + insertJob, // it has one writer
}

// insertJobs inserts rows. The next statement reads which of them are new.
func (q *Queries) insertJobs(ctx context.Context, rows []jobInsert, free capacity) (map[string]inserted, error) {
	made := make(map[string]inserted, len(rows))
	args := []any{db.RowsOf(sealed(q.Tx, rows)), db.RowsOf(free.claims), int64(free.counted)}
	query := insertJobIn[q.Dialect()]
	err := q.LaterThen(ctx, db.Statement{Args: args, ScanCannotFail: true, Query: query, Each: func(r db.Rows) error {
		var id string
		var in inserted
		err := r.Scan(&id, &in.runAt, &in.created, &in.expires, &in.goes)
		made[id] = in
		return err
	}})
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if err := Cite(ctx, q.Tx, r.Tenant, r.ID, r.cites...); err != nil {
			return nil, err
		}
		if err := q.addWords(ctx, r); err != nil {
			return nil, err
		}
	}
	return made, q.countChildren(ctx, rows, made)
}

// countChildren adds the new children to their parents.
func (q *Queries) countChildren(ctx context.Context, rows []jobInsert, made map[string]inserted) error {
	if !slices.ContainsFunc(rows, func(r jobInsert) bool { return r.Parent != nil }) {
		return nil
	}
	if err := q.Flush(ctx); err != nil {
		return err
	}
	children := map[string]int64{}
	for _, r := range rows {
		if _, ok := made[r.ID]; ok && r.Parent != nil {
			children[*r.Parent]++
		}
	}
	for parent, n := range children {
		err := q.Must(ctx, fmt.Errorf("parent %s: %w", parent, db.ErrNotFound),
			`UPDATE jobs SET open_children = open_children + $2 WHERE id = $1`, parent, n)
		if err != nil {
			return err
		}
	}
	return nil
}

// Answer returns the result for each job, in order.
func (q *Queries) Answer(ctx context.Context, a *Acceptance) []Accepted {
	out := make([]Accepted, len(a.rows))
	for i, r := range a.rows {
		in, ok := a.made[r.ID]
		if !ok {
			out[i] = q.refused(ctx, r)
			continue
		}
		j := r.job()
		if in.goes {
			j.State, j.Wake = StateDispatched, *r.Wake
		}
		j.Created = time.UnixMicro(in.created).UTC()
		if in.runAt != forever {
			j.RunAt = time.UnixMicro(in.runAt).UTC()
		}
		if in.expires > 0 {
			j.ExpiresAt = time.UnixMicro(in.expires).UTC()
		}
		out[i] = Accepted{Job: j}
	}
	return out
}

// refused returns why a job was not inserted: its key already has a job, or the route that it
// names is no longer in force.
func (q *Queries) refused(ctx context.Context, r jobInsert) Accepted {
	if r.IdemKey == nil {
		return Accepted{Err: ErrRouteChanged}
	}
	j, err := q.oneJob(ctx, `tenant = $1 AND idem_key = $2`, r.Tenant, db.Deref(r.IdemKey))
	switch {
	case r.Route != nil && errors.Is(err, db.ErrNotFound):
		return Accepted{Err: ErrRouteChanged}
	case err != nil:
		return Accepted{Err: fmt.Errorf("read the job of an idempotency key: %w", err)}
	case j.IdemHash != db.Deref(r.IdemHash):
		return Accepted{Err: fmt.Errorf("idempotency key was used for another request: %w", db.ErrConflict)}
	}
	return Accepted{Job: j, Existed: true}
}

// WakeChildless queues a waiting job that has no children.
func (q *Queries) WakeChildless(ctx context.Context, id string) ([]Moved, error) {
	return moveAll(ctx, q.Tx, move{
		To: StateQueued, Set: requeued,
		Where:     `id = $1 AND state = 'waiting' AND open_children = 0`,
		Returning: `id, lane`,
	}, id)
}
