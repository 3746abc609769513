package retention

import (
	"context"
	"errors"
	"time"

	"dreamlab/store/db"
)

// DreamsToPrune returns tenants that have dreams or versions of the memory of that age, some after the given one.
func (q *Queries) DreamsToPrune(ctx context.Context, older time.Duration, after string, limit int) ([]string, error) {
	dreams, err := q.before(ctx, "drm_", older)
	if err != nil {
		return nil, err
	}
	versions, err := q.before(ctx, "mem_", older)
	if err != nil {
		return nil, err
	}
	var tenants []string
	err = q.Words(ctx, &tenants, `SELECT t.id FROM tenants t WHERE t.id > $1
		AND (EXISTS (SELECT 1 FROM dreams d WHERE d.tenant = t.id AND d.id < $2)
			OR EXISTS (SELECT 1 FROM memories m WHERE m.tenant = t.id AND m.id < $3))
		ORDER BY t.id LIMIT $4`, after, dreams, versions, int64(limit))
	return tenants, err
}

// PruneDreams looks at a page of a tenant's dreams behind one, and deletes those that ended longer ago than the
// given age, with their lessons; before the first page, the versions of the memory of that age. The newest
// of these stays, in which the memory is once all later dreams are undone, and so do lessons that a version rests on, and the
// dreams which taught them. Their experiences and training rows stay. It must run in a transaction.
func (q *Queries) PruneDreams(ctx context.Context, tenant string, older time.Duration, after string) (Step, error) {
	if busy, err := q.learning(ctx, tenant); err != nil || busy {
		return Step{}, err
	}
	gone := int64(0)
	if after == "" {
		n, err := q.deleteVersions(ctx, tenant, older)
		if err != nil || n == page {
			return Step{Gone: n, More: true}, err
		}
		gone = n
	}
	end, err := q.before(ctx, "drm_", older)
	if err != nil {
		return Step{}, err
	}
	var old []string
	err = q.Words(ctx, &old, `SELECT id FROM dreams WHERE tenant = $1 AND id > $2 AND id < $3 AND finished < {now} - $4
		ORDER BY id LIMIT $5 {skip}`, tenant, after, end, older.Microseconds(), int64(page))
	if err != nil || len(old) == 0 {
		return Step{Gone: gone}, err
	}
	if full, err := q.deleteLessons(ctx, tenant, old); err != nil || full {
		return Step{Gone: gone, After: after, More: true}, err
	}
	n, err := q.deleteDreams(ctx, tenant, old)
	return Step{Gone: gone + n, After: old[len(old)-1], More: len(old) == page}, err
}

// deleteVersions deletes a page of the versions of a tenant's memory of that age that were withdrawn, or that a later one of
// that age follows.
func (q *Queries) deleteVersions(ctx context.Context, tenant string, older time.Duration) (int64, error) {
	var newest string
	err := q.One(ctx, `SELECT id FROM memories WHERE tenant = $1 AND withdrawn IS NULL AND created < {now} - $2
		ORDER BY id DESC LIMIT 1`, []any{tenant, older.Microseconds()}, &newest)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return 0, err
	}
	var old []string
	err = q.Words(ctx, &old, `SELECT id FROM memories WHERE tenant = $1 AND created < {now} - $2
		AND (withdrawn IS NOT NULL OR id < $3) ORDER BY id LIMIT $4 {skip}`, tenant, older.Microseconds(), newest, int64(page))
	if err != nil || len(old) == 0 {
		return 0, err
	}
	return int64(len(old)), q.each(ctx, tenant, old,
		`DELETE FROM citations WHERE tenant = $1 AND cites IN ({list $2})`,
		`DELETE FROM memories WHERE tenant = $1 AND id IN ({list $2})`)
}

// deleteLessons deletes the lessons of these dreams that no version of the memory rests on, and tells whether there
// may be more of them than one step deletes.
func (q *Queries) deleteLessons(ctx context.Context, tenant string, dreams []string) (full bool, err error) {
	var old []string
	err = q.Words(ctx, &old, `SELECT r.id FROM reflections r WHERE r.dream IN ({list $1})
		AND (SELECT 1 FROM citations c WHERE c.tenant = $2 AND c.source = r.id AND c.cites >= 'mem_' AND c.cites < 'men'
			LIMIT 1) IS NULL LIMIT $3`, ids(dreams), tenant, int64(most))
	if err != nil || len(old) == 0 {
		return false, err
	}
	return len(old) == most, q.each(ctx, tenant, old,
		`DELETE FROM citations WHERE tenant = $1 AND cites IN ({list $2})`,
		`DELETE FROM citations WHERE tenant = $1 AND source IN ({list $2})`,
		`DELETE FROM reflections WHERE tenant = $1 AND id IN ({list $2})`)
}

// deleteDreams deletes those of these dreams that have no lesson left, and wrote no version that is, and returns how
// many. The job of a dream belongs to nothing then, and is deleted as jobs are.
func (q *Queries) deleteDreams(ctx context.Context, tenant string, dreams []string) (int64, error) {
	var over []string
	err := q.Words(ctx, &over, `SELECT d.value FROM ({list $1}) AS d
		WHERE NOT EXISTS (SELECT 1 FROM reflections r WHERE r.dream = d.value)
		AND NOT EXISTS (SELECT 1 FROM memories m WHERE m.id = 'mem_' || substr(d.value, 5))`, ids(dreams))
	if err != nil || len(over) == 0 {
		return 0, err
	}
	return int64(len(over)), q.each(ctx, tenant, over,
		`UPDATE jobs SET subject = NULL WHERE tenant = $1 AND subject IN ({list $2}) AND parent IS NULL AND finished IS NOT NULL`,
		`DELETE FROM dreams WHERE tenant = $1 AND id IN ({list $2})`)
}

// DreamsRunning returns which of these dreams have not ended.
func (q *Queries) DreamsRunning(ctx context.Context, dreams []string) (map[string]bool, error) {
	return q.known(ctx, `SELECT id FROM dreams WHERE finished IS NULL AND id IN ({list $1})`, dreams)
}

// DreamsKnown returns which of these dreams there are.
func (q *Queries) DreamsKnown(ctx context.Context, dreams []string) (map[string]bool, error) {
	return q.known(ctx, `SELECT id FROM dreams WHERE id IN ({list $1})`, dreams)
}

// VersionsKnown returns which of these versions of memories there are.
func (q *Queries) VersionsKnown(ctx context.Context, versions []string) (map[string]bool, error) {
	return q.known(ctx, `SELECT id FROM memories WHERE id IN ({list $1})`, versions)
}
