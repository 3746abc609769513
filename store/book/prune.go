package book

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// pruneEntries is the number of entries that one step deletes.
const pruneEntries = 1000

// EntriesToPrune returns tenants that have days whose entries are older than the given age and are
// summed, some after the given one.
func (q *Queries) EntriesToPrune(ctx context.Context, older time.Duration, after string, most int) ([]string, error) {
	var ids []string
	err := q.Words(ctx, &ids, `SELECT tenant FROM usage_marks WHERE tenant > $1 AND swept < summed
		AND swept < ({now} - $2) / 86400000000 ORDER BY tenant LIMIT $3`, after, older.Microseconds(), int64(most))
	return ids, err
}

// PruneEntries deletes a bounded number of a tenant's entries of days (UTC) that are longer ago than
// the given age and are summed, whose jobs are gone. It returns false once there are none: call it
// until then. What is open or lost stays, and so do trainings and hours of hosting, which are counted
// by their entries. It must run in a transaction.
func (q *Queries) PruneEntries(ctx context.Context, tenant string, older time.Duration) (bool, error) {
	var pruned, swept, end int64
	err := q.One(ctx, `SELECT pruned, swept, CASE WHEN summed < ({now} - $2) / 86400000000 THEN summed
		ELSE ({now} - $2) / 86400000000 END FROM usage_marks WHERE tenant = $1 {lock}`,
		[]any{tenant, older.Microseconds()}, &pruned, &swept, &end)
	if err != nil || swept >= end {
		return false, err
	}
	day, err := q.nextDay(ctx, tenant, swept, end)
	if err != nil {
		return false, err
	}
	gone := int64(0)
	if day < end {
		if gone, err = pruneDay(ctx, q.Tx, tenant, day); err != nil {
			return false, err
		}
	}
	pruned, swept = min(day+1, end), day
	if gone < pruneEntries {
		swept = pruned
	}
	_, err = q.Exec(ctx, `UPDATE usage_marks SET pruned = $2, swept = $3 WHERE tenant = $1`, tenant, pruned, swept)
	return swept < end, err
}

func pruneDay(ctx context.Context, q *db.Tx, tenant string, day int64) (int64, error) {
	return q.Exec(ctx, `DELETE FROM entries WHERE id IN (SELECT e.id FROM entries e
		WHERE e.tenant = $1 AND e.created >= $2 AND e.created < $3
			AND e.state IN ('settled', 'void') AND e.purpose NOT IN ('train', 'host')
			AND NOT EXISTS (SELECT 1 FROM usage_open o WHERE o.tenant = $1 AND o.utc_day = $4 AND o.entry = e.id)
			AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = e.job) AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = e.root)
		LIMIT $5)`, tenant, day*microsADay, (day+1)*microsADay, day, int64(pruneEntries))
}

// PruneSpending deletes a bounded number of the sums of days longer ago than the given age, which no
// budget counts any more, and returns how many: call it until it returns 0. It must run in a transaction.
func (q *Queries) PruneSpending(ctx context.Context, older time.Duration) (int64, error) {
	var tenants []string
	err := q.Words(ctx, &tenants, `SELECT t.id FROM tenants t WHERE EXISTS
		(SELECT 1 FROM spending s WHERE s.tenant = t.id AND s.day < ({now} - $1) / 86400000000) ORDER BY t.id LIMIT $2`,
		older.Microseconds(), int64(pruneTenants))
	if err != nil || len(tenants) == 0 {
		return 0, err
	}
	return q.Exec(ctx, `DELETE FROM spending WHERE tenant IN ({list $1}) AND day IN (SELECT s.day FROM spending s
		WHERE s.tenant IN ({list $1}) AND s.day < ({now} - $2) / 86400000000 GROUP BY s.day ORDER BY s.day LIMIT $3)`,
		db.Encode(tenants), older.Microseconds(), int64(pruneDays))
}

// pruneTenants and pruneDays bound the sums that one step deletes: of so many tenants so many days.
const (
	pruneTenants = 50
	pruneDays    = 2
)
