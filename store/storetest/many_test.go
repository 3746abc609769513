package storetest_test

import (
	"errors"
	"testing"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
)

// TestOpenEntries opens the tries of several jobs at once; one that is not held
// any more does not keep the others from it.
func TestOpenEntries(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var tries []book.Entry
		for range 3 {
			job := running(t, s, "ten_1", "")
			tries = append(tries, book.Entry{
				ID: db.NewID("ent_"), Tenant: "ten_1", Job: job.ID, Step: "answer", Epoch: job.Epoch,
				Number: 1, Purpose: "chat", Provider: "groq", Model: "small", Reserved: 7,
			})
		}
		tries[1].Epoch++
		if _, err := s.OpenEntries(t.Context(), tries); err == nil {
			t.Error("entries were written by a statement by itself")
		}
		var opened map[string]bool
		must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) (err error) {
			opened, err = q.OpenEntries(t.Context(), tries)
			return err
		}))
		if len(opened) != 2 || !opened[tries[0].ID] || !opened[tries[2].ID] {
			t.Errorf("opened %v of %v", opened, tries)
		}
	})
}

// TestFinishTogether ends jobs together; the one that is looked at is passed over
// where it is another's, and one that is not fails them all.
func TestFinishTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var ends []job.Finish
		var jobs []job.Job
		for i := range 4 {
			j := running(t, s, "ten_1", []string{"", "exp_1", "exp_2", ""}[i])
			jobs = append(jobs, j)
			ends = append(ends, job.Finish{
				Job: j.ID, Epoch: j.Epoch, Worker: j.LeaseOwner, Lane: j.Lane, NoFollowUps: j.Subject == "",
				To: job.StateSucceeded, Outcome: string(job.StateSucceeded), Result: []byte(`{"n":1}`),
			})
		}
		ends[2].Epoch++
		ends[3].Worker = "another"
		var moved [][]job.Moved
		finish := func() error {
			return s.Tx(t.Context(), db.Synced, func(q *store.Queries) (err error) {
				moved, err = q.FinishJobs(t.Context(), ends)
				return err
			})
		}
		if err := finish(); !errors.Is(err, db.ErrFenced) {
			t.Errorf("another's job was ended with %v", err)
		}
		ends = ends[:3]
		must(t, finish())
		for i, want := range []int{1, 1, 0} {
			if len(moved[i]) != want || want > 0 && moved[i][0] != (job.Moved{ID: jobs[i].ID, Lane: jobs[i].Lane, State: job.StateSucceeded}) {
				t.Errorf("job %d moved %v", i, moved[i])
			}
		}
		attempts, err := s.Attempts(t.Context(), jobs[0].ID)
		must(t, err)
		if len(attempts) != 1 || attempts[0].Outcome != "succeeded" || !attempts[0].Started.Equal(jobs[0].ClaimedAt) {
			t.Errorf("attempts %+v", attempts)
		}
		for i, want := range []job.State{job.StateSucceeded, job.StateSucceeded, job.StateRunning, job.StateRunning} {
			if got, err := s.Job(t.Context(), "ten_1", jobs[i].ID); err != nil || got.State != want {
				t.Errorf("job %d is %s: %v", i, got.State, err)
			}
		}
	})
}
