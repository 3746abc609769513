package handlers

import (
	"testing"

	"dreamlab/store"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// TestWithdraw ends an entry whose writing was confirmed to nobody, and leaves
// alone what was refused.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	for why, want := range map[error]store.EntryState{
		store.ErrBusy: store.EntryVoid, store.ErrConflict: store.EntryVoid, store.ErrFenced: store.EntryOpen,
	} {
		id := store.NewID("ent_")
		err := s.AddEntry(t.Context(), store.Entry{ID: id, Tenant: "ten_a", Job: id, Step: "answer",
			Purpose: "chat", Provider: "p", Model: "m", State: store.EntryOpen, Reserved: 100})
		if err != nil {
			t.Fatal(err)
		}
		l := &ledger{run: &tasks.Run{Store: s}}
		if err := l.withdraw(t.Context(), id, why); err != nil {
			t.Errorf("%v: %v", why, err)
		}
		err = s.JobEntries(t.Context(), id, func(e store.Entry) error {
			if e.State != want {
				t.Errorf("%v: the entry is %s, want %s", why, e.State, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := l.withdraw(t.Context(), store.NewID("ent_"), store.ErrBusy); err != nil {
			t.Errorf("what was never written: %v", err)
		}
	}
}
