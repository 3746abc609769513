package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
)

func accept(
	ctx context.Context, s *store.Store, durability db.Durability, j job.NewJob,
) (job.Accepted, error) {
	var accepted []job.Accepted
	err := s.Tx(ctx, durability, func(q *store.Queries) (err error) {
		accepted, err = q.AcceptJobs(ctx, []job.NewJob{j}, nil)
		return err
	})
	if err != nil {
		return job.Accepted{}, err
	}
	return accepted[0], nil
}

// TestAcceptRace sends one request many times at once: it is one job.
func TestAcceptRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for round := range 5 {
			made := 0
			ids := map[string]bool{}
			for _, got := range atOnce(8, func(int) job.Accepted {
				a, err := accept(t.Context(), s, db.Synced, job.NewJob{
					Tenant: "ten_1", Kind: "chat.run", Lane: "chat", Input: []byte(`{}`),
					IdemKey: fmt.Sprint("key ", round), IdemHash: "hash",
				})
				if err := errors.Join(err, a.Err); err != nil {
					t.Error(err)
				}
				return a
			}) {
				if !got.Existed {
					made++
				}
				ids[got.Job.ID] = true
			}
			if made != 1 || len(ids) != 1 {
				t.Errorf("round %d: made %d jobs, and answered %d", round, made, len(ids))
			}
		}
	})
}

// TestClaimRace has several workers take one job: one does.
func TestClaimRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, err := accept(t.Context(), s, db.Synced, job.NewJob{
			Tenant: "ten_1", Kind: "chat.run", Lane: "chat", Input: []byte(`{}`),
		})
		must(t, err)
		must(t, s.Tx(t.Context(), db.Relaxed, func(q *store.Queries) error {
			picked, err := q.PickJobs(t.Context(), "chat", job.Limits{Window: 10, TenantCap: 10})
			if err != nil {
				return err
			}
			return q.MarkDispatched(t.Context(), picked)
		}))
		claimed := 0
		for _, n := range atOnce(8, func(i int) int {
			refs := []job.Ref{{ID: a.Job.ID, Gen: a.Job.Gen}}
			jobs, err := s.ClaimJobs(t.Context(), refs, fmt.Sprint(i), time.Minute)
			if err != nil {
				t.Error(err)
			}
			return len(jobs)
		}) {
			claimed += n
		}
		if claimed != 1 {
			t.Errorf("claimed %d times", claimed)
		}
	})
}
