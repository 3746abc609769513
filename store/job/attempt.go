package job

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// The outcomes of an attempt, beside the names of the states that end a job.
const (
	AttemptHandedBack = "handed_back"
	AttemptCrashed    = "crashed"
)

func (q *Queries) insertAttempt(ctx context.Context, f Finish, started int64) error {
	code, message := errorTexts(f.Error)
	return q.Later(ctx, `INSERT INTO attempts (job, epoch, worker, started, ended, outcome, code, message)
		VALUES ($1, $2, $3, $4, {now}, $5, $6, $7) ON CONFLICT (job, epoch) DO NOTHING`,
		f.Job, f.Epoch, f.Worker, started, f.Outcome, code, message)
}

// Attempts returns the last hundred ended attempts at a job, the newest first.
func (q *ReadQueries) Attempts(ctx context.Context, job string) ([]Attempt, error) {
	var all []Attempt
	err := q.Each(ctx, `SELECT job, epoch, worker, started, ended, outcome, code, message
		FROM attempts_all WHERE job = $1 ORDER BY epoch DESC LIMIT 100`, []any{job}, func(rows db.Rows) error {
		var a Attempt
		var started, ended int64
		var code, message *string
		err := rows.Scan(&a.Job, &a.Epoch, &a.Worker, &started, &ended, &a.Outcome, &code, &message)
		a.Started, a.Ended = time.UnixMicro(started).UTC(), time.UnixMicro(ended).UTC()
		if code != nil {
			a.Error = &Error{Code: *code, Message: db.Deref(message)}
		}
		all = append(all, a)
		return err
	})
	return all, err
}

// AttemptOutcome returns how a worker's attempt at a job ended, or ErrNotFound where the worker
// ended no attempt under that epoch.
func (q *ReadQueries) AttemptOutcome(ctx context.Context, job string, epoch int64, worker string) (string, error) {
	var outcome string
	err := q.One(ctx, `SELECT outcome FROM attempts_all WHERE job = $1 AND epoch = $2 AND worker = $3`,
		[]any{job, epoch, worker}, &outcome)
	return outcome, err
}
