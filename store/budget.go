package store

import "context"

// HoldTenant makes others wait who check the same tenant's budgets, until the
// transaction ends: two who each find room for one call do not both make it.
func (q *Queries) HoldTenant(ctx context.Context, tenant string) error {
	return q.each(ctx, `SELECT id FROM tenants WHERE id = $1 {lock}`, []any{tenant},
		func(Rows) error { return nil })
}
