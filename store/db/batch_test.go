package db_test

import (
	"errors"
	"fmt"
	"testing"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// said is an experience of a text; of a conversation of its own where none is named.
func said(text, conversation string) learn.Experience {
	return learn.Experience{
		Tenant: "ten_1", External: conversation, Alias: "assistant", Origin: "live", Prompt: []byte(`[]`),
		Answer: []byte(`{"content":"` + text + `"}`), Identity: conversation + text, Content: text,
	}
}

// TestRowsGoTogether has one transaction write rows of several kinds, some of
// which are the same, and read in the middle of it.
func TestRowsGoTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		must(t, s.Tx(ctx, db.Synced, func(q *store.Queries) error {
			for _, e := range []learn.Experience{
				said("one", ""), said("one", ""), said("two", "talk"), said("three", "talk"), said("two", "talk"),
			} {
				if err := q.AddExperience(ctx, e); err != nil {
					return err
				}
			}
			found, _, err := q.Experiences(ctx, "ten_1", learn.ExperienceFilter{}, db.Page{})
			if err != nil || len(found) != 3 {
				t.Errorf("the transaction sees %d experiences, %v", len(found), err)
			}
			return errors.Join(err, q.AddExperience(ctx, said("one", "")), q.AddExperience(ctx, said("four", "other")))
		}))
		found, _, err := s.Experiences(ctx, "ten_1", learn.ExperienceFilter{}, db.Page{Ascending: true})
		must(t, err)
		talks := map[string]int{}
		for _, e := range found {
			talks[e.External]++
		}
		if len(found) != 4 || talks["talk"] != 2 || talks["other"] != 1 || len(talks) != 3 {
			t.Errorf("kept %+v in %v", found, talks)
		}
	})
}

// TestOneOfManyRowsIsRefused has one row of a statement touch nothing.
func TestOneOfManyRowsIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		settled := func(id string) book.Entry { return book.Entry{ID: id, State: book.EntrySettled, Settled: 1} }
		must(t, s.Tx(ctx, db.Synced, func(q *store.Queries) error {
			for i := range 3 {
				e := book.Entry{ID: fmt.Sprintf("ent_%d", i), Tenant: "ten_1", Job: "job_1", Purpose: "chat", State: book.EntryOpen}
				if err := q.AddEntry(ctx, e); err != nil {
					return err
				}
			}
			return nil
		}))
		must(t, s.EndEntry(ctx, settled("ent_1")))
		err := s.Tx(ctx, db.Synced, func(q *store.Queries) error {
			return errors.Join(q.SettleEntry(ctx, settled("ent_0")), q.SettleEntry(ctx, settled("ent_1")),
				q.SettleEntry(ctx, settled("ent_2")))
		})
		if !errors.Is(err, db.ErrConflict) {
			t.Errorf("an entry was settled twice: %v", err)
		}
		states := map[book.EntryState]int{}
		must(t, s.JobEntries(ctx, "job_1", func(e book.Entry) error { states[e.State]++; return nil }))
		if states[book.EntryOpen] != 2 || states[book.EntrySettled] != 1 {
			t.Errorf("the entries are %v", states)
		}
	})
}
