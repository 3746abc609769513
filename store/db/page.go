package db

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Page bounds a list: at most Limit rows, after the one with id After, newest
// first unless Ascending. Ids carry their time, so their order is the order of
// creation.
type Page struct {
	Limit     int // 1 to 10,000. Defaults to 20.
	After     string
	Ascending bool
	// From and To are ids, see IDAt: rows from the one on, and below the other. "": no bound.
	From, To string
	// AnyLimit has a plan made that counts on a tenth of all rows, not on so few: it reads two indexes
	// side by side where a plan for few rows looks each one up. Defaults to a plan for Limit.
	AnyLimit bool
}

// Size is how many rows the page has at most.
func (p Page) Size() int {
	if p.Limit <= 0 {
		return 20
	}
	return min(p.Limit, 10_000)
}

// Clause returns the end of a list's query and its arguments, bound to the
// placeholders after n. One row more than asked for is read, to know whether
// there are more. The first page has no cursor in its text: with an OR in the
// way a database would read all the pages before, and drop them.
func (p Page) Clause(n int, id string) (string, []any) {
	return p.ClauseBy(n, id)
}

// ClauseBy is Clause with an order that begins with other columns. Where these are the same in all
// rows, and are compared by >= and <=, it keeps a database to the index of just this order.
func (p Page) ClauseBy(n int, id string, before ...string) (string, []any) {
	op, order := "<", "DESC"
	if p.Ascending {
		op, order = ">", "ASC"
	}
	end := " ORDER BY "
	for _, column := range before {
		end += column + " " + order + ", "
	}
	end += id + " " + order + " LIMIT "
	var args []any
	if p.AnyLimit {
		args = append(args, int64(p.Size()+1))
		end += "$" + strconv.Itoa(n+1)
	} else {
		end += strconv.Itoa(p.Size() + 1)
	}
	conditions := ""
	for _, bound := range []struct{ op, id string }{{op, p.After}, {">=", p.From}, {"<", p.To}} {
		if bound.id != "" {
			args = append(args, bound.id)
			conditions += fmt.Sprintf(" AND %s %s $%d", id, bound.op, n+len(args))
		}
	}
	return conditions + end, args
}

// Cut takes the extra row off a page and tells whether there was one.
func Cut[T any](rows []T, p Page) ([]T, bool) {
	if len(rows) > p.Size() {
		return rows[:p.Size()], true
	}
	return rows, false
}

// List reads one page. The query ends in its conditions; order, cursor and
// limit are put behind it.
func List[T any](ctx context.Context, q *Tx, p Page, scan func(func(...any) error) (T, error),
	query string, args ...any,
) ([]T, bool, error) {
	return ListBy(ctx, q, p, "id", scan, query, args...)
}

// ListBy is List for a query whose cursor column is not called id.
func ListBy[T any](ctx context.Context, q *Tx, p Page, id string,
	scan func(func(...any) error) (T, error), query string, args ...any,
) ([]T, bool, error) {
	end, more := p.Clause(len(args), id)
	var rows []T
	err := q.Each(ctx, query+end, append(args, more...), func(r Rows) error {
		row, err := scan(r.Scan)
		rows = append(rows, row)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	rows, hasMore := Cut(rows, p)
	return rows, hasMore, nil
}

// Selection is a query that ends in its conditions, of which some depend on what
// is asked for. One that is left out leaves no parameter behind: the plan of a
// condition that may hold for anything finds no index.
type Selection struct {
	Query string
	Args  []any
}

// Select begins a query that ends in its conditions.
func Select(query string, args ...any) Selection { return Selection{Query: query, Args: args} }

// By adds a condition on a value, which it names by a question mark, unless the
// value is empty.
func (n *Selection) By(condition string, value any) {
	if value == "" || value == int64(0) {
		return
	}
	n.Args = append(n.Args, value)
	n.Query += " AND " + strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(n.Args)))
}
