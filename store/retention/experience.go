package retention

import (
	"context"
	"errors"
	"slices"
	"time"

	"dreamlab/store/db"
)

// Experiences is how long experiences are kept, and how many of an alias that are held out stay however old
// they are: the newest, of which its exams are made.
type Experiences struct {
	Older   time.Duration
	HeldOut int
}

// ExperiencesToPrune returns tenants that have experiences of that age, some after the given one.
func (q *Queries) ExperiencesToPrune(ctx context.Context, older time.Duration, after string, limit int) ([]string, error) {
	end, err := q.before(ctx, "exp_", older)
	if err != nil {
		return nil, err
	}
	var tenants []string
	err = q.Words(ctx, &tenants, `SELECT t.id FROM tenants t WHERE t.id > $1 AND EXISTS
		(SELECT 1 FROM experiences e WHERE e.tenant = t.id AND e.id < $2) ORDER BY t.id LIMIT $3`, after, end, int64(limit))
	return tenants, err
}

// PruneExperiences looks at a page of a tenant's oldest experiences behind one, and deletes the conversations of
// these that are over: whose last experience is of that age, too. It takes their training rows along, and marks
// the datasets, tunes and models that learned from these. A conversation stays while anything needs it: a dream or
// a tune that runs, of any conversation of the tenant; a dream or a verdict within Undo; a dataset in use; the set
// that every evaluation of the alias has; the exams to come. It must run in a transaction.
func (q *Queries) PruneExperiences(ctx context.Context, tenant string, age Experiences, after string) (Step, error) {
	old, err := q.oldest(ctx, tenant, age.Older, after)
	if err != nil || len(old) == 0 {
		return Step{}, err
	}
	over, err := q.lockOver(ctx, tenant, age, old)
	if err != nil {
		return Step{}, err
	}
	gone, err := q.deleteConversations(ctx, tenant, over)
	if err != nil || gone == most { // there may be more of the same conversations
		return Step{Gone: gone, After: after, More: true}, err
	}
	return Step{Gone: gone, After: old[len(old)-1].id, More: len(old) == page}, nil
}

// experience is what is looked at of one.
type experience struct {
	id, conversation, alias string
	heldOut                 bool
}

// oldest returns a page of a tenant's experiences of an age.
func (q *Queries) oldest(ctx context.Context, tenant string, older time.Duration, after string) (old []experience, err error) {
	end, err := q.before(ctx, "exp_", older)
	if err != nil {
		return nil, err
	}
	err = q.Each(ctx, `SELECT id, conversation, alias, held_out FROM experiences
		WHERE tenant = $1 AND id > $2 AND id < $3 AND created < {now} - $4 ORDER BY id LIMIT $5`,
		[]any{tenant, after, end, older.Microseconds(), int64(page)}, func(r db.Rows) error {
			var e experience
			err := r.Scan(&e.id, &e.conversation, &e.alias, &e.heldOut)
			old = append(old, e)
			return err
		})
	return old, err
}

// lockOver locks the conversations of these experiences against new ones, and returns those that nothing needs.
// One that another transaction holds is left for a later round.
func (q *Queries) lockOver(ctx context.Context, tenant string, age Experiences, old []experience) ([]string, error) {
	named := make([]string, len(old))
	for i, e := range old {
		named[i] = e.conversation
	}
	slices.Sort(named)
	var held, over []string
	err := q.Words(ctx, &held, `SELECT id FROM conversations WHERE id IN ({list $1}) ORDER BY id {skip}`,
		ids(slices.Compact(named)))
	if err != nil || len(held) == 0 {
		return nil, err
	}
	err = q.Words(ctx, new([]string), `SELECT id FROM experiences WHERE conversation IN ({list $1}) LIMIT $2 {lock}`,
		ids(held), int64(most))
	if err != nil {
		return nil, err
	}
	if busy, err := q.learning(ctx, tenant); err != nil || busy {
		return nil, err
	}
	used, err := q.datasetsInUse(ctx, tenant)
	if err != nil {
		return nil, err
	}
	exams, err := q.exams(ctx, tenant, age.HeldOut, old)
	if err != nil {
		return nil, err
	}
	err = q.Words(ctx, &over, `SELECT c.value FROM ({list $1}) AS c WHERE (SELECT 1 FROM experiences e
		WHERE e.conversation = c.value AND `+needed+` LIMIT 1) IS NULL`,
		ids(held), age.Older.Microseconds(), Undo.Microseconds(), ids(used), db.Encode(exams))
	return over, err
}

// learning tells whether a dream or a tune of the tenant runs, which may read any conversation.
func (q *Queries) learning(ctx context.Context, tenant string) (bool, error) {
	var one int
	err := q.One(ctx, `SELECT 1 WHERE EXISTS (SELECT 1 FROM dreams WHERE tenant = $1 AND finished IS NULL)
		OR EXISTS (SELECT 1 FROM tunes WHERE tenant = $1 AND finished IS NULL)`, []any{tenant}, &one)
	if errors.Is(err, db.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// datasetsInUse returns a tenant's datasets that are new, or whose tune is, and those of models that serve or may
// at any moment.
func (q *Queries) datasetsInUse(ctx context.Context, tenant string) (used []string, err error) {
	err = q.Words(ctx, &used, `SELECT d.id FROM datasets d WHERE d.tenant = $1 AND (d.created > {now} - $2
		OR EXISTS (SELECT 1 FROM tunes t WHERE t.tenant = $1 AND t.dataset = d.id AND (t.finished > {now} - $2
			OR EXISTS (SELECT 1 FROM models m WHERE m.tenant = $1 AND m.tune = t.id AND m.withdrawn IS NULL
				AND m.state NOT IN ('trained', 'stopped')))))`, tenant, Undo.Microseconds())
	return used, err
}

// exam is from which experience on those of an alias that are held out stay.
type exam struct {
	Alias string `json:"alias"`
	From  string `json:"begins"`
}

// exams returns the exams of the aliases that these experiences are held out for. An alias that has too few
// has none here: all of its own stay.
func (q *Queries) exams(ctx context.Context, tenant string, kept int, old []experience) ([]exam, error) {
	exams, asked := []exam{}, map[string]bool{}
	for _, e := range old {
		if !e.heldOut || asked[e.alias] {
			continue
		}
		asked[e.alias] = true
		x := exam{Alias: e.alias}
		err := q.One(ctx, `SELECT id FROM experiences WHERE tenant = $1 AND alias = $2 AND held_out
			ORDER BY id DESC LIMIT 1 OFFSET $3`, []any{tenant, e.alias, int64(max(1, kept) - 1)}, &x.From)
		if err == nil {
			exams = append(exams, x)
		} else if !errors.Is(err, db.ErrNotFound) {
			return nil, err
		}
	}
	return exams, nil
}

// needed tells whether an experience e has its conversation stay: by the age ($2), the time in which it may be
// undone ($3), the datasets in use ($4) and the exams ($5).
// Each is looked up by itself: of EXISTS PostgreSQL may read all dreams and all rows.
const needed = `(e.created >= {now} - $2
	OR (SELECT 1 FROM dreams d WHERE d.id = e.dream AND d.finished > {now} - $3 LIMIT 1) IS NOT NULL
	OR e.held_out AND (NOT EXISTS (SELECT 1 FROM {rows $5: alias text, begins text} WHERE x.alias = e.alias AND e.id < x.begins)
		OR (SELECT 1 FROM regression_papers p WHERE p.tenant = e.tenant AND p.alias = e.alias AND p.experience = e.id
			LIMIT 1) IS NOT NULL)
	OR (SELECT 1 FROM examples m WHERE m.experience = e.id AND (m.reviewed > {now} - $3
		OR (SELECT 1 FROM dataset_examples f WHERE f.example = m.id AND f.dataset IN ({list $4}) LIMIT 1) IS NOT NULL)
		LIMIT 1) IS NOT NULL)`

// deleteConversations deletes these conversations, at most as many of their experiences as one step may, and
// returns how many.
func (q *Queries) deleteConversations(ctx context.Context, tenant string, over []string) (int64, error) {
	if len(over) == 0 {
		return 0, nil
	}
	var said []string
	err := q.Words(ctx, &said, `SELECT id FROM experiences WHERE conversation IN ({list $1}) LIMIT $2`, ids(over), int64(most))
	if err != nil {
		return 0, err
	}
	if err := q.markAged(ctx, tenant, said); err != nil {
		return 0, err
	}
	return int64(len(said)), errors.Join(q.each(ctx, tenant, said,
		`DELETE FROM reviews WHERE tenant = $1 AND example IN (SELECT id FROM examples WHERE experience IN ({list $2}))`,
		`DELETE FROM examples WHERE tenant = $1 AND experience IN ({list $2})`,
		`DELETE FROM lesson_uses WHERE tenant = $1 AND experience IN ({list $2})`,
		`DELETE FROM words WHERE tenant = $1 AND id IN ({list $2})`,
		`DELETE FROM citations WHERE tenant = $1 AND source IN ({list $2})`,
		`UPDATE comparisons SET said = NULL WHERE tenant = $1 AND experience IN ({list $2})`,
		`DELETE FROM experiences WHERE tenant = $1 AND id IN ({list $2})`,
	), q.each(ctx, tenant, over, `DELETE FROM conversations WHERE tenant = $1 AND id IN ({list $2})
		AND NOT EXISTS (SELECT 1 FROM experiences e WHERE e.conversation = conversations.id)`))
}

// markAged marks what learned from these experiences.
func (q *Queries) markAged(ctx context.Context, tenant string, said []string) error {
	var frozen []string
	err := q.Words(ctx, &frozen, `SELECT DISTINCT f.dataset FROM examples m JOIN dataset_examples f ON f.example = m.id
		WHERE m.experience IN ({list $1})`, ids(said))
	if err != nil || len(frozen) == 0 {
		return err
	}
	return q.each(ctx, tenant, frozen,
		`UPDATE datasets SET aged = {now} WHERE tenant = $1 AND aged IS NULL AND id IN ({list $2})`,
		`UPDATE tunes SET aged = {now} WHERE tenant = $1 AND aged IS NULL AND dataset IN ({list $2})`,
		`UPDATE models SET aged = {now} WHERE tenant = $1 AND aged IS NULL
			AND tune IN (SELECT id FROM tunes WHERE tenant = $1 AND dataset IN ({list $2}))`,
	)
}
