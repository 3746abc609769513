package retention

import (
	"context"
	"time"
)

// PruneAlerts deletes a bounded number of the notes of which shares of budgets were told in days and months that began
// longer ago than the given age, and returns how many: call it until it returns 0. It must run in a transaction.
func (q *Queries) PruneAlerts(ctx context.Context, older time.Duration) (int64, error) {
	return q.Exec(ctx, `DELETE FROM budget_alerts WHERE (budget, began, threshold) IN (SELECT budget, began, threshold
		FROM budget_alerts WHERE began < ({now} - $1) / 86400000000 ORDER BY began LIMIT $2)`, older.Microseconds(), int64(most))
}
