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
		for _, tenant := range slices.Sorted(maps.Keys(purposes)) { // all take them in this order
			if err := q.HoldTenant(ctx, tenant); err != nil {
				return err
			}
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
		return c.checkPurposes(ctx, q, purposes)
	})
}

func (c *Caller) checkPurposes(ctx context.Context, q *store.Queries, purposes map[string]map[string]bool) error {
	for tenant, some := range purposes {
		for purpose := range some {
			if err := c.checkBudgets(ctx, q, tenant, purpose); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkBudgets refuses what was just written where it goes over a cap.
func (c *Caller) checkBudgets(ctx context.Context, q *store.Queries, tenant, purpose string) error {
	for _, b := range c.budgets {
		if !b.holds(tenant, purpose) {
			continue
		}
		spent, err := q.Committed(ctx, tenant, b.Purpose, b.since(c.now()))
		if err != nil {
			return err
		}
		if spent > b.Nano {
			return b.exceeded()
		}
	}
	return nil
}
