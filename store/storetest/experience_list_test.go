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

// TestExperiencesArePagedBySealedAndFresh reads lists whose rows dreams have sealed in part, in pages of
// two, both ways: each row once, in order. Words that are rare, common or absent find what has all of them.
func TestExperiencesArePagedBySealedAndFresh(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		tenant, err := s.EnsureTenant(t.Context(), "default")
		must(t, err)
		for i := range 9 {
			e := learn.Experience{
				Tenant: tenant.ID, External: fmt.Sprint("chat-", i), Alias: []string{"assistant", "other"}[i%2], Origin: learn.OriginLive,
				Provider: "groq", Model: []string{"large", "small"}[i%2], Prompt: []byte(`[]`), Answer: []byte(`{}`),
				Metadata: fmt.Appendf(nil, `{"shop":"north %d"}`, i),
			}
			e.Seal()
			must(t, s.AddExperience(t.Context(), e))
			if i == 3 {
				_, err := s.SealBatch(t.Context(), tenant.ID, "drm_1", 4)
				must(t, err)
			}
		}
		all, _, err := s.Experiences(t.Context(), tenant.ID, learn.ExperienceFilter{}, db.Page{})
		must(t, err)
		for filter, want := range map[learn.ExperienceFilter]func(learn.Experience) bool{
			{Alias: "other"}:                                   func(e learn.Experience) bool { return e.Alias == "other" },
			{Provider: "groq", Model: "large"}:                 func(e learn.Experience) bool { return e.Model == "large" },
			{Alias: "other", Provider: "groq", Model: "large"}: func(learn.Experience) bool { return false },
			{Alias: "other", Text: "shop north"}:               func(e learn.Experience) bool { return e.Alias == "other" },
			{Text: "north 4"}:                                  func(e learn.Experience) bool { return e.External == "chat-4" },
			{Text: "4 north shop"}:                             func(e learn.Experience) bool { return e.External == "chat-4" },
			{Text: "north none"}:                               func(learn.Experience) bool { return false },
			{Text: "3 4"}:                                      func(learn.Experience) bool { return false },
		} {
			var ids []string
			for _, e := range all {
				if want(e) {
					ids = append(ids, e.ID)
				}
			}
			if got := paged(t, s, tenant.ID, filter, false); !slices.Equal(got, ids) {
				t.Errorf("%+v: %v, want %v", filter, got, ids)
			}
			slices.Reverse(ids)
			if got := paged(t, s, tenant.ID, filter, true); !slices.Equal(got, ids) {
				t.Errorf("%+v, the oldest first: %v, want %v", filter, got, ids)
			}
		}
	})
}

// paged reads a whole list in pages of two.
func paged(t *testing.T, s *store.Store, tenant string, f learn.ExperienceFilter, ascending bool) (ids []string) {
	t.Helper()
	page := db.Page{Limit: 2, Ascending: ascending}
	for {
		rows, more, err := s.Experiences(t.Context(), tenant, f, page)
		must(t, err)
		for _, e := range rows {
			ids = append(ids, e.ID)
		}
		if !more {
			return ids
		}
		page.After = rows[len(rows)-1].ID
	}
}
