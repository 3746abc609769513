package store

import (
	"context"
	"encoding/json"
	"time"
)

// Training is a fine-tune alone: from a file to a tuned model.
type Training struct {
	ID       string // ftjob-…
	Tenant   string
	Tune     string // the tune that it belongs to; "" where a client asked for the training alone
	Job      string
	File     string // file-… ; "" where a dataset is trained on
	Provider string
	Base     string // the vendor's name of the base
	Suffix   string // tells our trainings at the vendor apart
	Status   string // OpenAI's words: validating_files, queued, running, succeeded, failed, cancelled
	Spec     json.RawMessage
	VendorID string
	Model    string // the tuned model's registered name
	Tokens   int64
	Cost     int64 // nano-dollars
	Error    string
	Created  time.Time
	Finished time.Time
}

// AddTraining keeps a new training.
func (q *Queries) AddTraining(ctx context.Context, t Training) error {
	_, err := q.exec(ctx, `INSERT INTO trainings (id, tenant, tune, job, file, provider, base, suffix,
		status, spec, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, {now})`,
		t.ID, t.Tenant, text(t.Tune), t.Job, text(t.File), t.Provider, t.Base, t.Suffix, t.Status, encode(t.Spec))
	return err
}

const trainingColumns = `id, tenant, tune, job, file, provider, base, suffix, status, spec, vendor_id,
	model, tokens,
	cost, error, created, finished`

func scanTraining(scan func(...any) error) (Training, error) {
	var t Training
	var tune, file, vendorID, model, failure *string
	var spec string
	var created, finished *int64
	err := scan(&t.ID, &t.Tenant, &tune, &t.Job, &file, &t.Provider, &t.Base, &t.Suffix, &t.Status, &spec,
		&vendorID, &model, &t.Tokens, &t.Cost, &failure, &created, &finished)
	t.Tune, t.File, t.VendorID, t.Model = deref(tune), deref(file), deref(vendorID), deref(model)
	t.Spec, t.Error = json.RawMessage(spec), deref(failure)
	t.Created, t.Finished = timeOf(created), timeOf(finished)
	return t, err
}

// Training finds a tenant's training.
func (q *Queries) Training(ctx context.Context, tenant, id string) (Training, error) {
	return read(ctx, q, scanTraining, `SELECT `+trainingColumns+` FROM trainings WHERE tenant = $1
		AND id = $2`, tenant, id)
}

// Trainings lists a tenant's trainings.
func (q *Queries) Trainings(ctx context.Context, tenant string, p Page) ([]Training, bool, error) {
	return list(ctx, q, p, scanTraining, `SELECT `+trainingColumns+` FROM trainings WHERE tenant = $1`, tenant)
}

// SetTraining writes how far a training is. An ended one is finished now,
// unless it was already.
func (q *Queries) SetTraining(ctx context.Context, t Training, ended bool) error {
	return q.must(ctx, ErrNotFound, `UPDATE trainings SET status = $2, spec = $3, vendor_id = $4, model = $5,
		tokens = $6, cost = $7, error = $8,
		finished = CASE WHEN $9 AND finished IS NULL THEN {now} ELSE finished END WHERE id = $1`,
		t.ID, t.Status, encode(t.Spec), text(t.VendorID), text(t.Model), t.Tokens, t.Cost, text(t.Error), ended)
}

// AbandonedTrainings returns trainings, at most limit, that have not ended
// although their job has: it was cancelled or broke, and the vendor goes on.
func (q *Queries) AbandonedTrainings(ctx context.Context, limit int) ([]Training, error) {
	var left []Training
	err := stream(ctx, q, scanTraining, func(t Training) error {
		left = append(left, t)
		return nil
	}, `SELECT `+trainingColumns+` FROM trainings t WHERE t.status IN ('validating_files', 'queued', 'running')
		AND EXISTS (SELECT 1 FROM jobs j WHERE j.id = t.job
		AND j.state IN ('succeeded', 'failed', 'cancelled', 'expired'))
		ORDER BY t.id LIMIT $1`, int64(limit))
	return left, err
}
