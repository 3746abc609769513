package learn

import (
	"context"

	"dreamlab/store/db"
)

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
