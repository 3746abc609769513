package learn_test

import (
	"regexp"
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

// TestABatchIsChosenByIndex fills the table with experiences of one tenant, most of which were dreamt of, and asks both
// databases how they would choose among the others: by the index of those that are wanted, in its order.
func TestABatchIsChosenByIndex(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		explain := "EXPLAIN QUERY PLAN "
		if s.Dialect() == db.Postgres {
			explain = "EXPLAIN "
		}
		fillDreamt(t, s, 5_000)
		for _, when := range []string{"filled", "analysed"} {
			for index, queries := range learn.Fresh() {
				for _, query := range queries {
					args := []any{"ten_1", int64(10), int64(10)}[:strings.Count(query, "$")]
					switch {
					case strings.Contains(query, "{list"):
						args = []any{"ten_1", `["exp_1","exp_2"]`}
					case len(args) == 3:
						args[1] = "exp_1"
					}
					plan := storetest.Plan(t, s, explain+db.Rebind(s.Dialect(), query), args...)
					if !strings.Contains(plan, index) || unwanted.MatchString(plan) {
						t.Errorf("%s: the plan of\n%s\nis\n%s", when, query, plan)
					}
				}
			}
			_, err := s.Driver().Exec(t.Context(), "ANALYZE")
			must(t, err)
		}
	})
}

// unwanted is what goes through more than what is chosen.
var unwanted = regexp.MustCompile(`Seq Scan on experiences|Sort|TEMP B-TREE|SCAN experiences|experiences_list`)

// fillDreamt adds experiences of one tenant, of which one in twenty waits for a dream: of five of these one disliked, one
// corrected, one with a reference.
func fillDreamt(t *testing.T, s *store.Store, rows int) {
	t.Helper()
	numbers := "SELECT value FROM generate_series(1, $1::bigint) AS n(value)"
	if s.Dialect() == db.SQLite {
		numbers = `WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < $1)
			SELECT value FROM n`
	}
	conn := storetest.Bare(s.Driver())
	_, err := conn.Exec(t.Context(), `INSERT INTO conversations (id, tenant, external, held_out, created)
		VALUES ('conv_1', 'ten_1', 'talk', FALSE, 1)`)
	must(t, err)
	_, err = conn.Exec(t.Context(), `INSERT INTO experiences (id, tenant, conversation, held_out, alias, origin, prompt, answer,
		content, identity, rating, correction, reference, dream, created)
		SELECT 'exp_' || n.value, 'ten_1', 'conv_1', FALSE, 'assistant', 'live', '[]', '{}', CAST(n.value AS TEXT),
			CAST(n.value AS TEXT), CASE WHEN n.value % 100 = 0 THEN -1 END, CASE WHEN n.value % 100 = 20 THEN 'No.' END,
			CASE WHEN n.value % 100 = 40 THEN '7' END, CASE WHEN n.value % 20 > 0 THEN 'drm_' || n.value / 1000 END, 1 FROM (`+numbers+`) AS n`, int64(rows))
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
