package storetest_test

import (
	"fmt"
	"slices"
	"testing"

	"dreamlab/store"
	"dreamlab/store/storetest"
)

// TestLineage follows a conversation to the model that learned from it, and back.
func TestLineage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		e := record(t, s, "chat-1")
		finish(t, s, dreamt(t, s, "drm_1", e))
		_, _, err := s.AddDataset(t.Context(), store.Dataset{
			ID: "ds_1", Tenant: e.Tenant, Alias: e.Alias, SHA256: "sum", Object: "o",
		}, []string{"exm_drm_1"})
		must(t, err)
		job := running(t, s, e.Tenant, "tun_1")
		tune := store.Tune{
			ID: "tun_1", Tenant: e.Tenant, Alias: e.Alias, Base: "groq/b", Job: job.ID, Stage: "train",
		}
		must(t, s.AddTune(t.Context(), tune))
		tune.Dataset, tune.Training = "ds_1", "ftjob-1"
		must(t, s.SetTune(t.Context(), tune))
		must(t, s.AddTraining(t.Context(), store.Training{
			ID: "ftjob-1", Tenant: e.Tenant, Tune: "tun_1", Job: job.ID, Provider: "groq", Base: "b", Status: "queued",
		}))
		must(t, s.AddModel(t.Context(), store.Model{
			Name: "groq/tuned", Tenant: e.Tenant, Provider: "groq", Tune: "tun_1", Training: "ftjob-1",
			State: "serving",
		}))
		path := []string{e.Conversation, e.ID, "exm_drm_1", "ds_1", "tun_1", "groq/tuned"}
		for i := range path[1:] {
			for _, end := range path[i : i+2] {
				links, err := s.Links(t.Context(), e.Tenant, end, 10)
				must(t, err)
				step := func(l store.Link) bool { return l.From == path[i] && l.To == path[i+1] }
				if !slices.ContainsFunc(links, step) {
					t.Errorf("no step from %s to %s in %v", path[i], path[i+1], links)
				}
			}
		}
		for _, prefix := range []string{"job_", "drm_", "rfl_", "mem_", "ftjob-", "evl_", "file-"} {
			if _, err := s.Links(t.Context(), e.Tenant, fmt.Sprint(prefix, "1"), 10); err != nil {
				t.Errorf("%s: %v", prefix, err)
			}
		}
		if links, err := s.Links(t.Context(), "another tenant", e.ID, 10); err != nil || len(links) > 0 {
			t.Errorf("another tenant sees %v, %v", links, err)
		}
	})
}
