package db_test

import (
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

func TestRebind(t *testing.T) {
	t.Parallel()
	for query, want := range map[string][2]string{
		"SELECT 1":         {"SELECT 1", "SELECT 1"},
		"a < {now}":        {"a < dreamlab_now()", "a < (SELECT us FROM clock)"},
		"{now}{now}":       {"dreamlab_now()dreamlab_now()", "(SELECT us FROM clock)(SELECT us FROM clock)"},
		"SET input = '{}'": {"SET input = '{}'", "SET input = '{}'"},
		"a = '{now}' -- it's {now}\nOR b < {now}": {
			"a = '{now}' -- it's {now}\nOR b < dreamlab_now()", "a = '{now}' -- it's {now}\nOR b < (SELECT us FROM clock)"},
		"a LIKE '%{' || $1 || 'it''s {' || '%'": {
			"a LIKE '%{' || $1 || 'it''s {' || '%'", "a LIKE '%{' || $1 || 'it''s {' || '%'"},
		"FROM a {by b} WHERE": {"FROM a  WHERE", "FROM a INDEXED BY b WHERE"},
		"SELECT 1{skip}":      {"SELECT 1FOR UPDATE SKIP LOCKED", "SELECT 1"},
		"SELECT 1{lock}":      {"SELECT 1FOR UPDATE", "SELECT 1"},
		"IN ({list $2})": {
			"IN (SELECT value FROM json_array_elements_text(($2::text)::json) AS l(value) LIMIT (SELECT NULL::bigint))",
			"IN (SELECT value FROM json_each($2))",
		},
		"FROM {rows $1: a text, b bigint}": {
			"FROM (SELECT * FROM json_to_recordset(($1::text)::json) AS x( a text, b bigint)" +
				" LIMIT (SELECT NULL::bigint)) AS x",
			"FROM (SELECT json_extract(value, '$.a') AS a, json_extract(value, '$.b') AS b FROM json_each($1)) AS x",
		},
	} {
		for i, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
			if got := db.Rebind(dialect, query); got != want[i] {
				t.Errorf("%s in %s:\n got %s\nwant %s", query, dialect, got, want[i])
			}
		}
	}
}

func TestRebindRefusesUnknownWords(t *testing.T) {
	t.Parallel()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		func() {
			defer func() {
				if p, ok := recover().(string); !ok || !strings.Contains(p, "{then}") {
					t.Errorf("%s: got panic %q", dialect, p)
				}
			}()
			db.Rebind(dialect, "SELECT {then}")
		}()
	}
}

// TestWordsRun runs every word of Rebind on both databases, with what JSON can
// carry in its texts.
func TestWordsRun(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const rows = `[{"a":"x","b":1},{"a":"'\"\\ €🌙\n","b":9007199254740993},{"a":null,"b":null},{"b":4}]`
		query := db.Rebind(s.Dialect(), `SELECT a, b FROM {rows $1: a text, b bigint}
			WHERE a IN ({list $2}) AND b <> {now} ORDER BY b {lock}`)
		if s.Dialect() == db.Postgres {
			query = strings.TrimSuffix(query, "FOR UPDATE") // a function's rows can not be locked
		}
		found, err := s.Driver().Query(t.Context(), query, rows, `["x","'\"\\ €🌙\n"]`)
		must(t, err)
		defer found.Close()
		var texts []string
		var last int64
		for found.Next() {
			var a string
			must(t, found.Scan(&a, &last))
			texts = append(texts, a)
		}
		must(t, found.Err())
		if strings.Join(texts, "|") != "x|'\"\\ €🌙\n" || last != 9007199254740993 {
			t.Errorf("got %q and %d", texts, last)
		}
	})
}
