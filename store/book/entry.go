package book

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// EntryState is the state of an entry.
type EntryState string

// The states of an entry.
const (
	EntryOpen    EntryState = "open"    // the call is under way: its upper bound is reserved
	EntrySettled EntryState = "settled" // paid, by the vendor's own count
	EntryVoid    EntryState = "void"    // not charged
	EntryUnknown EntryState = "unknown" // the outcome was lost: the reserved amount stands
)

// Entry is one call of a vendor and its cost. It is written before the call.
type Entry struct {
	ID       string
	Tenant   string
	KeyID    string
	Job      string
	Step     string
	Epoch    int64
	Number   int
	Purpose  string // chat, replay, critique, verify, reflect, consolidate, evaluate, train, host
	Provider string
	Model    string
	State    EntryState
	Reserved int64 // upper bound, nano-dollars
	Settled  int64 // nano-dollars

	Input, Cached, Output int64     // tokens
	Reasoning             int64     // of Output
	Tier                  string    // of service: batch, or as the vendor names it; "" for the usual
	Priced                time.Time // from when the price holds that it is reckoned by; zero where no token is priced
	Estimated             bool      // the vendor gave no usage

	Cause   string // why void or unknown
	Created time.Time
	Ended   time.Time
}

// OpenEntry writes an entry before its call, if the job is still held, and otherwise fails with
// ErrFenced. It makes the entry's id where it has none. It locks the job, so that reaping its
// lease either ends this entry too or comes first and refuses it. It must run in a transaction.
func (q *Queries) OpenEntry(ctx context.Context, e Entry) (string, error) {
	if e.ID == "" {
		e.ID = db.NewID("ent_")
	}
	opened, err := q.OpenEntries(ctx, []Entry{e})
	if err == nil && !opened[e.ID] {
		err = db.ErrFenced
	}
	return e.ID, err
}

var endEntry = db.Bulk{Missing: db.ErrConflict, Query: `UPDATE entries
	SET state = x_state, settled = x_settled, input = x_input, cached = x_cached, output = x_output,
		reasoning = x_reasoning, tier = coalesce(x_tier, tier), estimated = x_estimated, cause = x_cause,
		ended = {now}, lost = CASE WHEN x_state = 'unknown' THEN {now} END
	FROM {rows $1: x_id text, x_state text, x_settled bigint, x_input bigint, x_cached bigint, x_output bigint,
		x_reasoning bigint, x_tier text, x_estimated boolean, x_cause text}
	WHERE id = x_id AND (state = 'open' OR (state = 'unknown' AND x_state <> 'unknown'))`}

type entryEnd struct {
	ID        string     `json:"x_id"`
	State     EntryState `json:"x_state"`
	Settled   int64      `json:"x_settled"`
	Input     int64      `json:"x_input"`
	Cached    int64      `json:"x_cached"`
	Output    int64      `json:"x_output"`
	Reasoning int64      `json:"x_reasoning"`
	Tier      *string    `json:"x_tier"`
	Estimated bool       `json:"x_estimated"`
	Cause     *string    `json:"x_cause"`
}

func (e Entry) end() entryEnd {
	return entryEnd{
		ID: e.ID, State: e.State, Settled: e.Settled, Input: e.Input, Cached: e.Cached, Output: e.Output,
		Reasoning: e.Reasoning, Tier: db.Optional(e.Tier), Estimated: e.Estimated, Cause: db.Optional(e.Cause),
	}
}

// EndEntry ends an entry as settled, void or unknown. A fenced worker may still settle its
// call, so an unknown entry may become settled or void; any other second end is ErrConflict. It
// must run in a transaction.
func (q *Queries) EndEntry(ctx context.Context, e Entry) error {
	b, err := q.books()
	if err != nil {
		return err
	}
	if err := q.Must(ctx, db.ErrConflict, endEntry.Query, db.RowsOf([]any{e.end()})); err != nil {
		return err
	}
	b.ended = append(b.ended, e.ID)
	return nil
}

// SettleEntry is EndEntry whose ErrConflict comes from a later statement or from the
// commit: it saves a round trip.
func (q *Queries) SettleEntry(ctx context.Context, e Entry) error {
	b, err := q.books()
	if err != nil {
		return err
	}
	b.ended = append(b.ended, e.ID)
	return q.Add(ctx, endEntry, "", e.end())
}

// AddEntry writes an entry that belongs to no call, such as a training's bill or an hour of
// hosting. It must run in a transaction.
func (q *Queries) AddEntry(ctx context.Context, e Entry) error {
	b, err := q.books()
	if err != nil {
		return err
	}
	if e.ID == "" {
		e.ID = db.NewID("ent_")
	}
	_, err = q.Exec(ctx, `INSERT INTO entries
		(id, tenant, key_id, job, root, step, epoch, number, purpose, provider, model, state, reserved, settled,
		day, created, ended, lost)
		VALUES ($1, $2, $3, $4, (SELECT `+rootOfJob+` FROM jobs WHERE id = $4), $5, $6, $7, $8, $9, $10, $11, $12, $13,
		`+dayOfTenant("$2")+`, {now}, CASE WHEN $11 = 'open' THEN NULL ELSE {now} END, CASE WHEN $11 = 'unknown' THEN {now} END)`,
		e.ID, e.Tenant, db.Text(e.KeyID), db.Text(e.Job), e.Step, e.Epoch, int64(e.Number), e.Purpose,
		e.Provider, e.Model, string(e.State), e.Reserved, e.Settled)
	if err != nil {
		return err
	}
	b.written = append(b.written, e.ID)
	return nil
}

const entryColumns = `id, tenant, key_id, job, step, epoch, number, purpose, provider, model, state,
	reserved, settled, input, cached, output, reasoning, tier, priced, estimated, cause, created, ended`

func scanEntry(scan func(...any) error) (Entry, error) {
	var e Entry
	var keyID, job, tier, cause *string
	var priced, created, ended *int64
	err := scan(&e.ID, &e.Tenant, &keyID, &job, &e.Step, &e.Epoch, &e.Number, &e.Purpose, &e.Provider, &e.Model,
		&e.State, &e.Reserved, &e.Settled, &e.Input, &e.Cached, &e.Output, &e.Reasoning, &tier, &priced,
		&e.Estimated, &cause, &created, &ended)
	e.KeyID, e.Job, e.Tier, e.Cause = db.Deref(keyID), db.Deref(job), db.Deref(tier), db.Deref(cause)
	e.Priced = db.TimeOf(priced)
	e.Created, e.Ended = db.TimeOf(created), db.TimeOf(ended)
	return e, err
}

// JobEntries hands a job's tries to fn, oldest first.
func (q *Queries) JobEntries(ctx context.Context, job string, fn func(Entry) error) error {
	return db.Stream(ctx, q.Tx, scanEntry, fn, `SELECT `+entryColumns+` FROM entries WHERE job = $1 ORDER BY id`, job)
}

// Call returns a try at a vendor.
func (q *Queries) Call(ctx context.Context, tenant, id string) (Entry, error) {
	return db.Read(ctx, q.Tx, scanEntry, `SELECT `+entryColumns+` FROM entries WHERE id = $1 AND tenant = $2`, id, tenant)
}

// Calls lists the tries at vendors that a job and all jobs below it made.
func (q *Queries) Calls(ctx context.Context, tenant, job string, f db.Filter, p db.Page) ([]Entry, bool, error) {
	n := db.Select(`SELECT `+entryColumns+` FROM entries WHERE tenant = $1 AND `+ofJob, tenant, job)
	n.By(`state = ?`, f.Status)
	n.By(`provider = ?`, f.Provider)
	n.By(`model = ?`, f.Model)
	n.Begins(`id`, f.Text)
	return db.List(ctx, q.Tx, p, scanEntry, n.Query, n.Args...)
}

// ofJob is a condition for the entries of the job $2 and of all jobs below it, which are indexed apart.
const ofJob = `(job = $2 OR (root = $2 AND root <> job))`

// rootOfJob is the topmost ancestor of a job, or the job itself. No job has more than two
// ancestors.
const rootOfJob = `coalesce((SELECT p.parent FROM jobs p WHERE p.id = jobs.parent), jobs.parent, jobs.id)`

// dayOfTenant is the day that it is now where a tenant is.
func dayOfTenant(tenant string) string {
	return `({now} + coalesce((SELECT t.shift FROM tenants t WHERE t.id = ` + tenant + `), 0)) / 86400000000`
}
