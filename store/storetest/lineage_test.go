package storetest_test

import (
	"fmt"
	"slices"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// learned makes a model of two conversations that one dream took in, and returns
// their experiences.
func learned(t *testing.T, s *store.Store) []learn.Experience {
	t.Helper()
	var all []learn.Experience
	for i := range 2 {
		e := record(t, s, fmt.Sprint("chat-", i))
		must(t, s.AddExample(t.Context(), example(fmt.Sprint("exm_", i), e)))
		must(t, s.AddReflection(t.Context(), learn.Reflection{
			ID: fmt.Sprint("rfl_", i), Tenant: e.Tenant, Dream: "drm_1", Lesson: "l", Sources: []string{e.ID},
		}))
		all = append(all, e)
	}
	tenant := all[0].Tenant
	_, err := s.SealBatch(t.Context(), tenant, "drm_1", 10)
	must(t, err)
	must(t, s.AddMemory(t.Context(), learn.Memory{ID: "mem_1", Tenant: tenant, Dream: "drm_1", Object: "o",
		Lessons: []learn.Lesson{{Text: "l", Sources: []string{all[0].ID}, Reflections: []string{"rfl_0"}}}}))
	must(t, freeze(t, s, tenant, "1", "exm_0", "exm_1"))
	job := running(t, s, tenant, "tun_1")
	tune := learn.Tune{ID: "tun_1", Tenant: tenant, Alias: "assistant", Base: "groq/b", Job: job.ID, Stage: "train"}
	must(t, s.AddTune(t.Context(), tune))
	tune.Dataset, tune.Training = "ds_1", "ftjob-1"
	must(t, s.SetTune(t.Context(), tune))
	must(t, s.AddTraining(t.Context(), learn.Training{
		ID: "ftjob-1", Tenant: tenant, Tune: "tun_1", Job: job.ID, Provider: "groq", Base: "b", Status: "queued",
	}))
	must(t, s.AddModel(t.Context(), learn.Model{
		Name: "groq/tuned", Tenant: tenant, Provider: "groq", Tune: "tun_1", Training: "ftjob-1", State: "serving",
	}))
	return all
}

// walked reads a whole lineage by pages, and returns the ids of each way.
func walked(t *testing.T, s *store.Store, tenant, id string, limit int) (from, to []string) {
	t.Helper()
	hops, page := 0, db.Page{Limit: limit}
	for {
		steps, more, err := s.Lineage(t.Context(), tenant, id, page)
		must(t, err)
		for _, step := range steps {
			switch {
			case step.Forward:
				to = append(to, step.ID)
			case step.Hops < hops:
				t.Errorf("%s comes after what is farther", step.ID)
				fallthrough
			default:
				from, hops = append(from, step.ID), step.Hops
			}
			page.After = step.ID
		}
		if !more {
			slices.Sort(from)
			slices.Sort(to)
			return from, to
		}
	}
}

// TestLineage follows a conversation to the model that learned from it, and back:
// what stood in the same dream alone is not in it.
func TestLineage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		all := learned(t, s)
		one, two, tenant := all[0], all[1], all[0].Tenant
		for id, want := range map[string][2][]string{
			one.Conversation: {nil, {one.ID, "drm_1", "exm_0", "rfl_0", "mem_1", "ds_1", "tun_1", "ftjob-1", "groq/tuned"}},
			"exm_1":          {{two.ID, two.Conversation, "drm_1"}, {"ds_1", "tun_1", "ftjob-1", "groq/tuned"}},
			"rfl_1":          {{two.ID, two.Conversation, "drm_1"}, nil},
			"mem_1":          {{"rfl_0", one.ID, one.Conversation, "drm_1"}, nil},
			"drm_1": {{one.ID, two.ID, one.Conversation, two.Conversation},
				{"exm_0", "exm_1", "rfl_0", "rfl_1", "mem_1", "ds_1", "tun_1", "ftjob-1", "groq/tuned"}},
		} {
			for _, limit := range []int{1, 3, 100} {
				from, to := walked(t, s, tenant, id, limit)
				slices.Sort(want[0])
				slices.Sort(want[1])
				if !slices.Equal(from, want[0]) || !slices.Equal(to, want[1]) {
					t.Errorf("%s by %d: from %v, to %v, want %v", id, limit, from, to, want)
				}
			}
		}
		back, _ := walked(t, s, tenant, "groq/tuned", 2)
		if !slices.Contains(back, one.Conversation) || !slices.Contains(back, two.Conversation) {
			t.Errorf("the model came from %v", back)
		}
		if from, to := walked(t, s, "another tenant", one.ID, 10); len(from)+len(to) > 0 {
			t.Errorf("another tenant sees %v, %v", from, to)
		}
	})
}

// TestLineageOfAnswers leads from a model to what it answered, and from an answer to its model
// and what that learned from; the client's own id of a conversation names it, too.
func TestLineageOfAnswers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		taught := learned(t, s)
		tenant := taught[0].Tenant
		for i := range 5 {
			e := learn.Experience{Tenant: tenant, External: fmt.Sprint("later-", i), Alias: "assistant", Origin: "live",
				Provider: "groq", Model: "tuned", Prompt: []byte(`[]`), Answer: []byte(`{}`)}
			e.Seal()
			must(t, s.AddExperience(t.Context(), e))
			e = keptAs(t, s, e)
			from, _ := walked(t, s, tenant, e.ID, 3)
			if !slices.Contains(from, "groq/tuned") || !slices.Contains(from, taught[1].Conversation) {
				t.Errorf("the answer came from %v", from)
			}
		}
		_, to := walked(t, s, tenant, "groq/tuned", 2)
		if len(to) != 5 {
			t.Errorf("of the model came %v", to)
		}
		from, to := walked(t, s, tenant, taught[0].External, 4)
		if len(from) != 0 || len(to) != 9 || slices.ContainsFunc(to, func(id string) bool { return id == taught[0].External }) {
			t.Errorf("by the client's id: from %v, to %v", from, to)
		}
	})
}
