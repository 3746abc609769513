package storetest_test

import (
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// TestExampleAskers tells who asked what rows were made of: the user of the metadata, the key of the job, or nobody.
func TestExampleAskers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		tenant, err := s.EnsureTenant(t.Context(), "default")
		must(t, err)
		key := "key_shop"
		var jobs []job.Accepted
		must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) (err error) {
			jobs, err = q.AcceptJobs(t.Context(), []job.NewJob{{
				Tenant: tenant.ID, KeyID: key, Kind: "chat.run", Lane: "chat", Input: []byte(`{}`),
			}}, map[string]job.Limits{"chat": {Window: 100, TenantCap: 100}})
			return err
		}))
		want := map[string]learn.Asker{}
		for _, w := range []struct{ name, metadata, job string }{{"a", `{"user":"ann"}`, ""}, {"b", "", jobs[0].Job.ID}, {"c", "", ""}} {
			e := learn.Experience{
				Tenant: tenant.ID, External: w.name, Alias: learn.DefaultAlias, Origin: learn.OriginLive, Job: w.job,
				Prompt: []byte(`[{"role":"user","content":"Why?"}]`), Answer: []byte(`{"role":"assistant","content":"Why not."}`),
			}
			if w.metadata != "" {
				e.Metadata = []byte(w.metadata)
			}
			e.Seal()
			must(t, s.AddExperience(t.Context(), e))
			e = keptAs(t, s, e)
			must(t, s.AddExample(t.Context(), example("exm_"+w.name, e)))
			want[e.ID] = map[string]learn.Asker{
				"a": {Experience: e.ID, Origin: learn.OriginLive, User: "ann"}, "b": {Experience: e.ID, Origin: learn.OriginLive, Key: key},
				"c": {Experience: e.ID, Origin: learn.OriginLive},
			}[w.name]
		}
		must(t, s.ExampleAskers(t.Context(), tenant.ID, learn.DefaultAlias, func(a learn.Asker) {
			if want[a.Experience] != a {
				t.Errorf("got %+v, want %+v", a, want[a.Experience])
			}
			delete(want, a.Experience)
		}))
		if len(want) > 0 {
			t.Errorf("missing %+v", want)
		}
	})
}
