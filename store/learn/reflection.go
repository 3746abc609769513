package learn

import (
	"context"
	"encoding/json"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Reflection is a lesson and the experiences that it rests on.
type Reflection struct {
	ID        string
	Tenant    string
	Dream     string
	Title     string
	Applies   string   // when; "" is always
	Lesson    string   // what to do, in the imperative
	Helped    int      // of its sources, answered better with it
	Harmed    int      // of its sources, answered worse with it
	Sources   []string // experience ids
	Score     int64    // thousandths
	Withdrawn time.Time
	Created   time.Time
}

// AddReflection stores a reflection. It belongs in a Tx.
func (q *DreamQueries) AddReflection(ctx context.Context, r Reflection) error {
	_, err := q.Exec(ctx, `INSERT INTO reflections (id, tenant, dream, title, applies, lesson, helped, harmed, sources,
		score, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, {now})`, r.ID, r.Tenant, r.Dream,
		q.Seal(r.Title, r.ID), q.Seal(r.Applies, r.ID), q.Seal(r.Lesson, r.ID), int64(r.Helped),
		int64(r.Harmed), db.Encode(r.Sources), r.Score)
	if err != nil {
		return err
	}
	return job.Cite(ctx, q.Tx, r.Tenant, r.ID, r.Sources...)
}

const reflectionColumns = `id, tenant, dream, title, applies, lesson, helped, harmed, sources, score, withdrawn, created`

func scanReflection(scan func(...any) error) (Reflection, error) {
	var r Reflection
	var sources string
	var withdrawn, created *int64
	err := scan(&r.ID, &r.Tenant, &r.Dream, db.Opened(&r.Title, &r.ID),
		db.Opened(&r.Applies, &r.ID), db.Opened(&r.Lesson, &r.ID),
		&r.Helped, &r.Harmed, &sources, &r.Score, &withdrawn, &created)
	if err == nil {
		err = json.Unmarshal([]byte(sources), &r.Sources)
	}
	r.Withdrawn, r.Created = db.TimeOf(withdrawn), db.TimeOf(created)
	return r, err
}

// Reflection finds a tenant's reflection.
func (q *DreamQueries) Reflection(ctx context.Context, tenant, id string) (Reflection, error) {
	return db.Read(ctx, q.Tx, scanReflection, `SELECT `+reflectionColumns+` FROM reflections
		WHERE tenant = $1 AND id = $2`, tenant, id)
}

// Reflections lists a tenant's reflections that were not withdrawn.
func (q *DreamQueries) Reflections(ctx context.Context, tenant string, f db.Filter, p db.Page,
) ([]Reflection, bool, error) {
	n := db.Select(`SELECT `+reflectionColumns+` FROM reflections
		WHERE tenant = $1 AND withdrawn IS NULL`, tenant)
	n.By(`dream = ?`, f.Dream)
	n.Mentions(f.Text, `id`, `lesson`)
	return db.List(ctx, q.Tx, p, scanReflection, n.Query, n.Args...)
}

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
