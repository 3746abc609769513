package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// rebound remembers the queries that were put into a dialect's words; the set
// is bounded by the number of queries in this package.
var rebound sync.Map // of string to string, by dialect and query

func (q *Queries) sql(query string) string {
	key := string(q.dialect) + query
	if known, ok := rebound.Load(key); ok {
		return known.(string)
	}
	made := Rebind(q.dialect, query)
	rebound.Store(key, made)
	return made
}

func (q *Queries) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := checkText(args); err != nil {
		return 0, err
	}
	if err := q.addAll(ctx); err != nil {
		return 0, err
	}
	return q.conn.Exec(ctx, q.sql(query), args...)
}

// later runs a statement whose outcome nobody waits for; in a transaction it
// goes with the next one. See Conn.
func (q *Queries) later(ctx context.Context, query string, args ...any) error {
	return q.laterThen(ctx, Statement{Query: query, Args: args})
}

// flush runs what was put off.
func (q *Queries) flush(ctx context.Context) error {
	if err := q.addAll(ctx); err != nil {
		return err
	}
	return q.conn.Flush(ctx)
}

// laterMust is later for a statement that has to touch at least one row.
func (q *Queries) laterMust(ctx context.Context, missing error, query string, args ...any) error {
	return q.laterThen(ctx, Statement{Query: query, Args: args, Want: 1, Missing: missing})
}

func (q *Queries) laterThen(ctx context.Context, s Statement) error {
	if err := checkText(s.Args); err != nil {
		return err
	}
	if err := q.addAll(ctx); err != nil {
		return err
	}
	s.Query = q.sql(s.Query)
	return q.conn.Later(ctx, s)
}

// must runs a statement that has to touch at least one row.
func (q *Queries) must(ctx context.Context, missing error, query string, args ...any) error {
	n, err := q.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return missing
	}
	return err
}

// one reads a single row, or fails with ErrNotFound.
func (q *Queries) one(ctx context.Context, query string, args []any, dest ...any) error {
	found := false
	err := q.each(ctx, query, args, func(rows Rows) error {
		if found {
			return nil
		}
		found = true
		return rows.Scan(dest...)
	})
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

// each hands every row to fn, one at a time.
func (q *Queries) each(ctx context.Context, query string, args []any, fn func(Rows) error) error {
	if err := checkText(args); err != nil {
		return err
	}
	if err := q.addAll(ctx); err != nil {
		return err
	}
	rows, err := q.conn.Query(ctx, q.sql(query), args...)
	if err != nil {
		return err
	}
	return EachRow(rows, fn)
}

func closing(rows Rows, err error) error {
	if closeErr := rows.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Page bounds a list: at most Limit rows, after the one with id After, newest
// first unless Ascending. Ids carry their time, so their order is the order of
// creation.
type Page struct {
	Limit     int // 1 to 100. Defaults to 20.
	After     string
	Ascending bool
}

func (p Page) limit() int {
	if p.Limit <= 0 {
		return 20
	}
	return min(p.Limit, 100)
}

// clause returns the end of a list's query and its arguments, bound to the
// placeholders after n. One row more than asked for is read, to know whether
// there are more. The first page has no cursor in its text: with an OR in the
// way a database would read all the pages before, and drop them.
func (p Page) clause(n int, id string) (string, []any) {
	op, order := "<", "DESC"
	if p.Ascending {
		op, order = ">", "ASC"
	}
	end := fmt.Sprintf(" ORDER BY %s %s LIMIT $%d", id, order, n+1)
	args := []any{int64(p.limit() + 1)}
	if p.After == "" {
		return end, args
	}
	return fmt.Sprintf(" AND %s %s $%d", id, op, n+2) + end, append(args, p.After)
}

// cut takes the extra row off a page and tells whether there was one.
func cut[T any](rows []T, p Page) ([]T, bool) {
	if len(rows) > p.limit() {
		return rows[:p.limit()], true
	}
	return rows, false
}

// Micros returns t as unix microseconds, and nil for the zero time.
func Micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func timeOf(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return time.UnixMicro(*us).UTC()
}

// text returns nil for an empty string, so that it is stored as NULL.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// encode turns a value into JSON text. The values are our own structs, which
// always marshal.
func encode(v any) string {
	if raw, ok := v.(json.RawMessage); ok && len(raw) > 0 {
		return string(raw)
	}
	out, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return string(out)
}

// read reads one row by a noun's scan function, or fails with ErrNotFound.
func read[T any](ctx context.Context, q *Queries, scan func(func(...any) error) (T, error),
	query string, args ...any,
) (T, error) {
	var out T
	found := false
	err := q.each(ctx, query, args, func(rows Rows) (err error) {
		found = true
		out, err = scan(rows.Scan)
		return err
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	return out, err
}

// list reads one page. The query ends in its conditions; order, cursor and
// limit are put behind it.
func list[T any](ctx context.Context, q *Queries, p Page, scan func(func(...any) error) (T, error),
	query string, args ...any,
) ([]T, bool, error) {
	return listBy(ctx, q, p, "id", scan, query, args...)
}

// listBy is list for a query whose cursor column is not called id.
func listBy[T any](ctx context.Context, q *Queries, p Page, id string,
	scan func(func(...any) error) (T, error), query string, args ...any,
) ([]T, bool, error) {
	end, more := p.clause(len(args), id)
	var rows []T
	err := q.each(ctx, query+end, append(args, more...), func(r Rows) error {
		row, err := scan(r.Scan)
		rows = append(rows, row)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	rows, hasMore := cut(rows, p)
	return rows, hasMore, nil
}

// narrowed is a query that ends in its conditions, of which some depend on what
// is asked for. One that is left out leaves no parameter behind: the plan of a
// condition that may hold for anything finds no index.
type narrowed struct {
	query string
	args  []any
}

// by adds a condition on a value, which it names by a question mark, unless the
// value is empty.
func (n *narrowed) by(condition string, value any) {
	if value == "" || value == int64(0) {
		return
	}
	n.args = append(n.args, value)
	n.query += " AND " + strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(n.args)))
}

// stream hands every row to fn, one at a time.
func stream[T any](ctx context.Context, q *Queries, scan func(func(...any) error) (T, error),
	fn func(T) error, query string, args ...any,
) error {
	return q.each(ctx, query, args, func(r Rows) error {
		row, err := scan(r.Scan)
		if err != nil {
			return err
		}
		return fn(row)
	})
}
