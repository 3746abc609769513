package learn

import (
	"context"
	"encoding/json"
	"time"

	"dreamlab/store/db"
)

// Evaluation is a judged comparison of two models. Its report is never changed.
type Evaluation struct {
	ID        string
	Tenant    string
	Alias     string
	Tune      string
	Candidate string
	Incumbent string
	Repeats   string // the evaluation that this one repeats; "" for none
	Report    Report
	Created   time.Time
	Pruned    time.Time // when its comparisons were deleted for their age
}

// Report is the result of an evaluation. Shares are integers, in ten-thousandths, so that all
// machines compute the same. Each paper is of another conversation.
type Report struct {
	Judge         string `json:"judge"`
	Conversations int    `json:"conversations"`
	Papers        int    `json:"papers"` // experiences compared
	Wins          int    `json:"wins"`
	Ties          int    `json:"ties"`
	Losses        int    `json:"losses"`
	WinRate       int64  `json:"win_rate"` // (wins + ties/2) / papers
	Low           int64  `json:"low"`      // of the 95 % interval, over conversations
	High          int64  `json:"high"`
	Margin        int64  `json:"margin"`         // how far above one half Bound has to be
	Cheaper       int64  `json:"cheaper"`        // how far below it may be, as the candidate costs less; 0: not at all
	Same          bool   `json:"same,omitempty"` // Cheaper is for the candidate's being the incumbent's weights at another place
	Bound         int64  `json:"bound"`          // the lower bound of the win rate at this look's alpha
	LengthEven    int64  `json:"length_even"`    // the win rate if both answers were equally long
	Look          Look   `json:"look"`
	Agreement     int64  `json:"agreement"` // judgements on which both orders agree
	Checked       int    `json:"checked"`   // papers decided by an exact check
	CandidateHit  int    `json:"candidate_hits"`
	IncumbentHit  int    `json:"incumbent_hits"`
	// Groups are the papers that are tested apart: checked, judged, regression.
	Groups   map[string]Group `json:"groups"`
	Floors   map[string]Floor `json:"floors"`
	Planted  Told             `json:"planted"`
	Seed     int64            `json:"seed"`     // of the draw of the papers
	Decision string           `json:"decision"` // promote, refuse, undecided
	Reason   string           `json:"reason"`
}

// Told counts the planted questions that a candidate was asked, whose secrets its dataset did not hold.
type Told struct {
	Asked int `json:"asked"`
	Told  int `json:"told"` // secrets that its answers held
}

// Look is one exam among those of an alias in a year.
type Look struct {
	Number int       `json:"number"` // from 1
	Alpha  int64     `json:"alpha"`  // the probability of a false promotion, millionths
	Since  time.Time `json:"since"`  // when the first look of the year was
}

// ExamPlan says what an exam can decide, before anything is paid. Shares are in ten-thousandths.
type ExamPlan struct {
	Conversations int   `json:"conversations"`
	Look          Look  `json:"look"`
	Detectable    int64 `json:"detectable"`  // the least true win rate that is found with 80 %
	FivePoints    int64 `json:"five_points"` // the probability to find a model with a win rate of 55 %
	Needed        int   `json:"needed"`      // conversations that find it with 80 %; 0: no number does
	// Cheaper is nil where the alias has no margin for cheaper models.
	Cheaper *CheaperPlan `json:"cheaper,omitempty"`
	// Undecidable says why the exam would decide nothing, or is empty.
	Undecidable string `json:"undecidable,omitempty"`
}

// CheaperPlan compares what a month of an alias's traffic costs, nano-dollars.
type CheaperPlan struct {
	Margin    int64 `json:"margin"` // ten-thousandths below one half
	Candidate int64 `json:"candidate"`
	Incumbent int64 `json:"incumbent"`
	Cheaper   bool  `json:"cheaper"` // the candidate costs less: it only must not be worse
	// Same tells that the candidate has the incumbent's weights, at another place: it only must not be worse, whatever
	// it costs.
	Same bool `json:"same,omitempty"`
}

// NotWorse tells whether the candidate only must not be worse.
func (p *CheaperPlan) NotWorse() bool { return p != nil && (p.Cheaper || p.Same) }

// Group is a part of the papers that is tested apart, in ten-thousandths.
type Group struct {
	Papers  int   `json:"papers"`
	WinRate int64 `json:"win_rate"`
	Low     int64 `json:"low"` // of the 95 % interval
	High    int64 `json:"high"`
	Passed  bool  `json:"passed"`
}

// Floor compares a fault's rates, in ten-thousandths. It is passed unless the candidate is shown
// to be worse.
type Floor struct {
	Value  int64 `json:"value"` // the candidate's rate
	Floor  int64 `json:"floor"` // the incumbent's
	Low    int64 `json:"low"`   // of the 95 % interval of the difference, candidate less incumbent
	High   int64 `json:"high"`
	Passed bool  `json:"passed"`
}

// AddEvaluation keeps an evaluation.
func (q *EvaluationQueries) AddEvaluation(ctx context.Context, e Evaluation) error {
	_, err := q.Exec(ctx, `INSERT INTO evaluations (id, tenant, alias, tune, candidate, incumbent, repeats,
		report, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {now})`,
		e.ID, e.Tenant, e.Alias, db.Text(e.Tune), e.Candidate, e.Incumbent, db.Text(e.Repeats), db.Encode(e.Report))
	return err
}

const evaluationColumns = `id, tenant, alias, tune, candidate, incumbent, repeats, report, created, pruned`

func scanEvaluation(scan func(...any) error) (Evaluation, error) {
	var e Evaluation
	var tune, repeats *string
	var report string
	var created, pruned *int64
	err := scan(&e.ID, &e.Tenant, &e.Alias, &tune, &e.Candidate, &e.Incumbent, &repeats, &report, &created, &pruned)
	if err == nil {
		err = json.Unmarshal([]byte(report), &e.Report)
	}
	e.Tune, e.Repeats, e.Created, e.Pruned = db.Deref(tune), db.Deref(repeats), db.TimeOf(created), db.TimeOf(pruned)
	return e, err
}

// Evaluation finds a tenant's evaluation.
func (q *EvaluationQueries) Evaluation(ctx context.Context, tenant, id string) (Evaluation, error) {
	return db.Read(ctx, q.Tx, scanEvaluation, `SELECT `+evaluationColumns+` FROM evaluations
		WHERE tenant = $1 AND id = $2`, tenant, id)
}

// LastEvaluation finds the newest evaluation of an alias that repeats none.
func (q *EvaluationQueries) LastEvaluation(ctx context.Context, tenant, alias string) (Evaluation, error) {
	return db.Read(ctx, q.Tx, scanEvaluation, `SELECT `+evaluationColumns+` FROM evaluations
		WHERE tenant = $1 AND alias = $2 AND repeats IS NULL ORDER BY id DESC LIMIT 1`, tenant, alias)
}

// Evaluations lists a tenant's evaluations.
func (q *EvaluationQueries) Evaluations(ctx context.Context, tenant string, f db.Filter, p db.Page,
) ([]Evaluation, bool, error) {
	n := db.Select(`SELECT `+evaluationColumns+` FROM evaluations WHERE tenant = $1`, tenant)
	n.By(`alias = ?`, f.Alias)
	n.By(`(candidate = ? OR incumbent = ?)`, f.FullModel())
	n.Mentions(f.Text, `id`, `candidate`, `incumbent`)
	return db.List(ctx, q.Tx, p, scanEvaluation, n.Query, n.Args...)
}

// RegressionPaper is a held-out experience that every evaluation of an alias asks.
type RegressionPaper struct{ Experience, Conversation string }

// AddRegressionPapers adds held-out experiences to the regression set of an evaluation's alias.
// The set only grows, but for what is forgotten.
func (q *EvaluationQueries) AddRegressionPapers(ctx context.Context, e Evaluation, experiences []string) error {
	_, err := q.Exec(ctx, `INSERT INTO regression_papers (tenant, alias, experience, evaluation, created)
		SELECT $1, $2, x.value, $3, {now} FROM ({list $4}) AS x WHERE TRUE ON CONFLICT (tenant, alias, experience) DO NOTHING`,
		e.Tenant, e.Alias, e.ID, encodeList(experiences))
	return err
}

// RegressionPapers returns the regression set of an alias, in the order of the experiences.
func (q *EvaluationQueries) RegressionPapers(ctx context.Context, tenant, alias string) ([]RegressionPaper, error) {
	var papers []RegressionPaper
	err := q.Each(ctx, `SELECT e.id, e.conversation FROM regression_papers p JOIN experiences e ON e.id = p.experience
		WHERE p.tenant = $1 AND p.alias = $2 ORDER BY e.id`, []any{tenant, alias}, func(r db.Rows) error {
		var p RegressionPaper
		err := r.Scan(&p.Experience, &p.Conversation)
		papers = append(papers, p)
		return err
	})
	return papers, err
}
