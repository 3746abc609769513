package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/flight"
)

// reservation is an entry on its way into the books.
type reservation struct {
	store *store.Store
	entry book.Entry
	caps  caps
	err   error
}

// reserve writes an open entry if its job is still held and every budget has room. Concurrent
// reservations share a commit, because each would wait for all others of its tenant.
func (c *Caller) reserve(ctx context.Context, r *reservation) (string, error) {
	r.entry.ID = db.NewID("ent_")
	if err := c.reserves.Do(ctx, r); err != nil {
		return r.entry.ID, fmt.Errorf("reserve: %w", err)
	}
	return r.entry.ID, r.err
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
// admitAll lets all through where every budget has room for all of them, and otherwise fails
// the transaction with ErrOverBudget.
func (c *Caller) admitAll(ctx context.Context, q *book.Queries, all []*reservation) error {
	sums := map[funds]int64{}
	asked := map[funds]book.Commitment{}
	for _, r := range all {
		r.err = nil
		c.eachFund(r, func(f funds, commitment book.Commitment) {
			sums[f] += r.entry.Reserved
			asked[f] = commitment
		})
	}
	most := map[book.Commitment]int64{}
	for f, sum := range sums {
		left := f.budget.Nano - sum
		if known, twice := most[asked[f]]; twice {
			left = min(left, known)
		}
		most[asked[f]] = left
	}
	return q.WithinBudgets(ctx, most)
}

// funds is one budget of one tenant.
type funds struct {
	tenant string
	budget book.Budget
}

// eachFund hands over the budgets that a reservation falls under.
func (c *Caller) eachFund(r *reservation, fn func(funds, book.Commitment)) {
	now := c.now().In(cmp.Or(r.caps.zone, time.UTC))
	for _, b := range r.caps.budgets {
		if b.Holds(r.entry) {
			fn(funds{r.entry.Tenant, b}, b.Commitment(r.entry.Tenant, now))
		}
	}
}

// admitEach refuses those reservations that exceed a budget, and only those.
func (c *Caller) admitEach(ctx context.Context, q *book.Queries, all []*reservation) error {
	left, err := c.fundsLeft(ctx, q, all)
	if err != nil {
		return err
	}
	for _, r := range all {
		r.err = c.take(left, r)
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
		c.eachFund(r, func(f funds, commitment book.Commitment) {
			if _, known := left[f]; known {
				return
			}
			left[f] = f.budget.Nano
			asked, sums = append(asked, f), append(sums, commitment)
		})
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
func (c *Caller) take(left map[funds]int64, r *reservation) error {
	var over *book.Budget
	c.eachFund(r, func(f funds, _ book.Commitment) {
		if over == nil && left[f] < r.entry.Reserved {
			over = &f.budget
		}
	})
	if over != nil {
		return exceeded(*over)
	}
	c.eachFund(r, func(f funds, _ book.Commitment) { left[f] -= r.entry.Reserved })
	return nil
}
