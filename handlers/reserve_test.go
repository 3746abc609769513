package handlers

import (
	"errors"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// TestOneOverBudgetFailsAlone has tenants with and without funds left reserve in
// one commit: who asks for more than is left is refused, and nobody else.
func TestOneOverBudgetFailsAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := NewCaller(CallerOptions{Budgets: []book.Budget{{Tenant: "ten_poor", Nano: 100}, {Purpose: "chat", Nano: 1000}}})
		var all []*reservation
		reserve := func(tenant string, nano int64) *reservation {
			job := running(t, s, tenant)
			caps, err := c.purses.read(t.Context(), s.Book(), tenant)
			if err != nil {
				t.Fatal(err)
			}
			r := &reservation{store: s, caps: caps, entry: book.Entry{ID: db.NewID("ent_"), Tenant: tenant, Job: job.ID,
				Epoch: job.Epoch, Step: "answer", Purpose: "chat", Provider: "p", Model: "m", Reserved: nano}}
			all = append(all, r)
			return r
		}
		first, over, rich := reserve("ten_poor", 60), reserve("ten_poor", 50), reserve("ten_rich", 1000)
		small, fenced := reserve("ten_poor", 40), reserve("ten_rich", 0)
		fenced.entry.Epoch++
		if err := c.reserveTogether(t.Context(), all); err != nil {
			t.Fatalf("the commit that all share: %v", err)
		}
		var refused *tasks.Failure
		if !errors.As(over.err, &refused) || refused.Code != "insufficient_quota" {
			t.Errorf("over its budget: %v", over.err)
		}
		if !errors.Is(fenced.err, db.ErrFenced) {
			t.Errorf("not held any more: %v", fenced.err)
		}
		for i, r := range []*reservation{first, rich, small} {
			if r.err != nil {
				t.Errorf("reservation %d, for which there was room: %v", i, r.err)
			}
		}
		for tenant, want := range map[string]int64{"ten_poor": 100, "ten_rich": 1000} {
			if got, err := s.Committed(t.Context(), tenant, "", time.Now()); err != nil || got != want {
				t.Errorf("%s has committed %d, %v, want %d", tenant, got, err, want)
			}
		}
	})
}

// running returns a job of a tenant's that a worker holds.
func running(t *testing.T, s *store.Store, tenant string) job.Job {
	t.Helper()
	if _, err := s.EnsureTenant(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	var held []job.Job
	err := s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		made, err := q.AcceptJobs(t.Context(), []job.NewJob{{Tenant: tenant, Kind: "chat.run", Lane: "chat"}},
			map[string]job.Limits{"chat": {Window: 100, TenantCap: 100}})
		if err != nil {
			return err
		}
		refs := []job.Ref{{ID: made[0].Job.ID, Gen: made[0].Job.Gen}}
		held, err = q.ClaimJobs(t.Context(), refs, "worker", time.Hour)
		return err
	})
	if err != nil || len(held) != 1 {
		t.Fatalf("hold a job: %v, %v", held, err)
	}
	return held[0]
}
