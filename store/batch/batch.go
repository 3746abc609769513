// Package batch stores batches: many requests that are answered later, in one order at a
// vendor or one by one, with their lines.
//
// The jobs that follow them are in package job, and what they cost is in package book.
package batch

import (
	"context"
	"encoding/json"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Queries are the statements of this package.
type Queries struct{ *db.Tx }

// On returns the statements over a transaction.
func On(tx *db.Tx) Queries { return Queries{tx} }

// Batch is many requests that are answered later.
type Batch struct {
	ID         string // batch_…
	Tenant     string
	Job        string
	File       string // file-… of its requests; "" where a job of ours asks
	Endpoint   string // "/v1/chat/completions"
	Window     time.Duration
	Status     string          // OpenAI's words, see the constants
	Spec       json.RawMessage // how far it is, and its vendor's handle: for the handlers
	Metadata   json.RawMessage // the client's own; nil for none
	Output     string          // file-… of the answers; "" where there is none
	Errors     string          // file-… of the lines that failed; "" where there is none
	Faults     json.RawMessage // OpenAI's list of what is wrong with the file; nil for none
	Total      int
	Completed  int
	Failed     int
	Live       int64 // cost of the same answers at live prices, nano-dollars
	Created    time.Time
	Started    time.Time // when its lines had been read
	Finalizing time.Time
	Cancelling time.Time // when that was asked for
	Finished   time.Time
	JobState   job.State // of its job. Read only.
}

// The states of a batch, in OpenAI's words
// (https://platform.openai.com/docs/api-reference/batch/object).
const (
	Validating = "validating"
	Failed     = "failed" // its file is wrong
	InProgress = "in_progress"
	Finalizing = "finalizing"
	Completed  = "completed"
	Expired    = "expired"
	Cancelling = "cancelling"
	Cancelled  = "cancelled"
)

// Statuses are the states of a batch.
func Statuses() []string {
	return []string{Validating, Failed, InProgress, Finalizing, Completed, Expired, Cancelling, Cancelled}
}

// Ended tells whether no work is left.
func (b Batch) Ended() bool {
	switch b.Status {
	case Failed, Completed, Expired, Cancelled:
		return true
	}
	return false
}

// Shown returns the status as clients see it: a batch that is to be cancelled is
// cancelling, and it has ended where its job has.
func (b Batch) Shown() string {
	switch {
	case b.Ended():
		return b.Status
	case b.JobState == job.StateCancelled:
		return Cancelled
	case b.JobState.Ended():
		return Failed
	case !b.Cancelling.IsZero():
		return Cancelling
	}
	return b.Status
}

// Nouns are the batches, for package job to call when their jobs end.
func Nouns() job.Nouns {
	return job.Nouns{"batch_": job.Noun{
		Ended: func(ctx context.Context, tx *db.Tx, subject, own string, _ job.State) error {
			_, err := tx.Exec(ctx, `UPDATE batches SET finished = {now}
				WHERE id = $1 AND job = $2 AND finished IS NULL`, subject, own)
			return err
		},
		Reopened: func(ctx context.Context, tx *db.Tx, subject, own string) error {
			_, err := tx.Exec(ctx, `UPDATE batches SET finished = NULL WHERE id = $1 AND job = $2`, subject, own)
			return err
		},
	}}
}

// AddBatch stores a new batch.
func (q *Queries) AddBatch(ctx context.Context, b Batch) error {
	_, err := q.Exec(ctx, `INSERT INTO batches (id, tenant, job, file, endpoint, duration, status, spec, metadata, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, {now})`,
		b.ID, b.Tenant, b.Job, db.Text(b.File), b.Endpoint, b.Window.Microseconds(), b.Status, db.Encode(b.Spec),
		db.Text(string(b.Metadata)))
	return err
}

const batchSelect = `SELECT b.id, b.tenant, b.job, b.file, b.endpoint, b.duration, b.status, b.spec, b.metadata,
	b.output, b.errors, b.faults, b.total, b.completed, b.failed, b.live_cost, b.created, b.started, b.finalizing,
	b.cancelling, b.finished, coalesce(j.state, '') FROM batches b LEFT JOIN jobs j ON j.id = b.job `

func scanBatch(scan func(...any) error) (Batch, error) {
	var b Batch
	var file, metadata, output, failures, faults *string
	var spec string
	var window int64
	var created, started, finalizing, cancelling, finished *int64
	err := scan(&b.ID, &b.Tenant, &b.Job, &file, &b.Endpoint, &window, &b.Status, &spec, &metadata,
		&output, &failures, &faults, &b.Total, &b.Completed, &b.Failed, &b.Live, &created, &started, &finalizing,
		&cancelling, &finished, &b.JobState)
	b.File, b.Output, b.Errors = db.Deref(file), db.Deref(output), db.Deref(failures)
	b.Spec, b.Window = json.RawMessage(spec), time.Duration(window)*time.Microsecond
	b.Metadata, b.Faults = rawOf(metadata), rawOf(faults)
	b.Created, b.Started, b.Finalizing = db.TimeOf(created), db.TimeOf(started), db.TimeOf(finalizing)
	b.Cancelling, b.Finished = db.TimeOf(cancelling), db.TimeOf(finished)
	return b, err
}

func rawOf(text *string) json.RawMessage {
	if text == nil {
		return nil
	}
	return json.RawMessage(*text)
}

// Batch finds a tenant's batch.
func (q *Queries) Batch(ctx context.Context, tenant, id string) (Batch, error) {
	return db.Read(ctx, q.Tx, scanBatch, batchSelect+`WHERE b.tenant = $1 AND b.id = $2`, tenant, id)
}

// Batches lists the batches that a tenant's clients made.
func (q *Queries) Batches(ctx context.Context, tenant string, f db.Filter, p db.Page) ([]Batch, bool, error) {
	n := db.Select(batchSelect+`WHERE b.tenant = $1 AND b.file IS NOT NULL`, tenant)
	n.By(shownStatus+` = ?`, f.Status)
	n.Mentions(f.Text, `b.id`, `b.metadata`)
	return db.ListBy(ctx, q.Tx, p, "b.id", scanBatch, n.Query, n.Args...)
}

// shownStatus is Shown for the statements of a list.
const shownStatus = `CASE WHEN b.status IN ('failed', 'completed', 'expired', 'cancelled') THEN b.status
	WHEN j.state = 'cancelled' THEN 'cancelled' WHEN j.state IN ('succeeded', 'failed', 'expired') THEN 'failed'
	WHEN b.cancelling IS NOT NULL THEN 'cancelling' ELSE b.status END`

// SetBatch stores how far a batch is. The first time that it has started, is finalizing or
// has ended, that time is set.
func (q *Queries) SetBatch(ctx context.Context, b Batch) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE batches SET status = $2, spec = $3, output = $4, errors = $5,
		faults = $6, total = $7, completed = $8, failed = $9, live_cost = $10,
		started = CASE WHEN $11 AND started IS NULL THEN {now} ELSE started END,
		finalizing = CASE WHEN $12 AND finalizing IS NULL THEN {now} ELSE finalizing END,
		finished = CASE WHEN $13 AND finished IS NULL THEN {now} ELSE finished END WHERE id = $1`,
		b.ID, b.Status, db.Encode(b.Spec), db.Text(b.Output), db.Text(b.Errors), db.Text(string(b.Faults)),
		int64(b.Total), int64(b.Completed), int64(b.Failed), b.Live,
		b.Status != Validating && b.Status != Failed, b.Status == Finalizing || b.Status == Completed, b.Ended())
}

// CancelBatch asks for the end of a batch that has not ended, and tells whether it had not.
func (q *Queries) CancelBatch(ctx context.Context, tenant, id string) (bool, error) {
	n, err := q.Exec(ctx, `UPDATE batches SET cancelling = coalesce(cancelling, {now})
		WHERE tenant = $1 AND id = $2 AND finished IS NULL`, tenant, id)
	return n > 0, err
}

// AbandonedBatches returns batches that have not ended although their job has (it was
// cancelled or failed, and the vendor continues), at most limit.
func (q *Queries) AbandonedBatches(ctx context.Context, limit int) ([]Batch, error) {
	var left []Batch
	err := db.Stream(ctx, q.Tx, scanBatch, func(b Batch) error {
		left = append(left, b)
		return nil
	}, batchSelect+`WHERE b.status IN ('validating', 'in_progress', 'finalizing')
		AND j.state IN ('succeeded', 'failed', 'cancelled', 'expired') ORDER BY b.id LIMIT $1`, int64(limit))
	return left, err
}

// AdoptBatch gives an abandoned batch to another job, which ends it.
func (q *Queries) AdoptBatch(ctx context.Context, id, own string) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE batches SET job = $2, finished = NULL,
		cancelling = coalesce(cancelling, {now}) WHERE id = $1`, id, own)
}

// AddLiveCost adds to what a batch's answers cost at live prices, nano-dollars.
func (q *Queries) AddLiveCost(ctx context.Context, id string, nano int64) error {
	_, err := q.Exec(ctx, `UPDATE batches SET live_cost = live_cost + $2 WHERE id = $1`, id, nano)
	return err
}
