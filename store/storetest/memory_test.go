package storetest_test

import (
	"slices"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// TestMemoryWithoutUndoneDreams has a later memory take over what a dream
// learned that is undone then: its lessons go, and what others say as well
// stays in their words.
func TestMemoryWithoutUndoneDreams(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const tenant = "ten_1"
		first, undone := dream(t, s, tenant), dream(t, s, tenant)
		for _, r := range []learn.Reflection{
			{ID: "rfl_1", Dream: first, Lesson: "old words", Sources: []string{"exp_1"}},
			{ID: "rfl_2", Dream: undone, Lesson: "new words", Sources: []string{"exp_2"}},
			{ID: "rfl_3", Dream: undone, Lesson: "another", Sources: []string{"exp_3"}},
		} {
			r.Tenant = tenant
			must(t, s.AddReflection(t.Context(), r))
		}
		must(t, s.AddMemory(t.Context(), learn.Memory{
			ID: "mem_1", Tenant: tenant, Dream: first, Object: "o", Lessons: []learn.Lesson{
				{Text: "new words", Reflections: []string{"rfl_1", "rfl_2"}, Sources: []string{"exp_1", "exp_2"}, Weight: 7},
				{Text: "another", Reflections: []string{"rfl_3"}, Sources: []string{"exp_3"}},
			},
		}))
		must(t, s.UndoDream(t.Context(), tenant, undone))
		m, err := s.Memory(t.Context(), tenant)
		must(t, err)
		if len(m.Lessons) != 1 {
			t.Fatalf("the memory holds %+v", m.Lessons)
		}
		l := m.Lessons[0]
		if l.Text != "old words" || l.Weight != 7 || !slices.Equal(l.Sources, []string{"exp_1"}) ||
			!slices.Equal(l.Reflections, []string{"rfl_1"}) {
			t.Errorf("the lesson is %+v", l)
		}
	})
}

// dream makes a dream that has ended.
func dream(t *testing.T, s *store.Store, tenant string) string {
	t.Helper()
	id := db.NewID("drm_")
	job := running(t, s, tenant, id)
	must(t, s.AddDream(t.Context(), learn.Dream{ID: id, Tenant: tenant, Job: job.ID, Mode: "auto", Stage: "done"}))
	finish(t, s, job)
	return id
}
