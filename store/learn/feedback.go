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

// judge stores feedback, and tells whether any of it was new. The first statement locks the row
// against the end of a dream. Texts are compared here, since they may be sealed.
func (q *ExperienceQueries) judge(ctx context.Context, e Experience) (changed bool, err error) {
	var rating *int64
	var comment, correction *string
	err = q.One(ctx, `SELECT rating, comment, correction FROM experiences WHERE tenant = $1 AND id = $2 {lock}`,
		[]any{e.Tenant, e.ID}, &rating, db.Opened(&comment, e.ID), db.Opened(&correction, e.ID))
	if err != nil {
		return false, err
	}
	rated := e.Rating != nil && (rating == nil || *rating != *e.Rating)
	if !rated && !newText(e.Comment, comment) && !newText(e.Correction, correction) {
		return false, nil
	}
	objects := e.Comment != "" || e.Correction != "" || e.Rating != nil && *e.Rating < 0
	if err := q.reopen(ctx, e.Tenant, e.ID, objects); err != nil {
		return false, err
	}
	return true, q.Must(ctx, db.ErrNotFound, `UPDATE experiences SET rating = COALESCE($3, rating),
		comment = COALESCE($4, comment), correction = COALESCE($5, correction) WHERE tenant = $1 AND id = $2`,
		e.Tenant, e.ID, e.Rating, q.SealOptional(e.Comment, e.ID), q.SealOptional(e.Correction, e.ID))
}

// newText tells whether a text, if there is one, is another than the stored one.
func newText(text string, stored *string) bool { return text != "" && text != db.Deref(stored) }

// reopen gives an experience to the next dream and withdraws its row. Where nothing speaks
// against the row, one that stands keeps both as they are.
func (q *ExperienceQueries) reopen(ctx context.Context, tenant, id string, objects bool) error {
	n, err := q.Exec(ctx, `UPDATE experiences SET dream = NULL, reopened = {now}
		WHERE tenant = $1 AND id = $2 AND dream IS NOT NULL
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
	var stored *string
	err := q.One(ctx, `SELECT reference FROM experiences WHERE id = $1 {lock}`, []any{e.ID}, db.Opened(&stored, e.ID))
	if err != nil || !newText(e.Reference, stored) {
		return false, err
	}
	_, err = q.Exec(ctx, `UPDATE experiences SET reference = $2 WHERE id = $1`, e.ID, q.Seal(e.Reference, e.ID))
	if err != nil {
		return false, err
	}
	return true, q.reopen(ctx, e.Tenant, e.ID, true)
}
