package handlers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"dreamlab/store/book"
	"dreamlab/store/flight"
	"dreamlab/tasks"
)

// capLife is how long a tenant's budgets are believed: a change holds within it, and a chat
// costs no read of its own.
const capLife = 900 * time.Millisecond

// maxCaps bounds the tenants whose budgets are remembered.
const maxCaps = 4096

// caps are the hard budgets that hold for a tenant: those of the configuration and its own.
type caps struct {
	budgets []book.Budget
	zone    *time.Location // of the tenant's days and months
	until   time.Time
}

// purses remember tenants' budgets.
type purses struct {
	common []book.Budget // of the configuration
	now    func() time.Time
	known  *lru.Cache[string, caps]
	reads  flight.Reads[string, caps]
}

func newPurses(common []book.Budget, now func() time.Time) *purses {
	known, err := lru.New[string, caps](maxCaps)
	if err != nil {
		panic(err) // a size above zero is always taken
	}
	return &purses{common: common, now: now, known: known}
}

// of returns what holds for a tenant, as it was within the last second.
func (p *purses) of(ctx context.Context, q *book.Queries, tenant string) (caps, error) {
	if c, ok := p.known.Get(tenant); ok && p.now().Before(c.until) {
		return c, nil
	}
	return p.reads.Get(ctx, tenant, func(ctx context.Context) (caps, error) { return p.read(ctx, q, tenant) })
}

// read reads a tenant's budgets outside of the cache.
func (p *purses) read(ctx context.Context, q *book.Queries, tenant string) (caps, error) {
	own, zone, err := q.Budgets(ctx, tenant)
	if err != nil {
		return caps{}, fmt.Errorf("read the budgets of %s: %w", tenant, err)
	}
	c := caps{zone: zone, until: p.now().Add(capLife)}
	for _, b := range p.common {
		if b.Tenant == "" || b.Tenant == tenant {
			c.budgets = append(c.budgets, b)
		}
	}
	for _, b := range own {
		if b.Hard {
			c.budgets = append(c.budgets, b)
		}
	}
	c.budgets = append(c.budgets, apart(c.budgets)...)
	p.known.Add(tenant, c)
	return c, nil
}

// purposeChat is what chats spend on.
const purposeChat = "chat"

// apart returns the budgets that keep the chats' own budget out of the reach of dreams and
// tunes: where a budget for everything stands beside one for chats, of the same length and set in
// the same place, all else gets the rest.
func apart(all []book.Budget) []book.Budget {
	var rests []book.Budget
	for _, whole := range all {
		if whole.Purpose != "" {
			continue
		}
		for _, chat := range all {
			beside := chat
			beside.ID, beside.Tenant, beside.Nano, beside.Purpose, beside.Hard = whole.ID, whole.Tenant, whole.Nano, "", whole.Hard
			if chat.Purpose != purposeChat || beside != whole || (chat.ID == "") != (whole.ID == "") {
				continue
			}
			rest := whole
			rest.Tenant = cmp.Or(whole.Tenant, chat.Tenant)
			rest.Besides, rest.Nano = purposeChat, max(0, whole.Nano-chat.Nano)
			rests = append(rests, rest)
		}
	}
	return rests
}

// hold tells whether any budget counts an entry.
func (c caps) hold(e book.Entry) bool {
	for _, b := range c.budgets {
		if b.Holds(e) {
			return true
		}
	}
	return false
}

// exceeded is the failure of a call for which a budget has no room.
func exceeded(b book.Budget) *tasks.Failure {
	purpose := cmp.Or(b.Purpose, "everything")
	if b.Besides != "" {
		purpose = "everything but " + b.Besides + " (whose own budget is set apart)"
	}
	for _, of := range []string{b.Provider, b.Key} {
		if of != "" {
			purpose += " by " + of
		}
	}
	return tasks.Fail("insufficient_quota", "this %s's budget for %s is used up: wait for the next %s or raise the budget",
		b.Per(), purpose, b.Per())
}

// BudgetLeft returns what may still be spent on what an entry is for, nano-dollars, and false
// where nothing caps it.
func (c *Caller) BudgetLeft(ctx context.Context, q *book.Queries, of book.Entry) (left int64, capped bool, err error) {
	held, err := c.purses.read(ctx, q, of.Tenant)
	if err != nil {
		return 0, false, err
	}
	var nano []int64
	var asked []book.Commitment
	for _, b := range held.budgets {
		if b.Holds(of) {
			nano, asked = append(nano, b.Nano), append(asked, b.Commitment(of.Tenant, c.now().In(held.zone)))
		}
	}
	if len(asked) == 0 {
		return 0, false, nil
	}
	spent, err := q.CommittedOf(ctx, asked)
	if err != nil {
		return 0, false, fmt.Errorf("sum the spending: %w", err)
	}
	for i := range spent {
		if rest := nano[i] - spent[i]; i == 0 || rest < left {
			left = rest
		}
	}
	return left, true, nil
}
