package learn

import (
	"context"
	"encoding/json"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Tune is a fine-tune from curation to promotion. Its status is its job's.
type Tune struct {
	ID         string
	Tenant     string
	Alias      string
	Base       string // provider/model
	Job        string
	Status     job.State
	Error      *job.Error
	Stage      string // curate, price, upload, train, deploy, evaluate, canary, done
	Dataset    string
	Training   string // ftjob-…
	Evaluation string
	Decision   *Decision
	Exam       *ExamPlan       // what its exam can decide, known before anything is paid
	State      json.RawMessage // what the next stage needs
	Created    time.Time
	Finished   time.Time
	Tainted    time.Time // when a conversation was forgotten that its dataset had rows of
	Aged       time.Time // when one was deleted for its age
}

// Decision is how a tune ended.
type Decision struct {
	Promoted bool   `json:"promoted"`
	Reason   string `json:"reason"`
}

// AddTune stores a new tune. It fails with ErrConflict while another tune of the alias is
// running.
func (q *TuneQueries) AddTune(ctx context.Context, t Tune) error {
	_, err := q.Exec(ctx, `INSERT INTO tunes (id, tenant, alias, base, job, stage, state, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, {now})`,
		t.ID, t.Tenant, t.Alias, t.Base, t.Job, t.Stage, db.Encode(t.State))
	return err
}

// RunningTune returns the tune of an alias that has not ended, or fails with db.ErrNotFound.
func RunningTune(ctx context.Context, q *TuneQueries, tenant, alias string) (id string, err error) {
	err = q.One(ctx, `SELECT id FROM tunes WHERE tenant = $1 AND alias = $2 AND finished IS NULL`, []any{tenant, alias}, &id)
	return id, err
}

const tuneSelect = `SELECT t.id, t.tenant, t.alias, t.base, t.job, j.state, j.error_code,
	j.error_message, t.stage,
	t.dataset, t.training, t.evaluation, t.decision, t.exam, t.state, t.created, t.finished, t.tainted, t.aged
	FROM tunes t JOIN jobs j ON j.id = t.job `

func scanTune(scan func(...any) error) (Tune, error) {
	var t Tune
	var code, message, dataset, training, evaluation, decision, exam *string
	var state string
	var created, finished, tainted, aged *int64
	err := scan(&t.ID, &t.Tenant, &t.Alias, &t.Base, &t.Job, &t.Status, &code, &message, &t.Stage,
		&dataset, &training, &evaluation, &decision, &exam, &state, &created, &finished, &tainted, &aged)
	if err == nil && decision != nil {
		err = json.Unmarshal([]byte(*decision), &t.Decision)
	}
	if err == nil && exam != nil {
		err = json.Unmarshal([]byte(*exam), &t.Exam)
	}
	t.Error, t.Dataset, t.Training = jobError(code, message), db.Deref(dataset), db.Deref(training)
	t.Evaluation, t.Tainted, t.Aged = db.Deref(evaluation), db.TimeOf(tainted), db.TimeOf(aged)
	t.State, t.Created, t.Finished = json.RawMessage(state), db.TimeOf(created), db.TimeOf(finished)
	return t, err
}

// Tune finds a tenant's tune.
func (q *TuneQueries) Tune(ctx context.Context, tenant, id string) (Tune, error) {
	return db.Read(ctx, q.Tx, scanTune, tuneSelect+`WHERE t.tenant = $1 AND t.id = $2`, tenant, id)
}

// Tunes lists a tenant's tunes.
func (q *TuneQueries) Tunes(ctx context.Context, tenant string, f db.Filter, p db.Page) ([]Tune, bool, error) {
	n := db.Select(tuneSelect+`WHERE t.tenant = $1`, tenant)
	n.By(`t.alias = ?`, f.Alias)
	n.By(`t.base = ?`, f.FullModel())
	if f.Provider != "" {
		n.Begins(`t.base`, f.Provider+"/")
	}
	n.Where(`(`+shownStatus+` = ?)`, f.Status)
	n.Mentions(f.Text, `t.id`, `t.base`)
	return db.ListBy(ctx, q.Tx, p, "t.id", scanTune, n.Query, n.Args...)
}

// Stage is how far a dream or a tune is that runs.
type Stage struct{ ID, Stage string }

// Stages returns how far a tenant's dream and tunes are that run.
func (q *TuneQueries) Stages(ctx context.Context, tenant string) ([]Stage, error) {
	var all []Stage
	err := q.Each(ctx, `SELECT id, stage FROM dreams WHERE tenant = $1 AND finished IS NULL AND NOT dry
		UNION ALL SELECT id, stage FROM tunes WHERE tenant = $1 AND finished IS NULL`, []any{tenant}, func(r db.Rows) error {
		var s Stage
		err := r.Scan(&s.ID, &s.Stage)
		all = append(all, s)
		return err
	})
	return all, err
}

// SetTune stores a tune's progress.
func (q *TuneQueries) SetTune(ctx context.Context, t Tune) error {
	var decision, exam any
	if t.Decision != nil {
		decision = db.Encode(t.Decision)
	}
	if t.Exam != nil {
		exam = db.Encode(t.Exam)
	}
	return q.Must(ctx, db.ErrNotFound, `UPDATE tunes SET stage = $2, dataset = $3, training = $4, evaluation = $5,
		decision = $6, state = $7, exam = $8, base = $9 WHERE id = $1`,
		t.ID, t.Stage, db.Text(t.Dataset), db.Text(t.Training), db.Text(t.Evaluation), decision, db.Encode(t.State), exam, t.Base)
}

// ClockNote is what the clock that starts tunes says of an alias, such as why there is no tune yet.
type ClockNote struct {
	Alias string
	Says  string
	Since time.Time
}

// NoteClock keeps what the clock says of an alias. Said again it stands as of when it was said first.
func (q *TuneQueries) NoteClock(ctx context.Context, a TaughtAlias, says string) error {
	_, err := q.Exec(ctx, `INSERT INTO tune_clocks (tenant, alias, says, since) VALUES ($1, $2, $3, {now})
		ON CONFLICT (tenant, alias) DO UPDATE SET says = excluded.says, since = excluded.since
		WHERE tune_clocks.says <> excluded.says`, a.Tenant, a.Alias, says)
	return err
}

// ClockNotes returns what the clock says of a tenant's aliases.
func (q *TuneQueries) ClockNotes(ctx context.Context, tenant string) ([]ClockNote, error) {
	var all []ClockNote
	err := q.Each(ctx, `SELECT alias, says, since FROM tune_clocks WHERE tenant = $1 ORDER BY alias`, []any{tenant},
		func(r db.Rows) error {
			var n ClockNote
			var since *int64
			err := r.Scan(&n.Alias, &n.Says, &since)
			n.Since = db.TimeOf(since)
			all = append(all, n)
			return err
		})
	return all, err
}
