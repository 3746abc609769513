package learn

import (
	"context"
	"encoding/json"
	"time"

	"dreamlab/store/db"
)

// Evaluation is a judged comparison of two models. It is never changed.
type Evaluation struct {
	ID        string
	Tenant    string
	Alias     string
	Tune      string
	Candidate string
	Incumbent string
	Report    Report
	Created   time.Time
}

// Report is the result of an evaluation. Shares are integers, in ten-thousandths, so that all
// machines compute the same.
type Report struct {
	Judge         string           `json:"judge"`
	Conversations int              `json:"conversations"`
	Papers        int              `json:"papers"` // experiences compared
	Wins          int              `json:"wins"`
	Ties          int              `json:"ties"`
	Losses        int              `json:"losses"`
	WinRate       int64            `json:"win_rate"` // (wins + ties/2) / papers
	Low           int64            `json:"low"`      // of the 95 % interval, bootstrapped by conversation
	High          int64            `json:"high"`
	Margin        int64            `json:"margin"`    // how far above one half Low has to be
	Agreement     int64            `json:"agreement"` // judgements on which both orders agree
	Checked       int              `json:"checked"`   // papers decided by an exact check
	CandidateHit  int              `json:"candidate_hits"`
	IncumbentHit  int              `json:"incumbent_hits"`
	Floors        map[string]Floor `json:"floors"`
	Resamples     int              `json:"resamples"`
	Seed          int64            `json:"seed"`
	Decision      string           `json:"decision"` // promote, refuse, undecided
	Reason        string           `json:"reason"`
}

// Floor is a minimum that a candidate has to reach, in ten-thousandths.
type Floor struct {
	Value  int64 `json:"value"`
	Floor  int64 `json:"floor"`
	Passed bool  `json:"passed"`
}

// AddEvaluation keeps an evaluation.
func (q *TuneQueries) AddEvaluation(ctx context.Context, e Evaluation) error {
	_, err := q.Exec(ctx, `INSERT INTO evaluations (id, tenant, alias, tune, candidate, incumbent, report,
		created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, {now})`,
		e.ID, e.Tenant, e.Alias, db.Text(e.Tune), e.Candidate, e.Incumbent, db.Encode(e.Report))
	return err
}

const evaluationColumns = `id, tenant, alias, tune, candidate, incumbent, report, created`

func scanEvaluation(scan func(...any) error) (Evaluation, error) {
	var e Evaluation
	var tune *string
	var report string
	var created *int64
	err := scan(&e.ID, &e.Tenant, &e.Alias, &tune, &e.Candidate, &e.Incumbent, &report, &created)
	if err == nil {
		err = json.Unmarshal([]byte(report), &e.Report)
	}
	e.Tune, e.Created = db.Deref(tune), db.TimeOf(created)
	return e, err
}

// Evaluation finds a tenant's evaluation.
func (q *TuneQueries) Evaluation(ctx context.Context, tenant, id string) (Evaluation, error) {
	return db.Read(ctx, q.Tx, scanEvaluation, `SELECT `+evaluationColumns+` FROM evaluations
		WHERE tenant = $1 AND id = $2`, tenant, id)
}

// Evaluations lists a tenant's evaluations.
func (q *TuneQueries) Evaluations(ctx context.Context, tenant string, p db.Page) ([]Evaluation, bool, error) {
	return db.List(ctx, q.Tx, p, scanEvaluation, `SELECT `+evaluationColumns+` FROM evaluations
		WHERE tenant = $1`, tenant)
}
