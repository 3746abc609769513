package learn

import (
	"context"

	"dreamlab/store/db"
)

// SetFeedback stores a later judgement of an answer. Zero values change nothing. What is new
// reopens the experience to the next dream, and withdraws the row that was made of it; a user
// who likes what became a row leaves both. It belongs in a Tx.
func (q *ExperienceQueries) SetFeedback(ctx context.Context, tenant, id string, rating *int64, comment, correction string,
) error {
	_, err := q.judge(ctx, Experience{Tenant: tenant, ID: id, Rating: rating, Comment: comment, Correction: correction})
	return err
}

// judge stores feedback, and tells whether any of it was new. The first statement looks, and
// locks the row against the end of a dream.
func (q *ExperienceQueries) judge(ctx context.Context, e Experience) (changed bool, err error) {
	n, err := q.Exec(ctx, `UPDATE experiences SET identity = identity WHERE tenant = $1 AND id = $2 AND
		(COALESCE($3, rating, 9) <> COALESCE(rating, 9) OR COALESCE($4, comment, '') <> COALESCE(comment, '')
		OR COALESCE($5, correction, '') <> COALESCE(correction, ''))`,
		e.Tenant, e.ID, e.Rating, db.Text(e.Comment), db.Text(e.Correction))
	if err != nil {
		return false, err
	}
	if n > 0 {
		objects := e.Comment != "" || e.Correction != "" || e.Rating != nil && *e.Rating < 0
		if err := q.reopen(ctx, e.Tenant, e.ID, objects); err != nil {
			return false, err
		}
	}
	err = q.Must(ctx, db.ErrNotFound, `UPDATE experiences SET rating = COALESCE($3, rating),
		comment = COALESCE($4, comment), correction = COALESCE($5, correction) WHERE tenant = $1 AND id = $2`,
		e.Tenant, e.ID, e.Rating, db.Text(e.Comment), db.Text(e.Correction))
	return n > 0, err
}

// reopen gives an experience to the next dream and withdraws its row. Where nothing speaks
// against the row, one that stands keeps both as they are.
func (q *ExperienceQueries) reopen(ctx context.Context, tenant, id string, objects bool) error {
	n, err := q.Exec(ctx, `UPDATE experiences SET dream = NULL WHERE tenant = $1 AND id = $2 AND dream IS NOT NULL
		AND ($3 OR NOT EXISTS (SELECT 1 FROM examples x WHERE x.experience = experiences.id AND x.withdrawn IS NULL))`,
		tenant, id, objects)
	if err != nil || n == 0 {
		return err
	}
	_, err = q.Exec(ctx, `UPDATE examples SET withdrawn = {now} WHERE experience = $1 AND withdrawn IS NULL`, id)
	return err
}

// MergeJudgement adds the feedback and the reference of a duplicate to the stored experience,
// and tells whether any of it was new. It belongs in a Tx.
func (q *ExperienceQueries) MergeJudgement(ctx context.Context, e Experience) (merged bool, err error) {
	if e.Rating == nil && e.Comment == "" && e.Correction == "" && e.Reference == "" {
		return false, nil
	}
	known, err := q.sameAs(ctx, e)
	if err != nil {
		return false, err
	}
	for _, id := range known {
		e.ID = id
		referred, err := q.refer(ctx, e)
		if err != nil {
			return false, err
		}
		judged, err := q.judge(ctx, e)
		if err != nil {
			return false, err
		}
		merged = merged || referred || judged
	}
	return merged, nil
}

// refer stores a reference, and tells whether it was new: it decides what the row is.
func (q *ExperienceQueries) refer(ctx context.Context, e Experience) (bool, error) {
	if e.Reference == "" {
		return false, nil
	}
	n, err := q.Exec(ctx, `UPDATE experiences SET reference = $2 WHERE id = $1 AND COALESCE(reference, '') <> $2`,
		e.ID, e.Reference)
	if err != nil || n == 0 {
		return false, err
	}
	return true, q.reopen(ctx, e.Tenant, e.ID, true)
}
