package storetest

import (
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
)

// Plan returns what a database answers to a query that begins with its word for
// EXPLAIN, in lines.
func Plan(t testing.TB, s *store.Store, query string, args ...any) string {
	t.Helper()
	rows, err := s.Driver().Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = db.EachRow(rows, func(rows db.Rows) error {
		var line string
		dest := []any{&line}
		if s.Dialect() == db.SQLite {
			dest = []any{new(int), new(int), new(int), &line}
		}
		err := rows.Scan(dest...)
		out.WriteString(line + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
