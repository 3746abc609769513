package book

import (
	"context"
	"encoding/json"

	"dreamlab/store/db"
)

// Effect is the answer of one step of a job. It is stored once; a retry that finds it does not
// call again.
type Effect struct {
	Job         string
	Step        string
	Epoch       int64
	RequestHash string
	Response    json.RawMessage // none where the job's result holds it
	Entry       string          // the entry that paid for it; "" where nothing was paid
}

// Effect finds the answer of a step.
func (q *Queries) Effect(ctx context.Context, job, step string) (Effect, error) {
	return db.Read(ctx, q.Tx, scanEffect, `SELECT job, step, epoch, request_hash, response, entry
		FROM effects WHERE job = $1 AND step = $2`, job, step)
}

// Effects calls fn with the answers of a job's steps.
func (q *Queries) Effects(ctx context.Context, job string, fn func(Effect) error) error {
	return db.Stream(ctx, q.Tx, scanEffect, fn, `SELECT job, step, epoch, request_hash, response, entry
		FROM effects WHERE job = $1 ORDER BY step`, job)
}

func scanEffect(scan func(...any) error) (Effect, error) {
	var e Effect
	var response string
	var entry *string
	err := scan(&e.Job, &e.Step, &e.Epoch, &e.RequestHash, db.Opened(&response, &e.Job, &e.Step), &entry)
	e.Response, e.Entry = json.RawMessage(response), db.Deref(entry)
	return e, err
}

// AddEffect stores a step's answer. It fails with ErrConflict where there is one already; in a
// transaction possibly at the commit.
func (q *Queries) AddEffect(ctx context.Context, e Effect) error {
	return q.Add(ctx, newEffect, "", effectRow{e.Job, e.Step, e.Epoch, e.RequestHash,
		q.Seal(string(e.Response), e.Job, e.Step), db.Optional(e.Entry)})
}

type effectRow struct {
	Job      string  `json:"x_job"`
	Step     string  `json:"x_step"`
	Epoch    int64   `json:"x_epoch"`
	Hash     string  `json:"x_hash"`
	Response string  `json:"x_response"`
	Entry    *string `json:"x_entry"`
}

var newEffect = db.Bulk{Query: `INSERT INTO effects (job, step, epoch, request_hash, response, entry, created)
	SELECT x_job, x_step, x_epoch, x_hash, x_response, x_entry, {now}
	FROM {rows $1: x_job text, x_step text, x_epoch bigint, x_hash text, x_response text, x_entry text}`}

// ClearEffects deletes the answers of a job's steps.
func (q *Queries) ClearEffects(ctx context.Context, job string) error {
	_, err := q.Exec(ctx, `DELETE FROM effects WHERE job = $1`, job)
	return err
}
