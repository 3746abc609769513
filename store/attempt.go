package store

import (
	"context"
	"time"
)

// The outcomes of an attempt, beside the names of the states that end a job.
const (
	AttemptHandedBack = "handed_back"
	AttemptCrashed    = "crashed"
)

func (q *Queries) insertAttempt(ctx context.Context, f Finish, started int64) error {
	code, message := errorTexts(f.Error)
	return q.later(ctx, `INSERT INTO attempts (job, epoch, worker, started, ended, outcome, code, message)
		VALUES ($1, $2, $3, $4, {now}, $5, $6, $7) ON CONFLICT (job, epoch) DO NOTHING`,
		f.Job, f.Epoch, f.Worker, started, f.Outcome, code, message)
}

// ended are the attempts that have ended at jobs: those that did not succeed have
// rows of their own, and of the one that did the job's row tells. It saves a row
// for each job that nothing went wrong with.
const ended = `(SELECT job, epoch, worker, started, ended, outcome, code, message FROM attempts
	UNION ALL SELECT id, epoch, lease_owner, claimed_at, finished, state, NULL, NULL
		FROM jobs WHERE state = 'succeeded') AS ended`

// Attempts returns the last hundred ended attempts at a job, the newest first.
func (q *Queries) Attempts(ctx context.Context, job string) ([]Attempt, error) {
	var all []Attempt
	err := q.each(ctx, `SELECT job, epoch, worker, started, ended, outcome, code, message
		FROM `+ended+` WHERE job = $1 ORDER BY epoch DESC LIMIT 100`, []any{job}, func(rows Rows) error {
		var a Attempt
		var started, ended int64
		var code, message *string
		err := rows.Scan(&a.Job, &a.Epoch, &a.Worker, &started, &ended, &a.Outcome, &code, &message)
		a.Started, a.Ended = time.UnixMicro(started).UTC(), time.UnixMicro(ended).UTC()
		if code != nil {
			a.Error = &JobError{Code: *code, Message: deref(message)}
		}
		all = append(all, a)
		return err
	})
	return all, err
}
