package db

import (
	"context"
	"slices"
)

// Bulk is a statement over {rows $1: …} that a transaction runs once for all
// the rows that it is given, with whatever else is sent next. A job's end writes
// to five tables: for eight jobs that share a commit these are five statements,
// not forty.
type Bulk struct {
	Query   string
	Missing error // a row that touches nothing; nil where that is none
	rows    []any
	keys    map[string]bool
}

// Add puts a row to those of its statement; outside of a transaction it is run
// at once. Where the key ("": none) came before the row adds nothing. Statements
// run in the order of the first row of each: what a row needs of another
// statement has to come before the first row of its own.
func (q *Tx) Add(ctx context.Context, t Bulk, key string, row any) error {
	if q.rows == nil {
		t.rows = []any{row}
		return q.LaterThen(ctx, t.statement())
	}
	at := slices.IndexFunc(*q.rows, func(other *Bulk) bool { return other.Query == t.Query })
	if at < 0 {
		at = len(*q.rows)
		t.keys = map[string]bool{}
		*q.rows = append(*q.rows, &t)
	}
	to := (*q.rows)[at]
	if key != "" && to.keys[key] {
		return nil
	}
	to.keys[key] = true
	to.rows = append(to.rows, row)
	return nil
}

// addAll hands the rows on that were put together so far.
func (q *Tx) addAll(ctx context.Context) error {
	if q.rows == nil || len(*q.rows) == 0 {
		return nil
	}
	all := *q.rows
	*q.rows = nil
	for _, t := range all {
		if err := q.LaterThen(ctx, t.statement()); err != nil {
			return err
		}
	}
	return nil
}

func (t Bulk) statement() Statement {
	return Statement{Query: t.Query, Args: []any{RowsOf(t.rows)}, Want: int64(len(t.rows)), Missing: t.Missing}
}
