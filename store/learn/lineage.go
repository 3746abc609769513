package learn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dreamlab/store/db"
)

// Step is one thing of a lineage: an ancestor of the thing that was asked for, or a descendant.
type Step struct {
	ID      string
	Kind    string // the step in a word: recorded, taught, cited, froze, tuned, trained, made, judged ...
	Via     string // the neighbour through which it was found
	Hops    int    // from the thing that was asked for
	Forward bool   // it is a descendant
}

// maxHops bounds a walk. From a job to the evaluation of the model that learned from its
// conversation are nine hops.
const maxHops = 12

// edge is a table whose rows lead from a thing to its descendant.
type edge struct{ table, from, to, kind string }

// dreamColumn holds the id of a dream. A walk does not pass through a dream, or everything in
// it would descend from everything else in it; only a walk that begins at a dream continues
// from it.
const dreamColumn = "dream"

// modelColumn holds the model that answered. A walk leads from a model to its answers, or from
// an answer to its model, only where it begins there: all that a model says does not come of
// one conversation. An index of the experiences holds it.
const modelColumn = "model"

// sourceColumn holds what a text cites.
const sourceColumn = "source"

var edges = []edge{
	{"experiences", "conversation", "id", "recorded"},
	{"experiences", "job", "id", "recorded"},
	// Answers that a dream has sealed, and fresh ones.
	{"(SELECT tenant, id, provider || '/' || model AS model FROM experiences WHERE dream IS NOT NULL)",
		modelColumn, "id", "answered"},
	{"(SELECT tenant, id, provider || '/' || model AS model FROM experiences WHERE dream IS NULL)",
		modelColumn, "id", "answered"},
	{"experiences", "id", dreamColumn, "dreamt"},
	{"(SELECT tenant, job, id AS dream FROM dreams)", "job", dreamColumn, "ran"},
	{"examples", "experience", "id", "taught"},
	{"examples", dreamColumn, "id", "taught"},
	{"reviews", "example", "id", "reviewed"},
	{"reflections", dreamColumn, "id", "learned"},
	{"memories", dreamColumn, "id", "wrote"},
	// Citations by lessons and by memories.
	{"(SELECT tenant, source, cites FROM citations WHERE cites >= 'rfl_' AND cites < 'rfm')", sourceColumn, "cites", "cited"},
	{"(SELECT tenant, source, cites FROM citations WHERE cites >= 'mem_' AND cites < 'men')", sourceColumn, "cites", "merged"},
	{"(SELECT d.tenant, x.example, x.dataset FROM dataset_examples x JOIN datasets d ON d.id = x.dataset)",
		"example", "dataset", "froze"},
	{"tunes", "dataset", "id", "tuned"},
	{"tunes", "job", "id", "ran"},
	{"trainings", "tune", "id", "trained"},
	{"trainings", "file", "id", "trained"},
	{"trainings", "weights_of", "id", "registered"},
	{"models", "tune", "name", "made"},
	{"models", "training", "name", "made"},
	{"evaluations", "tune", "id", "judged"},
	{"evaluations", "candidate", "id", "examined"},
}

// branch selects the things one edge away from those of the walk w.
func (e edge) branch(dialect db.Dialect, forward bool) string {
	near, far, way := e.to, e.from, 0
	if forward {
		near, far, way = e.from, e.to, 1
	}
	outset := ""
	if near == dreamColumn || e.from == modelColumn {
		outset = " AND w.hops = 0"
	}
	from, owner := "FROM", "t.tenant"
	if dialect == db.SQLite {
		from, owner = "FROM walk AS w JOIN", ownerOf(near)
	}
	return fmt.Sprintf(`SELECT t.%s AS id, '%s' AS kind, w.id AS via, w.hops + 1 AS hops, w.forward AS forward
		%s %s AS t WHERE %s = $1 AND t.%s = w.id AND t.%s IS NOT NULL AND w.forward = %d AND w.hops < %d%s`,
		far, e.kind, from, e.table, owner, near, far, way, maxHops, outset)
}

// ownerOf is the tenant's column for SQLite, which would take an index that begins with the tenant
// and read all that the tenant has for each thing of the walk: 0.5 s for a dream of 274 experiences.
// The plus leaves that index out, but where it holds the other column, too.
func ownerOf(near string) string {
	if near == modelColumn || near == sourceColumn {
		return "t.tenant"
	}
	return "+t.tenant"
}

func branches(dialect db.Dialect, between string) string {
	var all []string
	for _, e := range edges {
		all = append(all, e.branch(dialect, false), e.branch(dialect, true))
	}
	return strings.Join(all, between)
}

// walk is the recursive part. PostgreSQL allows the walk's name in one term only, and SQLite
// has no lateral joins.
func walk(dialect db.Dialect) string {
	if dialect == db.Postgres {
		return `SELECT CAST($2 AS TEXT) COLLATE "C", '', '' COLLATE "C", 0, n FROM generate_series(0, 1) AS n
		UNION SELECT x.* FROM walk w CROSS JOIN LATERAL (` + branches(dialect, " UNION ALL ") + `) AS x`
	}
	return `SELECT $2, '', '', 0, value FROM json_each('[0,1]')
		UNION ` + branches(dialect, " UNION ")
}

// Lineage returns a page of a thing's ancestors, then its descendants, each the nearest first,
// and whether there are more. A conversation may be named by the client's own id.
func (q *TuneQueries) Lineage(ctx context.Context, tenant, id string, p db.Page) ([]Step, bool, error) {
	var steps []Step
	err := q.One(ctx, `SELECT id FROM conversations WHERE tenant = $1 AND external = $2`, []any{tenant, id}, &id)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return nil, false, err
	}
	err = q.Each(ctx, `WITH RECURSIVE walk(id, kind, via, hops, forward) AS (`+walk(q.Dialect())+`),
		nearest AS (SELECT id, kind, via, hops, forward,
			row_number() OVER (PARTITION BY id ORDER BY hops, via, kind) AS nth FROM walk WHERE hops > 0)
		SELECT id, kind, via, hops, forward FROM nearest WHERE nth = 1 AND ($3 = '' OR (forward, hops, id) >
			(SELECT n.forward, n.hops, n.id FROM nearest n WHERE n.nth = 1 AND n.id = $3))
		ORDER BY forward, hops, id LIMIT $4`, []any{tenant, id, p.After, int64(p.Size() + 1)}, func(r db.Rows) error {
		var s Step
		var forward int
		err := r.Scan(&s.ID, &s.Kind, &s.Via, &s.Hops, &forward)
		s.Forward = forward > 0
		steps = append(steps, s)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	steps, more := db.Cut(steps, p)
	return steps, more, nil
}
