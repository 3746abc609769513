package learn

import (
	"context"
	"encoding/json"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
)

// Training is a fine-tuning job at a vendor: from a file to a tuned model.
type Training struct {
	ID     string // ftjob-…
	Tenant string
	Tune   string // the tune that it belongs to; "" where a client asked for the training alone
	Job    string
	File   string // file-… ; "" where a dataset is trained on
	// WeightsOf is the training whose weights are registered at another place; "" where there is something to train.
	WeightsOf string
	Provider  string
	Base      string // the vendor's name of the base
	Suffix    string // tells our trainings at the vendor apart
	Status    string // OpenAI's words: validating_files, queued, running, paused, succeeded, failed, cancelled
	Pause     Pause  // what was asked for; written by SetPause alone
	Pauses    []PauseEvent
	Spec      json.RawMessage
	VendorID  string
	Model     string // the tuned model's registered name
	Tokens    int64
	Cost      int64 // nano-dollars
	Error     string
	Created   time.Time
	Finished  time.Time
	JobState  job.State // of its job, read only
	// Cancelling tells that the cancellation of its job was requested. Read only.
	Cancelling bool
	JobError   *job.Error // why its job failed. Read only.
}

// The states of a training that clients see in their own right, in OpenAI's words
// (https://platform.openai.com/docs/api-reference/fine-tuning/object).
const (
	TrainingSucceeded = "succeeded"
	TrainingFailed    = "failed"
	TrainingCancelled = "cancelled"
	TrainingPaused    = "paused"
)

// Ended tells whether the training has ended at its vendor, so that no work is left.
func (t Training) Ended() bool {
	return t.Status == TrainingSucceeded || t.Status == TrainingFailed || t.Status == TrainingCancelled
}

// EndedWithJob returns the end of a training whose job has ended before it: cancelled, or
// failed with a message. It returns "" while the job is open.
func (t Training) EndedWithJob() (status, message string) {
	switch {
	case t.JobState == job.StateCancelled, t.Cancelling && !t.JobState.Ended():
		return TrainingCancelled, ""
	case !t.JobState.Ended():
		return "", ""
	case t.JobError != nil:
		return TrainingFailed, t.JobError.Message
	}
	return TrainingFailed, "its job " + string(t.JobState) + " before the training had ended"
}

// Shown returns the training as clients see it: it has ended where its job has ended, even if
// it still has to be cancelled at the vendor.
func (t Training) Shown() Training {
	if t.Ended() {
		return t
	}
	if status, message := t.EndedWithJob(); status != "" {
		t.Status, t.Error = status, message
	} else if t.Pause == PauseHeld {
		t.Status = TrainingPaused
	}
	return t
}

// AddTraining stores a new training.
func (q *TuneQueries) AddTraining(ctx context.Context, t Training) error {
	_, err := q.Exec(ctx, `INSERT INTO trainings (id, tenant, tune, job, file, provider, base, suffix,
		status, spec, weights_of, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, {now})`,
		t.ID, t.Tenant, db.Text(t.Tune), t.Job, db.Text(t.File), t.Provider, t.Base, t.Suffix, t.Status, db.Encode(t.Spec),
		db.Text(t.WeightsOf))
	return err
}

const trainingSelect = `SELECT t.id, t.tenant, t.tune, t.job, t.file, t.weights_of, t.provider, t.base, t.suffix, t.status,
	t.pause, t.pauses, t.spec, t.vendor_id, t.model, t.tokens, t.cost, t.error, t.created, coalesce(t.finished, j.finished),
	coalesce(j.state, ''), j.cancel_at IS NOT NULL, j.error_code, j.error_message
	FROM trainings t LEFT JOIN jobs j ON j.id = t.job `

func scanTraining(scan func(...any) error) (Training, error) {
	var t Training
	var tune, file, weightsOf, pause, pauses, vendorID, model, failure, code, message *string
	var spec string
	var created, finished *int64
	err := scan(&t.ID, &t.Tenant, &tune, &t.Job, &file, &weightsOf, &t.Provider, &t.Base, &t.Suffix, &t.Status, &pause, &pauses,
		&spec, &vendorID, &model, &t.Tokens, &t.Cost, &failure, &created, &finished,
		&t.JobState, &t.Cancelling, &code, &message)
	t.Tune, t.File, t.VendorID, t.Model = db.Deref(tune), db.Deref(file), db.Deref(vendorID), db.Deref(model)
	t.WeightsOf = db.Deref(weightsOf)
	t.Spec, t.Error, t.Pause = json.RawMessage(spec), db.Deref(failure), Pause(db.Deref(pause))
	t.Created, t.Finished, t.JobError = db.TimeOf(created), db.TimeOf(finished), jobError(code, message)
	if err == nil && pauses != nil {
		err = json.Unmarshal([]byte(*pauses), &t.Pauses)
	}
	return t, err
}

// Training finds a tenant's training.
func (q *TuneQueries) Training(ctx context.Context, tenant, id string) (Training, error) {
	return db.Read(ctx, q.Tx, scanTraining, trainingSelect+`WHERE t.tenant = $1 AND t.id = $2`, tenant, id)
}

// Trainings lists a tenant's trainings, without those that only serve the weights of another at another place.
func (q *TuneQueries) Trainings(ctx context.Context, tenant string, f db.Filter, p db.Page) ([]Training, bool, error) {
	n := db.Select(trainingSelect+`WHERE t.tenant = $1 AND t.weights_of IS NULL`, tenant)
	n.By(shownTraining+` = ?`, f.Status)
	n.By(`t.provider = ?`, f.Provider)
	n.By(`t.base = ?`, f.Model)
	n.Mentions(f.Text, `t.id`, `t.base`, `t.suffix`)
	return db.ListBy(ctx, q.Tx, p, "t.id", scanTraining, n.Query, n.Args...)
}

// shownTraining is the status of Shown for the statements of a list.
const shownTraining = `CASE WHEN t.status IN ('succeeded', 'failed', 'cancelled') THEN t.status
	WHEN j.state = 'cancelled' THEN 'cancelled' WHEN j.state IN ('succeeded', 'failed', 'expired') THEN 'failed'
	WHEN j.cancel_at IS NOT NULL THEN 'cancelled' WHEN t.pause = 'held' THEN 'paused' ELSE t.status END`

// SetTraining stores a training's progress. The first time that it has ended, its finishing
// time is set.
func (q *TuneQueries) SetTraining(ctx context.Context, t Training) error {
	return q.Must(ctx, db.ErrNotFound, `UPDATE trainings SET status = $2, spec = $3, vendor_id = $4, model = $5,
		tokens = $6, cost = $7, error = $8,
		finished = CASE WHEN $9 AND finished IS NULL THEN {now} ELSE finished END WHERE id = $1`,
		t.ID, t.Status, db.Encode(t.Spec), db.Text(t.VendorID), db.Text(t.Model), t.Tokens, t.Cost, db.Text(t.Error), t.Ended())
}

// AbandonedTrainings returns trainings that have not ended although their job has (it was
// cancelled or failed, and the vendor continues), at most limit, by id, after the given id.
func (q *TuneQueries) AbandonedTrainings(ctx context.Context, after string, limit int) ([]Training, error) {
	var left []Training
	err := db.Stream(ctx, q.Tx, scanTraining, func(t Training) error {
		left = append(left, t)
		return nil
	}, trainingSelect+`WHERE t.status IN ('validating_files', 'queued', 'running', 'paused') AND t.id > $1
		AND j.state IN ('succeeded', 'failed', 'cancelled', 'expired')
		ORDER BY t.id LIMIT $2`, after, int64(limit))
	return left, err
}

// Pause is what was asked of a training: nothing, or one of the following.
type Pause string

// What may be asked. A training that its vendor has not begun is held by us; one that it has begun is
// paused and resumed by the vendor, which is asked by the job that follows the training.
const (
	PauseHeld   Pause = "held"
	PauseVendor Pause = "pause"
	PauseResume Pause = "resume"
)

// PauseEvent is a line of the training's log.
type PauseEvent struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// maxPauseEvents bounds the lines that are kept, the newest.
const maxPauseEvents = 50

// LockPause locks a training's row and returns what was asked of it. It must run in a transaction.
func (q *PauseQueries) LockPause(ctx context.Context, id string) (Pause, error) {
	var pause string
	err := q.One(ctx, `SELECT coalesce(pause, '') FROM trainings WHERE id = $1 {lock}`, []any{id}, &pause)
	return Pause(pause), err
}

// SetPause stores what is asked of a training as it was read, and a line of its log.
func (q *PauseQueries) SetPause(ctx context.Context, t Training, to Pause, line PauseEvent) error {
	lines := append(t.Pauses[max(len(t.Pauses)-maxPauseEvents+1, 0):], line)
	return q.Must(ctx, db.ErrNotFound, `UPDATE trainings SET pause = $2, pauses = $3 WHERE id = $1`,
		t.ID, db.Text(string(to)), db.Encode(plainjson.Of(lines)))
}

// Resumed notes that the vendor goes on with a training. What was asked since stays.
func (q *PauseQueries) Resumed(ctx context.Context, id string) error {
	_, err := q.Exec(ctx, `UPDATE trainings SET pause = NULL WHERE id = $1 AND pause = 'resume'`, id)
	return err
}
