package learn

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"dreamlab/store/db"
	"dreamlab/store/learn/pick"
)

// queue is an order in which fresh experiences wait: an index of them, in these words.
type queue struct{ index, which string }

const wrong = `(correction IS NOT NULL OR rating < 0 OR reopened IS NOT NULL)`

// What is worth a dream is known of some before anything is asked. What is held out teaches nothing, and takes no such
// place.
var (
	ofWrong     = queue{"experiences_wrong", ` AND NOT held_out AND ` + wrong}
	ofCheckable = queue{"experiences_checkable", ` AND NOT held_out AND reference IS NOT NULL`}
	ofAll       = queue{"experiences_fresh", ``}
)

// Sealed is what a batch holds.
type Sealed struct {
	Experiences int
	Weak        int // of these, known to be wrong (corrected, disliked, reopened by feedback) or to be checkable
}

// SealBatch seals a tenant's fresh experiences in a dream, at most limit: first those that a user found wrong or that
// feedback reopened, then those that can be checked, but a quarter of the places is for the oldest of all, and no user
// and no conversation has more than a quarter where others wait (see pick). It seals only what is fresh, so that
// two dreams never share an experience.
func (q *ExperienceQueries) SealBatch(ctx context.Context, tenant, dream string, limit int) (s Sealed, err error) {
	ids, isWeak, err := q.batch(ctx, tenant, limit)
	if err != nil {
		return s, err
	}
	var sealed []string
	err = q.Words(ctx, &sealed, `UPDATE experiences SET dream = $1 WHERE id IN (SELECT id FROM experiences
		WHERE id IN ({list $2}) AND dream IS NULL ORDER BY id {lock}) AND dream IS NULL RETURNING id`, dream, encodeList(ids))
	for _, id := range sealed {
		s.count(isWeak[id])
	}
	return s, err
}

// NextBatch hands fn what SealBatch would seal now, and locks nothing.
func (q *ExperienceQueries) NextBatch(ctx context.Context, tenant string, limit int, fn func(Experience) error) (
	s Sealed, err error,
) {
	ids, isWeak, err := q.batch(ctx, tenant, limit)
	if err != nil {
		return s, err
	}
	err = db.Stream(ctx, q.Tx, scanExperience, func(e Experience) error {
		s.count(isWeak[e.ID])
		return fn(e)
	}, `SELECT `+experienceColumns+experienceTables+`WHERE e.id IN ({list $1}) ORDER BY e.id`, encodeList(ids))
	return s, err
}

func (s *Sealed) count(weak bool) {
	s.Experiences++
	if weak {
		s.Weak++
	}
}

// batch chooses the next batch, and tells which of it is weak.
func (q *ExperienceQueries) batch(ctx context.Context, tenant string, limit int) (ids []string, isWeak map[string]bool, err error) {
	places := pick.Weak(limit)
	weak, err := waiting(ctx, q.Tx, tenant, ofWrong, places)
	if err == nil && pick.ShareOf(places).Take(weak...) < places {
		var more []pick.Row
		more, err = waiting(ctx, q.Tx, tenant, ofCheckable, places)
		weak = append(weak, more...)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look for what is weak: %w", err)
	}
	rest, err := waiting(ctx, q.Tx, tenant, ofAll, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("look for the oldest: %w", err)
	}
	isWeak = map[string]bool{}
	for _, r := range pick.Batch(weak, rest, limit) {
		ids, isWeak[r.ID] = append(ids, r.ID), r.Weak
	}
	return ids, isWeak, nil
}

// Where those who wait longest are few, so many instants of the time in which others came are looked at, and so many of
// these windows are read on from.
const (
	looks = 64
	reads = 8
)

// waiting returns fresh experiences for so many places, oldest first. Where the oldest are of too few users or
// conversations, others that came later follow: those of the instants that are looked at, by the index, since a user may
// have brought a million in between.
func waiting(ctx context.Context, tx *db.Tx, tenant string, u queue, places int) ([]pick.Row, error) {
	rows, err := fresh(ctx, tx, tenant, u, oldest, int64(places))
	if err != nil || len(rows) < places {
		return rows, err
	}
	share := pick.ShareOf(places)
	missing := places - share.Take(rows...)
	if missing == 0 {
		return rows, nil
	}
	last, err := fresh(ctx, tx, tenant, u, newest, int64(1))
	if err != nil || len(last) == 0 {
		return rows, err
	}
	instants := db.IDsBetween(rows[len(rows)-1].ID, last[0].ID, looks)
	others, err := fresh(ctx, tx, tenant, u, behind, encodeList(instants))
	if err != nil {
		return nil, err
	}
	others = slices.DeleteFunc(others, func(r pick.Row) bool { return share.Take(r) == 0 })
	heads := slices.CompactFunc(slices.Clone(others), pick.Row.Together)
	windows := min(len(heads), reads)
	for i := range windows {
		more, err := fresh(ctx, tx, tenant, u, from, heads[i*len(heads)/windows].ID, int64(missing/windows+1))
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	rows = append(rows, others...)
	slices.SortFunc(rows, byAge)
	return slices.Compact(rows), nil // the windows may overlap
}

func byAge(a, b pick.Row) int { return strings.Compare(a.ID, b.ID) }

// How fresh chooses.
const (
	oldest = ` ORDER BY id LIMIT $2`
	newest = ` ORDER BY id DESC LIMIT $2`
	from   = ` AND id >= $2 ORDER BY id LIMIT $3`
	// behind chooses the next one behind each of a list of ids.
	behind = ` AND id IN (SELECT (SELECT id FROM {fresh} AND id >= l.value ORDER BY id LIMIT 1) FROM ({list $2}) AS l)`
)

// query selects those fresh experiences of a tenant, $1, that are chosen.
func (u queue) query(chosen string) string {
	rows := `experiences {by ` + u.index + `} WHERE tenant = $1 AND dream IS NULL` + u.which
	return `SELECT id, conversation, metadata, CASE WHEN NOT held_out AND (reference IS NOT NULL OR ` + wrong + `)
		THEN TRUE ELSE FALSE END FROM ` + rows + strings.ReplaceAll(chosen, `{fresh}`, rows)
}

// fresh returns the chosen experiences, oldest first.
func fresh(ctx context.Context, tx *db.Tx, tenant string, u queue, chosen string, args ...any) (rows []pick.Row, err error) {
	err = tx.Each(ctx, u.query(chosen), append([]any{tenant}, args...), func(r db.Rows) error {
		var row pick.Row
		var metadata *string
		err := r.Scan(&row.ID, &row.Talk, &metadata, &row.Weak)
		row.User = UserOf(json.RawMessage(db.Deref(metadata)))
		rows = append(rows, row)
		return err
	})
	slices.SortFunc(rows, byAge)
	return rows, err
}

// StillSealed returns which of the experiences are in the dream's batch, and locks them until
// the transaction ends: feedback that came meanwhile has reopened the others.
func (q *ExperienceQueries) StillSealed(ctx context.Context, dream string, ids []string) (map[string]bool, error) {
	var found []string
	err := q.Words(ctx, &found, `SELECT id FROM experiences WHERE dream = $1 AND id IN ({list $2}) ORDER BY id {lock}`,
		dream, encodeList(ids))
	return setOf(found), err
}
