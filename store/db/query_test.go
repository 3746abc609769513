package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

// fill keeps n files of a tenant, with some of another's between, and returns
// the ids in order.
func fill(t testing.TB, s *store.Store, tenant string, n int) []string {
	t.Helper()
	ids := make([]string, n)
	rows := func(yield func([]any, error) bool) {
		for i := range n {
			ids[i] = fmt.Sprintf("file-%06d", i)
			rest := []any{"a.jsonl", "fine-tune", int64(i), "sum", "object", int64(i)}
			mine := append([]any{ids[i], tenant}, rest...)
			others := append([]any{ids[i] + "x", "other"}, rest...)
			if !yield(mine, nil) || !yield(others, nil) {
				return
			}
		}
	}
	columns := []string{"id", "tenant", "filename", "purpose", "bytes", "sha256", "object", "created"}
	err := s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		_, err := q.CopyNew(t.Context(), "files", columns, rows)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestPagesMeet walks thousands of rows in pages of at most their size: each once, in
// order.
func TestPagesMeet(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ids := fill(t, s, "ten_1", 2050)
		for _, ascending := range []bool{true, false} {
			for _, limit := range []int{-1, 0, 7, 100, 10_000} {
				page := db.Page{Limit: limit, Ascending: ascending}
				got, largest := walk(t, s, page)
				if !ascending {
					slices.Reverse(got)
				}
				if !slices.Equal(got, ids) || largest > page.Size() {
					t.Errorf("limit %d, ascending %t: %d of %d rows, pages of %d",
						limit, ascending, len(got), len(ids), largest)
				}
			}
		}
	})
}

func walk(t *testing.T, s *store.Store, p db.Page) (ids []string, largest int) {
	t.Helper()
	for {
		page, more, err := s.Files(t.Context(), "ten_1", db.Filter{Purpose: "fine-tune"}, p)
		must(t, err)
		for _, file := range page {
			ids = append(ids, file.ID)
		}
		largest = max(largest, len(page))
		if !more {
			return ids, largest
		}
		p.After = page[len(page)-1].ID
	}
}

// TestPagesAreSought asks both databases how they would read a page deep in a
// list: by going to it in the index, not by reading all pages before.
func TestPagesAreSought(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fill(t, s, "ten_1", 5000)
		explain, sought := "EXPLAIN QUERY PLAN ", "(tenant=? AND id<?)"
		if s.Dialect() == db.Postgres {
			_, err := s.Driver().Exec(t.Context(), "ANALYZE files")
			must(t, err)
			explain, sought = "EXPLAIN (COSTS FALSE) ", "Index Cond: (id < 'file-002000'::text)"
		}
		end, args := db.Page{After: "file-002000"}.Clause(1, "id")
		query := explain + "SELECT id FROM files WHERE tenant = $1" + end
		plan := storetest.Plan(t, s, query, append([]any{"ten_1"}, args...)...)
		if !strings.Contains(plan, sought) {
			t.Errorf("the plan is\n%s", plan)
		}
	})
}
