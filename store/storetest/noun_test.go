package storetest_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
)

// running makes a job that a worker holds, for a tenant and a subject.
func running(t testing.TB, s *store.Store, tenant, subject string) job.Job {
	t.Helper()
	var jobs []job.Job
	err := s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		accepted, err := q.AcceptJobs(t.Context(), []job.NewJob{{
			Tenant: tenant, Kind: "dream.plan", Lane: "dream", Subject: subject, Input: []byte(`{"n":1}`),
		}}, map[string]job.Limits{"dream": {Window: 100, TenantCap: 100}})
		if err != nil {
			return err
		}
		ref := job.Ref{ID: accepted[0].Job.ID, Gen: accepted[0].Job.Gen}
		jobs, err = q.ClaimJobs(t.Context(), []job.Ref{ref}, "worker", time.Minute)
		return err
	})
	if err != nil || len(jobs) != 1 {
		t.Fatalf("claimed %d jobs, %v", len(jobs), err)
	}
	return jobs[0]
}

// finish ends a job as succeeded.
func finish(t testing.TB, s *store.Store, j job.Job) {
	t.Helper()
	err := s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		_, err := storetest.FinishJob(t.Context(), q, job.Finish{
			Job: j.ID, Epoch: j.Epoch, Worker: "worker", To: job.StateSucceeded, Outcome: "succeeded",
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// recent refuses a time that is not of these minutes, or not in UTC.
func recent(t *testing.T, when time.Time) {
	t.Helper()
	if age := time.Since(when); age < -time.Minute || age > time.Minute || when.Location() != time.UTC {
		t.Errorf("a time of now is %v", when)
	}
}

// listed refuses pages of one that do not lead through all ids, newest first.
func listed[T any](t *testing.T, ids []string, id func(T) string, list func(db.Page) ([]T, bool, error)) {
	t.Helper()
	ids = slices.Clone(ids)
	slices.Sort(ids)
	slices.Reverse(ids)
	page := db.Page{Limit: 1}
	for i, want := range ids {
		rows, more, err := list(page)
		must(t, err)
		if len(rows) != 1 || id(rows[0]) != want || more != (i < len(ids)-1) {
			t.Fatalf("page %d: %d rows, more %t, want %s", i, len(rows), more, want)
		}
		page.After = want
	}
	rows, more, err := list(page)
	if err != nil || len(rows) > 0 || more {
		t.Fatalf("behind the last page: %d rows, more %t, %v", len(rows), more, err)
	}
}

// atOnce runs fn from n goroutines and returns what each came to.
func atOnce[T any](n int, fn func(i int) T) []T {
	results := make([]T, n)
	var ready, all sync.WaitGroup
	ready.Add(n)
	for i := range n {
		all.Go(func() {
			ready.Done()
			ready.Wait()
			results[i] = fn(i)
		})
	}
	all.Wait()
	return results
}
