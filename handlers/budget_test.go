package handlers

import (
	"context"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// TestBudgetsOfATenant reserves against budgets of the store: by key, purpose and vendor, hard and
// soft, and with the chats' own budget set apart from what everything else may spend.
func TestBudgetsOfATenant(t *testing.T) {
	t.Parallel()
	chat := book.Entry{KeyID: "key_a", Purpose: "chat", Provider: "groq", Reserved: 60}
	replay := book.Entry{KeyID: "key_b", Purpose: "replay", Provider: "together", Reserved: 60}
	for name, c := range map[string]struct {
		budgets []book.Budget
		chat    bool // is let through, twice
		replay  bool
	}{
		"none":                 {nil, true, true},
		"of the key":           {[]book.Budget{{Key: "key_a", Hard: true, Nano: 100}}, false, true},
		"of the vendor":        {[]book.Budget{{Provider: "together", Hard: true, Nano: 100, Monthly: true}}, true, false},
		"of the purpose":       {[]book.Budget{{Purpose: "chat", Hard: true, Nano: 119}}, false, true},
		"soft":                 {[]book.Budget{{Nano: 1}, {Purpose: "chat", Nano: 1, Monthly: true}}, true, true},
		"hard beside soft":     {[]book.Budget{{Nano: 1}, {Hard: true, Purpose: "chat", Nano: 1}}, false, true},
		"for everything":       {[]book.Budget{{Hard: true, Nano: 240}}, true, true},
		"the chats' set apart": {[]book.Budget{{Hard: true, Nano: 240}, {Hard: true, Purpose: "chat", Nano: 121}}, true, false},
		"apart by length":      {[]book.Budget{{Hard: true, Nano: 240}, {Hard: true, Purpose: "chat", Nano: 240, Monthly: true}}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.SQLite(t)
			spender := newSpender(t, s, c.budgets)
			for what, e := range map[string]book.Entry{"chat": chat, "replay": replay} {
				want := c.chat
				if what == "replay" {
					want = c.replay
				}
				for i := range 2 {
					err := spender(e)
					refused := err != nil && err.(*tasks.Failure).Code == "insufficient_quota"
					if i == 1 && refused == want || err != nil && !refused {
						t.Errorf("%s, call %d: %v, let through: %v", what, i+1, err, want)
					}
				}
			}
		})
	}
}

// newSpender sets the budgets of a tenant and returns what reserves for it.
func newSpender(t *testing.T, s *store.Store, budgets []book.Budget) func(book.Entry) error {
	t.Helper()
	tenant, err := s.EnsureTenant(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	err = s.Tx(t.Context(), db.Synced, func(q *store.Queries) error { return q.SetBudgets(t.Context(), tenant.ID, budgets) })
	if err != nil {
		t.Fatal(err)
	}
	c := NewCaller(CallerOptions{})
	return func(e book.Entry) error {
		held, err := c.purses.of(t.Context(), s.Book(), tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		job := running(t, s, tenant.ID)
		e.Tenant, e.Job, e.Epoch, e.Step, e.Model = tenant.ID, job.ID, job.Epoch, "answer", "m"
		_, err = c.reserve(t.Context(), &reservation{store: s, caps: held, entry: e})
		return err
	}
}

// TestBudgetsAreBelievedForAMoment counts the reads that budgets cost, and holds that a change
// is taken within a second.
func TestBudgetsAreBelievedForAMoment(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	tenant, err := s.EnsureTenant(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_000_000, 0)
	p := newPurses(nil, func() time.Time { return now })
	holds := func() int {
		t.Helper()
		c, err := p.of(t.Context(), s.Book(), tenant.ID)
		if err != nil {
			t.Fatal(err)
		}
		return len(c.budgets)
	}
	holds()
	err = s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		return q.SetBudgets(context.WithoutCancel(t.Context()), tenant.ID, []book.Budget{{Hard: true, Nano: 1}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := holds(); n != 0 {
		t.Errorf("asked again at once: %d budgets", n)
	}
	now = now.Add(time.Second)
	if n := holds(); n != 1 {
		t.Errorf("%d budgets after a second", n)
	}
}
