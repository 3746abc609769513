package handlers

import (
	"testing"

	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// TestWithdraw ends an entry whose writing was confirmed to nobody, and leaves
// alone what was refused.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	for why, want := range map[error]book.EntryState{
		db.ErrBusy: book.EntryVoid, db.ErrConflict: book.EntryVoid, db.ErrFenced: book.EntryOpen,
	} {
		id := db.NewID("ent_")
		err := s.AddEntry(t.Context(), book.Entry{ID: id, Tenant: "ten_a", Job: id, Step: "answer",
			Purpose: "chat", Provider: "p", Model: "m", State: book.EntryOpen, Reserved: 100})
		if err != nil {
			t.Fatal(err)
		}
		l := &ledger{run: &tasks.Run{Store: s}}
		if err := l.withdraw(t.Context(), id, why); err != nil {
			t.Errorf("%v: %v", why, err)
		}
		err = s.JobEntries(t.Context(), id, func(e book.Entry) error {
			if e.State != want {
				t.Errorf("%v: the entry is %s, want %s", why, e.State, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := l.withdraw(t.Context(), db.NewID("ent_"), db.ErrBusy); err != nil {
			t.Errorf("what was never written: %v", err)
		}
	}
}
