package learn

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// LessonUse counts the chats that a lesson fitted.
type LessonUse struct {
	Recent                int // since a time
	Shown, Left           int // chats that had it, and chats in which it was left out
	ShownRated, LeftRated int // of these, the rated ones
	ShownSum, LeftSum     int // of their ratings, each from -1 to 1
}

// AddLessonUses stores which lessons fitted a chat, and whether its model was shown them. It
// belongs in the Tx that stores the experience.
func (q *DreamQueries) AddLessonUses(ctx context.Context, tenant, experience string, lessons []string, shown bool) error {
	if len(lessons) == 0 {
		return nil
	}
	_, err := q.Exec(ctx, `INSERT INTO lesson_uses (tenant, lesson, experience, shown, created)
		SELECT $1, x.value, $2, $3, {now} FROM ({list $4}) AS x WHERE TRUE
		ON CONFLICT (tenant, lesson, experience) DO NOTHING`, tenant, experience, shown, encodeList(lessons))
	return err
}

// LessonUses counts the uses of a tenant's lessons, and the recent ones since a time.
func (q *DreamQueries) LessonUses(ctx context.Context, tenant string, since time.Time) (map[string]LessonUse, error) {
	uses := map[string]LessonUse{}
	err := q.Each(ctx, `SELECT u.lesson, SUM(CASE WHEN u.created > $2 THEN 1 ELSE 0 END), SUM(CASE WHEN u.shown THEN 1 ELSE 0 END),
		SUM(CASE WHEN u.shown THEN 0 ELSE 1 END),
		SUM(CASE WHEN u.shown AND e.rating IS NOT NULL THEN 1 ELSE 0 END),
		SUM(CASE WHEN NOT u.shown AND e.rating IS NOT NULL THEN 1 ELSE 0 END),
		SUM(CASE WHEN u.shown THEN COALESCE(e.rating, 0) ELSE 0 END),
		SUM(CASE WHEN u.shown THEN 0 ELSE COALESCE(e.rating, 0) END)
		FROM lesson_uses u LEFT JOIN experiences e ON e.id = u.experience
		WHERE u.tenant = $1 GROUP BY u.lesson`, []any{tenant, since.UnixMicro()}, func(r db.Rows) error {
		var id string
		var u LessonUse
		err := r.Scan(&id, &u.Recent, &u.Shown, &u.Left, &u.ShownRated, &u.LeftRated, &u.ShownSum, &u.LeftSum)
		uses[id] = u
		return err
	})
	return uses, err
}
