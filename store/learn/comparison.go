package learn

import (
	"context"
	"encoding/json"

	"dreamlab/store/db"
)

// Comparison is one held-out prompt as candidate and incumbent answered it.
type Comparison struct {
	Experience   string  `json:"-"`
	Conversation string  `json:"-"`
	Outcome      Outcome `json:"-"` // of the candidate
	Regression   bool    `json:"-"` // of the set that every evaluation of the alias has
	Checked      bool    `json:"-"` // an exact check decided
	CandidateHit bool    `json:"candidate_hit,omitempty"`
	IncumbentHit bool    `json:"incumbent_hit,omitempty"`
	Judged       bool    `json:"judged,omitempty"`
	Agreed       bool    `json:"agreed,omitempty"` // the judge's two orders did
	Candidate    Faults  `json:"candidate"`
	Incumbent    Faults  `json:"incumbent"`
	// Bytes are the lengths of the candidate's and the incumbent's answer.
	Bytes [2]int `json:"bytes"`
	// Orders are the judgements: the candidate's answer shown first, then the incumbent's.
	Orders []Judgement `json:"orders,omitempty"`
	Said   *Said       `json:"-"` // nil once it is forgotten
}

// Outcome is how a comparison ended for the candidate.
type Outcome string

// The outcomes.
const (
	Win  Outcome = "win"
	Tie  Outcome = "tie"
	Loss Outcome = "loss"
)

// Judgement is what the judge found in one order. Scores are in thousandths.
type Judgement struct {
	Outcome   Outcome `json:"outcome"`
	Candidate int64   `json:"candidate"`
	Incumbent int64   `json:"incumbent"`
}

// Said is what was said in a comparison.
type Said struct {
	Candidate string   `json:"candidate"`
	Incumbent string   `json:"incumbent"`
	Reasons   []string `json:"reasons,omitempty"` // of the judge, in the order of the judgements
}

// Faults are what is wrong with an answer whatever it is compared with.
type Faults struct {
	Refused     bool `json:"refused,omitempty"`
	Failed      bool `json:"failed,omitempty"`      // no answer, an empty or cut one, or an error's text
	Form        bool `json:"form,omitempty"`        // not the JSON that was recorded or is right
	Placeholder bool `json:"placeholder,omitempty"` // the mark of something masked
	Link        bool `json:"link,omitempty"`        // a web address that nothing before it has
	Personal    bool `json:"personal,omitempty"`    // personal data or a secret that nothing before it has
	Language    bool `json:"language,omitempty"`    // another script than the question's
	Length      bool `json:"length,omitempty"`      // several times as long as the recorded answer
	Toxic       bool `json:"toxic,omitempty"`       // an insult or a threat of the list
}

// AddComparison stores a comparison of a tenant's evaluation, once, unless its experience was
// forgotten meanwhile.
func (q *EvaluationQueries) AddComparison(ctx context.Context, tenant, evaluation string, c Comparison) error {
	said := ""
	if c.Said != nil {
		said = db.Encode(c.Said)
	}
	_, err := q.Exec(ctx, `INSERT INTO comparisons (evaluation, experience, tenant, conversation, regression, outcome,
		checked, disagreed, result, said)
		SELECT $1, e.id, e.tenant, e.conversation, $4, $5, $6, $7, $8, $9 FROM experiences e
		WHERE e.tenant = $2 AND e.id = $3 {lock e} ON CONFLICT (evaluation, experience) DO NOTHING`,
		evaluation, tenant, c.Experience, c.Regression, string(c.Outcome), c.Checked, c.Judged && !c.Agreed,
		db.Encode(c), q.SealOptional(said, evaluation, c.Experience))
	return err
}

const comparisonColumns = `evaluation, experience, conversation, regression, outcome, checked, result, said`

func scanComparison(scan func(...any) error) (Comparison, error) {
	var c Comparison
	var evaluation, outcome, result string
	var said *string
	err := scan(&evaluation, &c.Experience, &c.Conversation, &c.Regression, &outcome, &c.Checked, &result,
		db.Opened(&said, &evaluation, &c.Experience))
	if err == nil {
		err = json.Unmarshal([]byte(result), &c)
	}
	if err == nil && said != nil {
		err = json.Unmarshal([]byte(*said), &c.Said)
	}
	c.Outcome = Outcome(outcome)
	return c, err
}

// ComparisonFilter narrows a list of comparisons; empty fields do not.
type ComparisonFilter struct {
	Outcome   Outcome
	Lost      *bool
	Checked   *bool // an exact check decided
	Disagreed *bool // the judge's two orders did
}

// Comparisons lists the comparisons of a tenant's evaluation, by their experiences.
func (q *EvaluationQueries) Comparisons(ctx context.Context, tenant, evaluation string, f ComparisonFilter, p db.Page,
) ([]Comparison, bool, error) {
	n := db.Select(`SELECT `+comparisonColumns+` FROM comparisons WHERE tenant = $1 AND evaluation = $2`,
		tenant, evaluation)
	n.By(`outcome = ?`, string(f.Outcome))
	for condition, want := range map[string]*bool{
		`(outcome = 'loss') = ?`: f.Lost, `checked = ?`: f.Checked, `disagreed = ?`: f.Disagreed,
	} {
		if want != nil {
			n.By(condition, *want)
		}
	}
	return db.ListBy(ctx, q.Tx, p, "experience", scanComparison, n.Query, n.Args...)
}

// Comparison finds how a tenant's evaluation compared the answers to an experience.
func (q *EvaluationQueries) Comparison(ctx context.Context, tenant, evaluation, experience string) (Comparison, error) {
	return db.Read(ctx, q.Tx, scanComparison, `SELECT `+comparisonColumns+` FROM comparisons
		WHERE tenant = $1 AND evaluation = $2 AND experience = $3`, tenant, evaluation, experience)
}

// EachComparison hands the comparisons of a tenant's evaluation to fn, by their experiences.
func (q *EvaluationQueries) EachComparison(ctx context.Context, tenant, evaluation string, fn func(Comparison) error) error {
	return db.Stream(ctx, q.Tx, scanComparison, fn, `SELECT `+comparisonColumns+` FROM comparisons
		WHERE tenant = $1 AND evaluation = $2 ORDER BY experience`, tenant, evaluation)
}
