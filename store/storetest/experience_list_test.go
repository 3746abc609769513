package storetest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

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
				Tenant: tenant.ID, External: fmt.Sprint("chat-", i), Alias: []string{"assistant", "other"}[i%2],
				Origin:   []string{learn.OriginLive, learn.OriginLive, learn.OriginImport}[i%3],
				Provider: []string{"groq", "groq", "groq", "groq2"}[i%4], Model: []string{"large", "small"}[i%2], Prompt: []byte(`[]`), Answer: []byte(`{}`),
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
			{Provider: "groq", Model: "none"}:                  none,
			{Provider: "groq"}:                                 func(e learn.Experience) bool { return e.Provider == "groq" },
			{Provider: "groq2"}:                                func(e learn.Experience) bool { return e.Provider == "groq2" },
			{Provider: "gro"}:                                  none,
			{Origin: "import"}:                                 func(e learn.Experience) bool { return e.Origin == "import" },
			{Origin: "cache"}:                                  none,
			{Alias: "other", Origin: "import"}:                 func(e learn.Experience) bool { return e.Alias == "other" && e.Origin == "import" },
			{Provider: "groq", Alias: "other"}:                 func(e learn.Experience) bool { return e.Provider == "groq" && e.Alias == "other" },
			{Provider: "groq", Origin: "import"}:               func(e learn.Experience) bool { return e.Provider == "groq" && e.Origin == "import" },
			{Alias: "other", Provider: "groq", Model: "large"}: none,
			{Alias: "other", Text: "shop north"}:               func(e learn.Experience) bool { return e.Alias == "other" },
			{Text: "north 4"}:                                  func(e learn.Experience) bool { return e.External == "chat-4" },
			{Text: "4 north shop"}:                             func(e learn.Experience) bool { return e.External == "chat-4" },
			{Text: "north none"}:                               none,
			{Text: "3 4"}:                                      none,
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

func none(learn.Experience) bool { return false }

// TestListsReadLittle counts the rows that PostgreSQL looks up for lists that have none, and for a page of
// those that have many. A hundredth of them is fresh.
func TestListsReadLittle(t *testing.T) {
	t.Parallel()
	s := storetest.PostgreSQL(t)
	tenant, err := s.EnsureTenant(t.Context(), "default")
	must(t, err)
	traffic := storetest.Traffic{Rows: 20_000, Tenant: tenant.ID, Until: time.Now()}
	must(t, storetest.Fill(t.Context(), storetest.Bare(s.Driver()), traffic))
	const few = 10 // the planner looks a few up, for the ends of indexes
	for _, c := range []struct {
		filter learn.ExperienceFilter
		most   int64 // rows looked up
	}{
		{learn.ExperienceFilter{Alias: "none"}, few},
		{learn.ExperienceFilter{Provider: "groq", Model: "none"}, few},
		{learn.ExperienceFilter{Provider: "none"}, few},
		{learn.ExperienceFilter{Origin: "cache"}, few},
		{learn.ExperienceFilter{Alias: "assistant"}, 100},
		{learn.ExperienceFilter{Provider: "groq", Model: "openai/gpt-oss-20b"}, 100},
		{learn.ExperienceFilter{Provider: "groq"}, 100},
		{learn.ExperienceFilter{Origin: "live"}, 100},
	} {
		var before, read int64
		must(t, s.Tx(t.Context(), db.Relaxed, func(q *store.Queries) error {
			counted := func(into *int64) error {
				return q.One(t.Context(), `SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables
					WHERE schemaname = current_schema() AND relname = 'experiences'`, nil, into)
			}
			if err := counted(&before); err != nil {
				return err
			}
			if _, _, err := q.Experiences(t.Context(), tenant.ID, c.filter, db.Page{Limit: 20}); err != nil {
				return err
			}
			return counted(&read)
		}))
		read -= before
		if read > c.most {
			t.Errorf("%+v: %d rows are looked up, want %d at most", c.filter, read, c.most)
		}
	}
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
