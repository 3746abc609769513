package job

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"dreamlab/store/db"
)

// Finish is how an attempt at a job ends.
type Finish struct {
	Job    string
	Epoch  int64
	Parent string // the job's, "" where it has none
	Worker string // the lease's owner; "": any
	// To is the state that the job moves to. A job that would go on (queued, waiting) ends as
	// cancelled where that was requested, and as failed where Failed uses up its last attempt.
	To      State
	Outcome string // as in Attempt
	Result  json.RawMessage
	Error   *Error
	// After is the pause before the next attempt or poll; for a job that failed, the time after
	// which a retry makes sense.
	After time.Duration
	// Failed means that the attempt counts as a failed one.
	Failed   bool
	Children []NewJob
	// Write stores the attempt's results in the same transaction. It may be nil.
	Write func(ctx context.Context, tx *db.Tx) error
	// Unrecorded leaves out the row of the attempt.
	Unrecorded bool
	// WriteIsShort says that Write is a few statements that wait for no lock, so that the end
	// may share a commit with others.
	WriteIsShort bool
	// Lane is the job's. NoFollowUps says that nothing depends on the job's end: no parent, no
	// subject, no webhook. Its row then need not be read before a success is written.
	Lane        string
	NoFollowUps bool
}

// simple tells whether only the job's own row has to be written.
func (f Finish) simple() bool { return f.NoFollowUps && f.To == StateSucceeded && len(f.Children) == 0 }

// FinishJobs ends attempts: it stores their results, their children, the move, the attempt's
// row, and everything that depends on the job. It returns the moves by each end, in order: nil,
// and nothing done, where the job is no longer running under the epoch. An end with NoFollowUps
// that succeeded instead makes the whole call fail with ErrFenced, at the latest at the commit.
// It must run in a transaction. Ends with a parent are carried out one at a time, so that all
// transactions take their locks in one order.
func (q *Queries) FinishJobs(ctx context.Context, all []Finish) ([][]Moved, error) {
	if err := q.succeed(ctx, all); err != nil {
		return nil, err
	}
	held, err := q.holdForEnd(ctx, all)
	if err != nil {
		return nil, err
	}
	moved := make([][]Moved, len(all))
	for i, f := range all {
		if f.simple() {
			moved[i] = []Moved{{ID: f.Job, Lane: f.Lane, State: StateSucceeded}}
			continue
		}
		h, ok := held[f.Job]
		if !ok || h.Epoch != f.Epoch {
			continue
		}
		delete(held, f.Job)
		if moved[i], err = q.finishHeld(ctx, f, h); err != nil {
			return nil, err
		}
	}
	return moved, nil
}

// succeed carries out the simple ends. The jobs' rows are locked first, in the same order in
// which ReapJob locks a job and then its entries.
func (q *Queries) succeed(ctx context.Context, all []Finish) error {
	for _, f := range all {
		if !f.simple() {
			continue
		}
		row := successRow{f.Job, f.Epoch, f.Worker, db.Optional(string(f.Result))}
		if err := q.Add(ctx, success, "", row); err != nil {
			return err
		}
	}
	for _, f := range all {
		if !f.simple() || f.Write == nil {
			continue
		}
		if err := f.Write(ctx, q.Tx); err != nil {
			return err
		}
	}
	return nil
}

func (q *Queries) finishHeld(ctx context.Context, f Finish, held heldJob) ([]Moved, error) {
	if f.Write != nil {
		if err := f.Write(ctx, q.Tx); err != nil {
			return nil, err
		}
	}
	made, err := q.addChildren(ctx, held, f.Children)
	if err != nil {
		return nil, err
	}
	held.children += len(made)
	f.To = f.decide(held)
	if err := q.applyFinish(ctx, f); err != nil {
		return nil, err
	}
	if f.To != StateSucceeded && !f.Unrecorded { // a success is recorded in the job's own row
		if err := q.insertAttempt(ctx, f, held.claimed); err != nil {
			return nil, err
		}
	}
	if f.To != StateSucceeded && f.To != StateWaiting { // a success has settled its entries; a waiting job's are still open
		if err := q.loseEntries(ctx, held.stub, "left open"); err != nil {
			return nil, err
		}
	}
	moved := append(made, Moved{ID: f.Job, Lane: held.Lane, State: f.To})
	if !f.To.Ended() {
		return moved, nil
	}
	more, err := q.settle(ctx, held.stub, f.To)
	return append(made, more...), err
}

// heldJob is a running job whose row is locked.
type heldJob struct {
	stub
	children int
	attempt  int
	attempts int
	claimed  int64
	trace    string
}

type endRow struct {
	ID     string `json:"x_id"`
	Epoch  int64  `json:"x_epoch"`
	Worker string `json:"x_worker"`
}

// holdForEnd locks the jobs' parents and the jobs, in the order of lockFamily, and returns
// those that are still held.
func (q *Queries) holdForEnd(ctx context.Context, all []Finish) (map[string]heldJob, error) {
	var rows []endRow
	for _, f := range all {
		if f.simple() {
			continue
		}
		rows = append(rows, endRow{f.Job, f.Epoch, f.Worker})
		if err := q.lockJob(ctx, f.Parent); err != nil {
			return nil, err
		}
	}
	held := make(map[string]heldJob, len(rows))
	if len(rows) == 0 {
		return held, nil
	}
	err := q.Each(ctx, `SELECT id, lane, tenant, coalesce(parent, ''), coalesce(subject, ''), epoch,
			cancel_at IS NOT NULL, open_children, attempt, max_attempts, coalesce(claimed_at, created),
			coalesce(trace, ''), webhook_url IS NOT NULL, NOT keep
		FROM jobs JOIN {rows $1: x_id text, x_epoch bigint, x_worker text} ON id = x_id AND epoch = x_epoch
		WHERE `+StateIn(StateRunning)+` AND (x_worker = '' OR lease_owner = x_worker) ORDER BY id {lock jobs}`,
		[]any{db.Encode(rows)}, func(r db.Rows) error {
			var h heldJob
			err := r.Scan(&h.ID, &h.Lane, &h.Tenant, &h.Parent, &h.Subject, &h.Epoch,
				&h.Cancel, &h.children, &h.attempt, &h.attempts, &h.claimed, &h.trace, &h.Webhook, &h.Private)
			held[h.ID] = h
			return err
		})
	return held, err
}

// decide returns the state that the job really moves to.
func (f Finish) decide(h heldJob) State {
	if f.To.Ended() {
		return f.To
	}
	switch {
	case h.Cancel:
		return StateCancelled
	case f.Failed && h.attempt+1 >= h.attempts:
		return StateFailed
	case f.To == StateWaiting && f.After == 0 && h.children == 0:
		return StateQueued // there is nothing to wait for
	}
	return f.To
}

// runAt returns the time to which the pause is added.
func (f Finish) runAt() string {
	switch {
	case f.To == StateWaiting && f.After == 0:
		return fmt.Sprint(int64(forever))
	case f.To == StateWaiting, f.To == StateQueued, f.To == StateFailed && f.After > 0:
		return "{now}"
	}
	return "run_at"
}

// success is the end of a job that succeeded.
var success = db.Bulk{Missing: db.ErrFenced, Query: move{
	To:    StateSucceeded,
	Set:   `, result = x_result, error_code = NULL, error_message = NULL, finished = {now}` + delivered,
	From:  `{rows $1: x_id text, x_epoch bigint, x_worker text, x_result text}`,
	Where: `id = x_id AND epoch = x_epoch AND (x_worker = '' OR lease_owner = x_worker)`,
}.sql()}

type successRow struct {
	ID     string  `json:"x_id"`
	Epoch  int64   `json:"x_epoch"`
	Worker string  `json:"x_worker"`
	Result *string `json:"x_result"`
}

// applyFinish moves the job off its worker.
func (q *Queries) applyFinish(ctx context.Context, f Finish) error {
	if f.To == StateSucceeded {
		return q.Add(ctx, success, "", successRow{f.Job, f.Epoch, f.Worker, q.SealOptional(string(f.Result), f.Job)})
	}
	finished, gen := "NULL", 0
	if f.To.Ended() {
		finished = "{now}"
	}
	if f.To == StateCancelled {
		f.After = 0
	}
	if f.To == StateQueued {
		gen = 1
	}
	code, message := errorTexts(f.Error)
	failed := int64(0)
	if f.Failed {
		failed = 1
	}
	return q.LaterMust(ctx, db.ErrFenced, move{
		To: f.To, Pauses: f.After > 0,
		Set: fmt.Sprintf(`, result = $3, error_code = $4, error_message = $6, attempt = attempt + $7,
			run_at = %s + $5, finished = %s, gen = gen + %d`, f.runAt(), finished, gen) + cleared,
		Where: `id = $1 AND epoch = $2`,
	}.sql(), f.Job, f.Epoch, q.SealOptional(string(f.Result), f.Job), code, f.After.Microseconds(), message, failed)
}

// addChildren inserts the children of a job that waits for them. They inherit the parent and
// every field that they leave empty.
func (q *Queries) addChildren(ctx context.Context, h heldJob, children []NewJob) ([]Moved, error) {
	if len(children) == 0 {
		return nil, nil
	}
	rows := make([]jobInsert, len(children))
	for i, child := range children {
		child.Parent = h.ID
		if child.Tenant == "" {
			child.Tenant = h.Tenant
		}
		if child.Subject == "" {
			child.Subject = h.Subject
		}
		if child.Trace == "" {
			child.Trace = h.trace
		}
		rows[i] = newInsert(child)
	}
	made, err := q.insertJobs(ctx, rows, noCapacity)
	if err != nil {
		return nil, fmt.Errorf("insert children: %w", err)
	}
	var moved []Moved
	for _, r := range rows {
		if _, ok := made[r.ID]; ok {
			moved = append(moved, Moved{ID: r.ID, Lane: r.Lane, State: State(r.State)})
		}
	}
	return moved, nil
}
