package db_test

import (
	"errors"
	"fmt"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

type listed struct {
	Name   string  `json:"name"`
	Note   *string `json:"note"`
	Count  int     `json:"count"`
	Large  *int64  `json:"large"`
	Held   bool    `json:"held"`
	hidden string
}

// nested has a field that is no parameter.
type nested struct {
	Name string   `json:"name"`
	List []string `json:"list"`
}

const listedRows = `SELECT CAST($2 AS TEXT) || name, note, count, large, CAST(CASE WHEN held THEN 1 ELSE 0 END AS BIGINT),
	CAST(missing AS TEXT) FROM {rows $1: name text, note text, count bigint, large bigint, held boolean, missing text}
	WHERE name <> '{rows $2}' -- {rows $3} and $4`

// TestRowsOf reads lists of no, one and several rows: a row is the same alone and among others.
func TestRowsOf(t *testing.T) {
	t.Parallel()
	text, number := "it's {a} $1 \"note\"\n", int64(1)<<53
	rows := []listed{
		{Name: "first", Note: &text, Count: -3, Large: &number, Held: true, hidden: "x"},
		{Name: "", Count: 0},
		{Name: "no \xff UTF-8"},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		read := func(rows []listed) (out []string) {
			t.Helper()
			must(t, s.Each(t.Context(), listedRows, []any{db.RowsOf(rows), "+"}, func(r db.Rows) error {
				var name string
				var note, missing *string
				var count, right int64
				var large *int64
				err := r.Scan(&name, &note, &count, &large, &right, &missing)
				out = append(out, fmt.Sprint(name, db.Deref(note), count, db.Deref(large), right, missing == nil))
				return err
			}))
			return out
		}
		want := read(rows)
		if len(want) != len(rows) || want[0] != fmt.Sprint("+first", text, -3, number, 1, true) {
			t.Fatalf("read %q", want)
		}
		for i, row := range rows {
			if got := read([]listed{row}); len(got) != 1 || got[0] != want[i] {
				t.Errorf("alone %q, among others %q", got, want[i])
			}
		}
		if got := read(nil); len(got) != 0 {
			t.Errorf("no rows are %q", got)
		}
	})
}

// TestRowsOfOther reads lists whose rows are no structs of plain fields, or several in a statement.
func TestRowsOfOther(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, c := range []struct {
			want, query string
			args        []any
		}{
			{"a", `SELECT value FROM ({list $1}) AS l`, []any{db.RowsOf([]string{"a"})}},
			{"ab", `SELECT min(value) || max(value) FROM ({list $1}) AS l`, []any{db.RowsOf([]string{"a", "b"})}},
			{"0", `SELECT CAST(count(*) AS TEXT) FROM ({list $1}) AS l`, []any{db.RowsOf([]string(nil))}},
			{"xa", `SELECT name || x FROM {rows $2: name text} CROSS JOIN (SELECT value AS x FROM ({list $1}) AS l) AS y`,
				[]any{db.RowsOf([]string{"a"}), db.RowsOf([]*listed{{Name: "x"}})}},
			{"xab", `SELECT min(name) || min(v) || max(v) FROM {rows $2: name text} CROSS JOIN (SELECT value AS v FROM ({list $1}) AS l) AS y`,
				[]any{db.RowsOf([]string{"a", "b"}), db.RowsOf([]any{listed{Name: "x"}})}},
			{"n", `SELECT name FROM {rows $1: name text}`, []any{db.RowsOf([]nested{{Name: "n", List: []string{"l"}}})}},
			{"jo", `SELECT name || x FROM {rows $1: name text} CROSS JOIN (SELECT value AS x FROM ({list $2}) AS l) AS y`,
				[]any{db.RowsOf([]listed{{Name: "j"}}), `["o"]`}},
		} {
			var got string
			must(t, s.One(t.Context(), c.query, c.args, &got))
			if got != c.want {
				t.Errorf("%s: %q, want %q", c.query, got, c.want)
			}
		}
		err := s.One(t.Context(), `SELECT name FROM {rows $1: name text}`, []any{db.RowsOf([]listed{{Name: "a\x00b"}})}, new(string))
		if s.Dialect() == db.Postgres && !errors.Is(err, db.ErrText) {
			t.Errorf("a text with a zero: %v", err)
		}
	})
}
