package storetest_test

import (
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// dreamt makes a dream over one experience, with all that a dream leaves.
func dreamt(t *testing.T, s *store.Store, id string, e learn.Experience) job.Job {
	t.Helper()
	job := running(t, s, e.Tenant, id)
	must(t, s.AddDream(t.Context(), learn.Dream{
		ID: id, Tenant: e.Tenant, Job: job.ID, Mode: "live", Stage: "slices", Budget: new(int64(5)),
	}))
	_, err := s.SealBatch(t.Context(), e.Tenant, id, 1)
	must(t, err)
	must(t, s.AddReflection(t.Context(), learn.Reflection{
		ID: "rfl_" + id, Tenant: e.Tenant, Dream: id, Lesson: "Say why.", Sources: []string{e.ID}, Score: 900,
	}))
	must(t, s.AddMemory(t.Context(), learn.Memory{
		ID: "mem_" + id, Tenant: e.Tenant, Dream: id, Object: "o",
		Lessons: []learn.Lesson{{Text: "Say why.", Sources: []string{e.ID}, Weight: 1000}},
	}))
	x := example("exm_"+id, e)
	x.Dream = id
	must(t, s.AddExample(t.Context(), x))
	must(t, s.AddExample(t.Context(), x)) // a step that runs again
	return job
}

func TestDream(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		e := record(t, s, "chat-1")
		j := dreamt(t, s, "drm_1", e)
		second := learn.Dream{ID: "drm_2", Tenant: e.Tenant, Job: j.ID, Mode: "live", Stage: "seal"}
		want(t, s.AddDream(t.Context(), second), db.ErrConflict)
		dry := learn.Dream{ID: "drm_0", Tenant: e.Tenant, Job: j.ID, Mode: "live", Stage: "seal", Dry: true}
		must(t, s.AddDream(t.Context(), dry)) // neither refused by the one that runs, nor taken for it

		d, err := s.RunningDream(t.Context(), e.Tenant)
		must(t, err)
		d.Stage, d.LiveCost, d.Counts = "reflect", 7, learn.DreamCounts{Kept: 1}
		d.Counts.Reject("secret", 2)
		must(t, s.SetDream(t.Context(), d))
		finish(t, s, j)
		got, err := s.Dream(t.Context(), e.Tenant, "drm_1")
		must(t, err)
		if got.Status != job.StateSucceeded || got.Counts.Rejected["secret"] != 2 {
			t.Errorf("got %+v", got)
		}
		if *got.Budget != 5 || got.LiveCost != 7 {
			t.Errorf("budget %d, live cost %d", *got.Budget, got.LiveCost)
		}
		recent(t, got.Finished)
		_, err = s.RunningDream(t.Context(), e.Tenant)
		want(t, err, db.ErrNotFound)
		must(t, s.AddDream(t.Context(), second))
		listed(t, []string{"drm_1", "drm_2"}, func(d learn.Dream) string { return d.ID },
			func(p db.Page) ([]learn.Dream, bool, error) { return s.Dreams(t.Context(), e.Tenant, db.Filter{}, p) })
		listed(t, []string{"drm_0"}, func(d learn.Dream) string { return d.ID },
			func(p db.Page) ([]learn.Dream, bool, error) { return s.DryRuns(t.Context(), e.Tenant, db.Filter{}, p) })
	})
}

func TestUndoDream(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		e := record(t, s, "chat-1")
		job := dreamt(t, s, "drm_1", e)
		want(t, s.UndoDream(t.Context(), e.Tenant, "drm_1"), db.ErrNotFound) // it runs
		finish(t, s, job)
		want(t, s.UndoDream(t.Context(), "another tenant", "drm_1"), db.ErrNotFound)
		for range 2 {
			must(t, s.UndoDream(t.Context(), e.Tenant, "drm_1"))
		}
		_, err := s.Memory(t.Context(), e.Tenant)
		want(t, err, db.ErrNotFound)
		old, err := s.MemoriesOf(t.Context(), e.Tenant, learn.Traces{Memories: []string{"mem_drm_1"}})
		if err != nil || len(old) != 1 || old[0].Lessons[0].Text != "Say why." {
			t.Fatalf("got %+v, %v", old, err)
		}
		recent(t, old[0].Withdrawn)
		lessons, _, err := s.Reflections(t.Context(), e.Tenant, db.Filter{Dream: "drm_1"}, db.Page{})
		examples, _, err2 := s.Examples(t.Context(), e.Tenant, db.Filter{Dream: "drm_1"}, db.Page{})
		if err != nil || err2 != nil || len(lessons)+len(examples) > 0 {
			t.Errorf("%d lessons and %d examples stand, %v %v", len(lessons), len(examples), err, err2)
		}
		if n, err := s.FreshCount(t.Context(), e.Tenant, 10); err != nil || n != 1 {
			t.Errorf("%d can be dreamt of again, %v", n, err)
		}
	})
}
