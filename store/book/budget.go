package book

import (
	"context"
	"fmt"
	"time"

	"dreamlab/store/db"
)

// Budget caps what tenants spend in a day or a month. Empty texts stand for all.
type Budget struct {
	ID       string // "" of one that the configuration names
	Tenant   string // ""; each tenant by itself
	Key      string // its id
	Purpose  string
	Besides  string // a purpose that it does not count; never stored
	Provider string
	Monthly  bool // a month instead of a day
	Hard     bool // more is refused; a soft one is only told of
	Nano     int64
}

// Holds tells whether an entry counts against the budget.
func (b Budget) Holds(e Entry) bool {
	return (b.Tenant == "" || b.Tenant == e.Tenant) && (b.Key == "" || b.Key == e.KeyID) &&
		(b.Purpose == "" || b.Purpose == e.Purpose) && (b.Besides == "" || b.Besides != e.Purpose) &&
		(b.Provider == "" || b.Provider == e.Provider)
}

// Since returns the start of the day or month that an instant is in, in the instant's zone.
func (b Budget) Since(now time.Time) time.Time {
	year, month, day := now.Date()
	if b.Monthly {
		day = 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, now.Location())
}

// Until returns the start of the next day or month.
func (b Budget) Until(now time.Time) time.Time {
	since := b.Since(now)
	if b.Monthly {
		return since.AddDate(0, 1, 0)
	}
	return since.AddDate(0, 0, 1)
}

// Commitment names what counts against the budget, for a tenant and an instant in its zone.
func (b Budget) Commitment(tenant string, now time.Time) Commitment {
	return Commitment{Tenant: tenant, Key: b.Key, Purpose: b.Purpose, Besides: b.Besides, Provider: b.Provider, Since: b.Since(now)}
}

// Per is the word for the budget's length.
func (b Budget) Per() string {
	if b.Monthly {
		return "month"
	}
	return "day"
}

// Budgets returns a tenant's budgets and the zone that its days and months are of.
func (q *Queries) Budgets(ctx context.Context, tenant string) ([]Budget, *time.Location, error) {
	var all []Budget
	zone := "UTC"
	err := q.Each(ctx, `SELECT t.zone, b.id, b.key_id, b.purpose, b.provider, b.per, b.hard, b.nano
		FROM tenants t LEFT JOIN budgets b ON b.tenant = t.id WHERE t.id = $1 ORDER BY b.id`, []any{tenant}, func(r db.Rows) error {
		var id, key, purpose, provider, per *string
		var hard *bool
		var nano *int64
		if err := r.Scan(&zone, &id, &key, &purpose, &provider, &per, &hard, &nano); err != nil || id == nil {
			return err
		}
		all = append(all, Budget{
			ID: *id, Tenant: tenant, Key: *key, Purpose: *purpose, Provider: *provider, Monthly: *per == "month",
			Hard: *hard, Nano: *nano,
		})
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	at, err := time.LoadLocation(zone)
	if err != nil {
		return nil, nil, fmt.Errorf("read the zone of tenant %s: %w", tenant, err)
	}
	return all, at, nil
}

// SetBudgets replaces a tenant's budgets, in a transaction. One that stays what it is but for its
// amount keeps its id, and so what was told of it. Two of one sort fail with ErrConflict.
func (q *Queries) SetBudgets(ctx context.Context, tenant string, budgets []Budget) error {
	known, _, err := q.Budgets(ctx, tenant)
	if err != nil {
		return err
	}
	ids := map[Budget]string{}
	for _, b := range known {
		ids[b.sort()] = b.ID
	}
	if _, err := q.Exec(ctx, `DELETE FROM budgets WHERE tenant = $1`, tenant); err != nil {
		return err
	}
	for _, b := range budgets {
		id := ids[b.sort()]
		if id == "" {
			id = db.NewID("bud_")
		}
		if _, err := q.Exec(ctx, `INSERT INTO budgets (id, tenant, key_id, purpose, provider, per, hard, nano, created)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {now})`, id, tenant, b.Key, b.Purpose, b.Provider, b.Per(), b.Hard, b.Nano); err != nil {
			return err
		}
	}
	return nil
}

// sort is what tells budgets of one tenant apart.
func (b Budget) sort() Budget {
	b.ID, b.Tenant, b.Nano = "", "", 0
	return b
}

// SetZone sets where a tenant's days and months begin, and how far that is ahead of UTC now.
func (q *Queries) SetZone(ctx context.Context, tenant string, zone *time.Location, now time.Time) error {
	_, ahead := now.In(zone).Zone()
	return q.Must(ctx, db.ErrNotFound, `UPDATE tenants SET zone = $2, shift = $3 WHERE id = $1`,
		tenant, zone.String(), int64(ahead)*int64(time.Second/time.Microsecond))
}

// KeepShift sets how far a tenant's zone is ahead of UTC now, where that has changed.
func (q *Queries) KeepShift(ctx context.Context, tenant string, zone *time.Location, now time.Time) error {
	_, ahead := now.In(zone).Zone()
	_, err := q.Exec(ctx, `UPDATE tenants SET shift = $2 WHERE id = $1 AND shift <> $2`,
		tenant, int64(ahead)*int64(time.Second/time.Microsecond))
	return err
}

// Alert notes that a budget's spending has passed a threshold, in per cent, in the day or month
// that began at an instant. It returns false where that was noted before.
func (q *Queries) Alert(ctx context.Context, budget string, began time.Time, threshold int) (bool, error) {
	n, err := q.Exec(ctx, `INSERT INTO budget_alerts (budget, began, threshold) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`, budget, dayNumber(began), int64(threshold))
	return n == 1, err
}

// BudgetTenants returns the tenants that have budgets or a zone of their own, some after the
// given one.
func (q *Queries) BudgetTenants(ctx context.Context, after string, most int) ([]string, error) {
	var ids []string
	err := q.Words(ctx, &ids, `SELECT t.id FROM tenants t WHERE t.id > $1
		AND (t.zone <> 'UTC' OR EXISTS (SELECT 1 FROM budgets b WHERE b.tenant = t.id))
		ORDER BY t.id LIMIT $2`, after, int64(most))
	return ids, err
}
