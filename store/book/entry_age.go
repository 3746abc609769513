package book

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// sweep is the number of rows of one step of a sweep.
const sweep = 200

// AgeEntries excludes from the budgets the unknown entries that ended longer ago than the given
// age, a bounded number of them, and returns how many: call it until it returns 0. Most such
// calls were never billed, and an outage must not use up a budget for long. The entries stay
// unknown, with their reserved amount. Those of trainings and hosting, and of the lines of a
// batch, count until they are settled or void: a vendor works on an order, and bills it, for
// hours after it was last heard of. It must run in a transaction.
func (q *Queries) AgeEntries(ctx context.Context, older time.Duration) (int, error) {
	b, err := q.books()
	if err != nil {
		return 0, err
	}
	var ids []string
	err = q.Words(ctx, &ids, `SELECT id FROM entries WHERE lost IS NOT NULL AND NOT aged
		AND purpose NOT IN ('train', 'host') AND lost <= {now} - $1
		AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = entries.job AND j.kind = 'batch.run')
		ORDER BY lost LIMIT $2 {skip}`, older.Microseconds(), int64(sweep))
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if _, err := q.Exec(ctx, `UPDATE entries SET aged = TRUE WHERE id IN ({list $1})`, db.Encode(ids)); err != nil {
		return 0, err
	}
	b.aged = append(b.aged, ids...)
	return len(ids), nil
}
