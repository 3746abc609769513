package handlers

import (
	"context"
	"maps"
	"slices"

	"dreamlab/store"
)

// reservation is an entry on its way into the books.
type reservation struct {
	store *store.Store
	entry store.Entry
	err   error
}

// reserve writes an open entry if its job is still held and every budget has
// room. Those who reserve at the same time share a commit, because each has to
// wait for all others of its tenant.
func (c *Caller) reserve(ctx context.Context, s *store.Store, entry store.Entry) (string, error) {
	entry.ID = store.NewID("ent_")
	r := &reservation{store: s, entry: entry}
	c.reserves.Do(ctx, r)
	return entry.ID, r.err
}

// reserveAll writes entries in one commit; where that fails, because a budget
// has no room for all of them, each by itself.
func (c *Caller) reserveAll(ctx context.Context, all []*reservation) {
	err := c.reserveTogether(ctx, all)
	if err == nil {
		return
	}
	if len(all) == 1 {
		all[0].err = err
		return
	}
	for i := range all {
		if err := c.reserveTogether(ctx, all[i:i+1]); err != nil {
			all[i].err = err
		}
	}
}

func (c *Caller) reserveTogether(ctx context.Context, all []*reservation) error {
	entries := make([]store.Entry, len(all))
	purposes := map[string]map[string]bool{} // by tenant
	for i, r := range all {
		entries[i] = r.entry
		if purposes[r.entry.Tenant] == nil {
			purposes[r.entry.Tenant] = map[string]bool{}
		}
		purposes[r.entry.Tenant][r.entry.Purpose] = true
	}
	return all[0].store.Tx(ctx, store.Synced, func(q *store.Queries) error {
		var funds []*fund
		for _, tenant := range slices.Sorted(maps.Keys(purposes)) { // all take them in this order
			some, err := c.holdFunds(ctx, q, tenant, purposes[tenant])
			if err != nil {
				return err
			}
			funds = append(funds, some...)
		}
		opened, err := q.OpenEntries(ctx, entries)
		if err != nil {
			return err
		}
		for _, r := range all {
			r.err = nil
			if !opened[r.entry.ID] {
				r.err = store.ErrFenced
			}
		}
		return checkFunds(funds, entries)
	})
}

// fund is a budget of a tenant, and what was spent of it before.
type fund struct {
	Budget
	tenant string
	spent  int64 // nano-dollars
}

// holdFunds makes others wait who spend for the tenant, and asks for what the
// budgets hold; it is told with the next statement.
func (c *Caller) holdFunds(ctx context.Context, q *store.Queries, tenant string, purposes map[string]bool,
) ([]*fund, error) {
	if err := q.HoldTenant(ctx, tenant); err != nil {
		return nil, err
	}
	var funds []*fund
	for _, b := range c.budgets {
		if !b.holdsAny(tenant, purposes) {
			continue
		}
		f := &fund{Budget: b, tenant: tenant}
		if err := q.CommittedLater(ctx, tenant, b.Purpose, b.since(c.now()), &f.spent); err != nil {
			return nil, err
		}
		funds = append(funds, f)
	}
	return funds, nil
}

// checkFunds refuses entries that were just written where they go over a budget.
func checkFunds(funds []*fund, entries []store.Entry) error {
	for _, f := range funds {
		sum := f.spent
		for _, e := range entries {
			if e.Tenant == f.tenant && f.holds(e.Tenant, e.Purpose) {
				sum += e.Reserved
			}
		}
		if sum > f.Nano {
			return f.exceeded()
		}
	}
	return nil
}
