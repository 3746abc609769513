package handlers

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"dreamlab/store"
	"dreamlab/store/flight"
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
	if err := c.reserves.Do(ctx, r); err != nil {
		return entry.ID, fmt.Errorf("reserve: %w", err)
	}
	return entry.ID, r.err
}

// reserveAll writes entries in one commit; where one of them is refused, each by itself.
func (c *Caller) reserveAll(ctx context.Context, all []*reservation) {
	flight.Split(all, func(some []*reservation) error { return c.reserveTogether(ctx, some) },
		func(r *reservation, err error) { r.err = err })
}

func (c *Caller) reserveTogether(ctx context.Context, all []*reservation) error {
	entries := make([]store.Entry, len(all))
	tenants := map[string][]store.Entry{}
	for i, r := range all {
		entries[i] = r.entry
		tenants[r.entry.Tenant] = append(tenants[r.entry.Tenant], r.entry)
	}
	opened := map[string]bool{}
	err := all[0].store.Tx(ctx, store.Synced, func(q *store.Queries) error {
		for _, tenant := range slices.Sorted(maps.Keys(tenants)) { // all take them in this order
			if err := c.holdFunds(ctx, q, tenant, tenants[tenant]); err != nil {
				return err
			}
		}
		return q.OpenEntriesLater(ctx, entries, opened)
	})
	if err != nil {
		return err
	}
	for _, r := range all {
		r.err = nil
		if !opened[r.entry.ID] {
			r.err = store.ErrFenced
		}
	}
	return nil
}

// holdFunds makes others wait who spend for the tenant, and fails the transaction
// where its entries for that tenant, which it has not written yet, go over a budget.
func (c *Caller) holdFunds(ctx context.Context, q *store.Queries, tenant string, entries []store.Entry) error {
	if err := q.HoldTenant(ctx, tenant); err != nil {
		return err
	}
	for _, b := range c.budgets {
		var sum int64
		held := false
		for _, e := range entries {
			if b.holds(tenant, e.Purpose) {
				sum, held = sum+e.Reserved, true
			}
		}
		if !held {
			continue
		}
		if err := q.WithinBudget(ctx, tenant, b.Purpose, b.since(c.now()), b.Nano-sum, b.exceeded()); err != nil {
			return err
		}
	}
	return nil
}
