package storetest_test

import (
	"slices"
	"testing"
	"time"

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

// TestMemoryVersions lists two versions, compares them, and puts the first in force again,
// which no running dream may overtake.
func TestMemoryVersions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const tenant = "ten_1"
		add := func(id, dream string, lessons ...learn.Lesson) {
			t.Helper()
			must(t, s.AddMemory(t.Context(), learn.Memory{ID: id, Tenant: tenant, Dream: dream, Object: id, Lessons: lessons}))
		}
		kept := learn.Lesson{Text: "ask for the size", Reflections: []string{"rfl_1"}, Sources: []string{"exp_1"}, Weight: 1000}
		gone := learn.Lesson{Text: "be short", Reflections: []string{"rfl_2"}, Sources: []string{"exp_2"}, Weight: 1000}
		stronger, fresh := kept, learn.Lesson{Text: "greet", Reflections: []string{"rfl_3"}, Sources: []string{"exp_3"}}
		stronger.Weight = 2000
		add("mem_1", dream(t, s, tenant), kept, gone)
		add("mem_2", dream(t, s, tenant), stronger, fresh)
		versions, _, err := s.MemoryVersions(t.Context(), tenant, db.Page{})
		if must(t, err); len(versions) != 2 || versions[0].ID != "mem_2" {
			t.Fatalf("versions %+v", versions)
		}
		d := learn.DiffMemories(versions[1], versions[0])
		if len(d.Added) != 1 || d.Added[0].Text != "greet" || len(d.Removed) != 1 || d.Removed[0].Text != "be short" ||
			len(d.Changed) != 1 || d.Changed[0].To.Weight != 2000 {
			t.Errorf("diff %+v", d)
		}
		restored, err := s.RestoreMemory(t.Context(), tenant, "mem_1", "mem_3", "object")
		if must(t, err); restored.Restored != "mem_1" || restored.Dream != "" || len(restored.Lessons) != 2 {
			t.Errorf("restored %+v", restored)
		}
		if m, err := s.Memory(t.Context(), tenant); err != nil || m.ID != "mem_3" {
			t.Errorf("in force is %s, %v", m.ID, err)
		}
		open := running(t, s, tenant, "drm_open")
		must(t, s.AddDream(t.Context(), learn.Dream{ID: "drm_open", Tenant: tenant, Job: open.ID, Mode: "auto", Stage: "slices"}))
		_, err = s.RestoreMemory(t.Context(), tenant, "mem_2", "mem_4", "object")
		want(t, err, db.ErrConflict)
		_, err = s.MemoryVersion(t.Context(), "another", "mem_1")
		want(t, err, db.ErrNotFound)
	})
}

// TestLessonUses counts the chats that a lesson fitted by whether it was shown, with what
// their users said.
func TestLessonUses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		shown, left := record(t, s, "a"), record(t, s, "b")
		for _, e := range []learn.Experience{shown, left} {
			must(t, s.AddLessonUses(t.Context(), e.Tenant, e.ID, []string{"rfl_1", "rfl_2"}, e.ID == shown.ID))
		}
		rating := int64(1)
		must(t, s.SetFeedback(t.Context(), shown.Tenant, shown.ID, &rating, "", ""))
		uses, err := s.LessonUses(t.Context(), shown.Tenant, time.Unix(1, 0))
		must(t, err)
		want := learn.LessonUse{Recent: 2, Shown: 1, Left: 1, ShownRated: 1, ShownSum: 1}
		if uses["rfl_1"] != want || uses["rfl_2"] != want {
			t.Errorf("uses %+v", uses)
		}
	})
}
