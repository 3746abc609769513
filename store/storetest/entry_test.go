package storetest_test

import (
	"math"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

func TestEntryIsTheIntent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		job := running(t, s, "ten_1", "")
		try := book.Entry{
			Tenant: "ten_1", KeyID: "key_1", Job: job.ID, Step: "answer", Epoch: job.Epoch, Number: 1,
			Purpose: "chat", Provider: "groq", Model: "small", Reserved: math.MaxInt64 / 4,
			Tier: "flex", Priced: time.Unix(1_700_000_000, 0).UTC(),
		}
		id, err := s.OpenEntry(t.Context(), try)
		must(t, err)
		try.Epoch++
		_, err = s.OpenEntry(t.Context(), try)
		want(t, err, db.ErrFenced)

		end := book.Entry{ID: id, State: book.EntryUnknown, Cause: "timeout"}
		must(t, s.EndEntry(t.Context(), end))
		want(t, s.EndEntry(t.Context(), end), db.ErrConflict)
		lost, err := s.Call(t.Context(), "ten_1", id)
		if err != nil || lost.Tier != try.Tier || !lost.Priced.Equal(try.Priced) {
			t.Errorf("lost is %+v, %v", lost, err)
		}
		end.State, end.Settled, end.Estimated = book.EntrySettled, 1, true
		end.Input, end.Cached, end.Output, end.Reasoning, end.Tier = 10, 4, 5, 3, "on_demand"
		must(t, s.EndEntry(t.Context(), end))
		want(t, s.EndEntry(t.Context(), end), db.ErrConflict)
		must(t, s.JobEntries(t.Context(), job.ID, func(got book.Entry) error {
			if got.State != end.State || got.Cached != 4 || !got.Estimated || got.KeyID != "key_1" {
				t.Errorf("got %+v", got)
			}
			if got.Reasoning != 3 || got.Tier != "on_demand" || !got.Priced.Equal(try.Priced) {
				t.Errorf("%d tokens of reasoning in tier %s at the price of %v", got.Reasoning, got.Tier, got.Priced)
			}
			recent(t, got.Ended)
			return nil
		}))
	})
}

func TestSpending(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		job := running(t, s, "ten_1", "")
		for i, state := range []book.EntryState{
			book.EntryOpen, book.EntryUnknown, book.EntrySettled, book.EntryVoid,
		} {
			e := book.Entry{
				Tenant: "ten_1", Job: job.ID, Step: "train", Number: i, Purpose: []string{"train", "train", "host", "dream"}[i],
				Provider: "groq", Model: "small", State: state, Reserved: 1000,
			}
			if state == book.EntrySettled {
				e.Settled = 300
			}
			must(t, s.AddEntry(t.Context(), e))
		}
		from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		for by, wanted := range map[string]int{
			"": 1, "purpose": 3, "provider": 1, "model": 1, "key": 1, "job": 1, "day": 1,
		} {
			sums, err := s.Spending(t.Context(), "ten_1", by, from, to)
			must(t, err)
			var settled, reserved, calls int64
			for _, sum := range sums {
				settled, reserved, calls = settled+sum.Settled, reserved+sum.Reserved, calls+sum.Calls
			}
			if len(sums) != wanted || settled != 300 || reserved != 2000 || calls != 1 { // no training, no hosting
				t.Errorf("by %q: %+v", by, sums)
			}
			if by == "day" && sums[0].Group != time.Now().UTC().Format(time.DateOnly) {
				t.Errorf("the day is %s", sums[0].Group)
			}
		}
		for purpose, wanted := range map[string]int64{"": 2300, "train": 2000, "host": 300, "chat": 0} {
			got, err := s.Committed(t.Context(), "ten_1", purpose, from)
			if err != nil || got != wanted {
				t.Errorf("committed %d for %q, want %d, %v", got, purpose, wanted, err)
			}
		}
		whole, err := s.JobSpend(t.Context(), job.ID)
		if err != nil || whole.Settled != 300 || whole.Repaid != 1 {
			t.Errorf("got %+v, %v", whole, err)
		}
	})
}

// TestEffectIsStoredOnce races for one step of a job.
func TestEffectIsStoredOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, err := s.Effect(t.Context(), "job_1", "answer")
		want(t, err, db.ErrNotFound)
		const answer = `{"b":1, "a":"\u0000 ä","a":2}` // bytes come back as they were
		stored := 0
		for _, err := range atOnce(8, func(i int) error {
			return s.AddEffect(t.Context(), book.Effect{
				Job: "job_1", Step: "answer", Epoch: int64(i), RequestHash: "hash", Response: []byte(answer),
			})
		}) {
			if err == nil {
				stored++
				continue
			}
			want(t, err, db.ErrConflict)
		}
		got, err := s.Effect(t.Context(), "job_1", "answer")
		if err != nil || stored != 1 || string(got.Response) != answer || got.Entry != "" {
			t.Errorf("stored %d times: %+v, %v", stored, got, err)
		}
	})
}
