package handlers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/flight"
)

// reservation is an entry on its way into the books.
type reservation struct {
	store *store.Store
	entry book.Entry
	err   error
}

// reserve writes an open entry if its job is still held and every budget has room. Concurrent
// reservations share a commit, because each would wait for all others of its tenant.
func (c *Caller) reserve(ctx context.Context, s *store.Store, entry book.Entry) (string, error) {
	entry.ID = db.NewID("ent_")
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

// reserveTogether writes the entries with the budgets checked for all at once, in
// one round trip; only where a budget has no room for all of them does it look at
// each.
func (c *Caller) reserveTogether(ctx context.Context, all []*reservation) error {
	err := c.write(ctx, all, c.admitAll)
	if errors.Is(err, book.ErrOverBudget) {
		err = c.write(ctx, all, c.admitEach)
	}
	return err
}

// write opens the entries of those that admit lets through.
func (c *Caller) write(ctx context.Context, all []*reservation,
	admit func(context.Context, *book.Queries, []*reservation) error,
) error {
	opened := map[string]bool{}
	err := all[0].store.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if err := hold(ctx, q.Book(), all); err != nil {
			return err
		}
		if err := admit(ctx, q.Book(), all); err != nil {
			return err
		}
		var entries []book.Entry
		for _, r := range all {
			if r.err == nil {
				entries = append(entries, r.entry)
			}
		}
		return q.OpenEntriesLater(ctx, entries, opened)
	})
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.err == nil && !opened[r.entry.ID] {
			r.err = db.ErrFenced
		}
	}
	return nil
}

// admitAll fails the transaction where a budget has no room for all reservations
// together.
func (c *Caller) admitAll(ctx context.Context, q *book.Queries, all []*reservation) error {
	sums := map[funds]int64{}
	for _, r := range all {
		r.err = nil
		for i, b := range c.budgets {
			if b.holds(r.entry.Tenant, r.entry.Purpose) {
				sums[funds{r.entry.Tenant, i}] += r.entry.Reserved
			}
		}
	}
	most := map[book.Commitment]int64{}
	for f, sum := range sums {
		asked := c.commitment(f)
		left := c.budgets[f.budget].Nano - sum
		if known, twice := most[asked]; twice {
			left = min(left, known)
		}
		most[asked] = left
	}
	return q.WithinBudgets(ctx, most)
}

// funds is one budget of one tenant.
type funds struct {
	tenant string
	budget int // which of the caller's
}

// commitment names what counts against a budget.
func (c *Caller) commitment(f funds) book.Commitment {
	b := c.budgets[f.budget]
	return book.Commitment{Tenant: f.tenant, Purpose: b.Purpose, Since: b.since(c.now())}
}

// admitEach refuses those reservations that exceed a budget, and only those.
func (c *Caller) admitEach(ctx context.Context, q *book.Queries, all []*reservation) error {
	left, err := c.fundsLeft(ctx, q, all)
	if err != nil {
		return err
	}
	for _, r := range all {
		r.err = c.take(left, r.entry)
	}
	return nil
}

// hold locks the tenants against other transactions that spend.
func hold(ctx context.Context, q *book.Queries, all []*reservation) error {
	for _, tenant := range tenantsOf(all) { // all take them in this order
		if err := q.HoldTenant(ctx, tenant); err != nil {
			return err
		}
	}
	return nil
}

func tenantsOf(all []*reservation) []string {
	tenants := map[string]bool{}
	for _, r := range all {
		tenants[r.entry.Tenant] = true
	}
	return slices.Sorted(maps.Keys(tenants))
}

// fundsLeft returns what is left of the budgets that the reservations fall under.
func (c *Caller) fundsLeft(ctx context.Context, q *book.Queries, all []*reservation) (map[funds]int64, error) {
	left := map[funds]int64{}
	var asked []funds
	var sums []book.Commitment
	for _, r := range all {
		for i, b := range c.budgets {
			f := funds{r.entry.Tenant, i}
			if _, known := left[f]; known || !b.holds(f.tenant, r.entry.Purpose) {
				continue
			}
			left[f] = b.Nano
			asked = append(asked, f)
			sums = append(sums, c.commitment(f))
		}
	}
	committed, err := q.CommittedOf(ctx, sums)
	if err != nil {
		return nil, fmt.Errorf("sum the spending: %w", err)
	}
	for i, f := range asked {
		left[f] -= committed[i]
	}
	return left, nil
}

// take takes an entry's reserved amount from every budget that it falls under, or
// from none where one of them has less left.
func (c *Caller) take(left map[funds]int64, e book.Entry) error {
	for i, b := range c.budgets {
		if b.holds(e.Tenant, e.Purpose) && left[funds{e.Tenant, i}] < e.Reserved {
			return b.exceeded()
		}
	}
	for i, b := range c.budgets {
		if b.holds(e.Tenant, e.Purpose) {
			left[funds{e.Tenant, i}] -= e.Reserved
		}
	}
	return nil
}
