package storetest_test

import (
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

// TestBudgetsAreKept replaces a tenant's budgets: what stays of its sort keeps its id, and two of
// one sort are refused.
func TestBudgetsAreKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		tenant, err := s.EnsureTenant(t.Context(), "one")
		must(t, err)
		set := func(budgets ...book.Budget) error {
			return s.Tx(t.Context(), db.Synced, func(q *store.Queries) error { return q.SetBudgets(t.Context(), tenant.ID, budgets) })
		}
		chat := book.Budget{Purpose: "chat", Hard: true, Nano: 5}
		must(t, set(chat, book.Budget{Key: "key_1", Provider: "groq", Monthly: true, Nano: 7}))
		first, zone, err := s.Budgets(t.Context(), tenant.ID)
		must(t, err)
		if len(first) != 2 || zone.String() != "UTC" || first[0].ID == "" {
			t.Fatalf("kept %+v in %v", first, zone)
		}
		chat.Nano = 6
		must(t, set(chat))
		then, _, err := s.Budgets(t.Context(), tenant.ID)
		must(t, err)
		if len(then) != 1 || then[0].Nano != 6 || then[0].ID != first[0].ID {
			t.Errorf("kept %+v", then)
		}
		want(t, set(chat, chat), db.ErrConflict)
		began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for i, want := range []bool{true, false} {
			if fresh, err := s.Alert(t.Context(), then[0].ID, began, 50); err != nil || fresh != want {
				t.Errorf("alert %d: %v, %v", i+1, fresh, err)
			}
		}
	})
}

// TestSpendingByKeyAndVendor sums what was spent for parts of it, in the day of the tenant's zone.
func TestSpendingByKeyAndVendor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		tenant, err := s.EnsureTenant(t.Context(), "one")
		must(t, err)
		now, err := s.Now(t.Context())
		must(t, err)
		ahead := time.FixedZone("ahead", int((24*time.Hour-now.Sub(now.Truncate(24*time.Hour)))/time.Second)+60) // it is tomorrow there
		must(t, s.SetZone(t.Context(), tenant.ID, ahead, now))
		for key, provider := range map[string]string{"key_1": "groq", "key_2": "together", "": "groq"} {
			must(t, s.AddEntry(t.Context(), book.Entry{Tenant: tenant.ID, KeyID: key, Step: "x", Purpose: "chat", Provider: provider,
				Model: "m", State: book.EntrySettled, Settled: 10}))
		}
		there := now.In(ahead)
		for name, c := range map[string]struct {
			of   book.Budget
			want int64
		}{
			"all": {book.Budget{}, 30}, "a key": {book.Budget{Key: "key_1"}, 10}, "a vendor": {book.Budget{Provider: "groq"}, 20},
			"both": {book.Budget{Provider: "groq", Key: "key_2"}, 0}, "besides chats": {book.Budget{Besides: "chat"}, 0},
			"besides replays": {book.Budget{Besides: "replay", Monthly: true}, 30},
		} {
			sums, err := s.CommittedOf(t.Context(), []book.Commitment{c.of.Commitment(tenant.ID, there)})
			must(t, err)
			if sums[0] != c.want {
				t.Errorf("%s: %d, want %d", name, sums[0], c.want)
			}
		}
		sums, err := s.CommittedOf(t.Context(), []book.Commitment{book.Budget{}.Commitment(tenant.ID, there.AddDate(0, 0, 1))})
		must(t, err)
		if sums[0] != 0 {
			t.Errorf("%d are of the day after", sums[0])
		}
	})
}
