package learn_test

import (
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// TestContentIsSought asks both databases how they would look for a content:
// by its index, in an empty table and in one that a single tenant has filled.
func TestContentIsSought(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		explain := "EXPLAIN QUERY PLAN "
		if s.Dialect() == db.Postgres {
			explain = "EXPLAIN "
		}
		look := func(when string) {
			t.Helper()
			for query, args := range map[string][]any{
				learn.NewConversation: {`[{"id":"conv_1","tenant":"ten_1","external":"conv_1","content":"hash"}]`},
				learn.KnownRows:       {`[{"at":1,"tenant":"ten_1","content":"hash"}]`},
			} {
				plan := storetest.Plan(t, s, explain+db.Rebind(s.Dialect(), query), args...)
				if !strings.Contains(plan, "experiences_content") {
					t.Errorf("%s: the plan is\n%s", when, plan)
				}
			}
		}
		look("empty")
		must(t, s.AddExperience(t.Context(), learn.Experience{
			Tenant: "ten_1", External: "talk", Alias: "assistant", Origin: "live",
			Prompt: []byte("[]"), Answer: []byte("{}"), Identity: "0", Content: "0",
		}))
		numbers := "SELECT value FROM generate_series(1, 3000) AS n(value)"
		if s.Dialect() == db.SQLite {
			numbers = `WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 3000)
				SELECT value FROM n`
		}
		_, err := storetest.Bare(s.Driver()).Exec(t.Context(), `INSERT INTO experiences (id, tenant, conversation, held_out, alias,
			origin, prompt, answer, content, identity, created) SELECT CAST(n.value AS TEXT), e.tenant,
			e.conversation, e.held_out, e.alias, e.origin, e.prompt, e.answer, CAST(n.value AS TEXT),
			CAST(n.value AS TEXT), e.created FROM experiences e JOIN (`+numbers+`) AS n ON TRUE`)
		must(t, err)
		look("filled")
		_, err = s.Driver().Exec(t.Context(), "ANALYZE")
		must(t, err)
		look("analysed")
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
