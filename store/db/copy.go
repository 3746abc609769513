package db

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// Copier is a Conn that takes many rows in one stream, far faster than by
// statements. Rows are asked for from another goroutine, one at a time, and may
// not use the connection. The first error that rows yield ends the copy, and
// nothing of it is kept.
type Copier interface {
	Copy(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error)
}

// valuesPerInsert bounds the parameters of a statement of many rows. SQLite's
// driver looks each up by name among all others, so that six times as many are
// three times as slow.
const valuesPerInsert = 100

// CopyNew puts rows into a table, streamed, leaves out those which break a
// uniqueness rule, and returns how many were new. It only works inside a Tx. It waits for others that
// bring the same rows: these have to be sorted by what is unique, or two that
// meet half-way wait for each other.
func (q *Tx) CopyNew(
	ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error],
) (int64, error) {
	if _, ok := q.conn.(Copier); !ok {
		return q.load(ctx, table, columns, rows, " ON CONFLICT DO NOTHING")
	}
	staged := "staged_" + table
	_, err := q.conn.Exec(ctx,
		"CREATE TEMPORARY TABLE "+staged+" (LIKE "+table+" INCLUDING DEFAULTS) ON COMMIT DROP")
	if err != nil {
		return 0, fmt.Errorf("stage %s: %w", table, err)
	}
	if _, err := q.load(ctx, staged, columns, rows, ""); err != nil {
		return 0, err
	}
	list := strings.Join(columns, ", ")
	added, err := q.conn.Exec(ctx, "INSERT INTO "+table+" ("+list+") SELECT "+list+" FROM "+staged+
		" ON CONFLICT DO NOTHING")
	if err != nil {
		return 0, fmt.Errorf("copy into %s: %w", table, err)
	}
	if _, err := q.conn.Exec(ctx, "DROP TABLE "+staged); err != nil {
		return 0, fmt.Errorf("drop %s: %w", staged, err)
	}
	return added, nil
}

func (q *Tx) load(
	ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error], suffix string,
) (int64, error) {
	var count int64
	var err error
	if copier, ok := q.conn.(Copier); ok {
		count, err = copier.Copy(ctx, table, columns, checkedRows(rows))
	} else {
		count, err = q.insertRows(ctx, table, columns, checkedRows(rows), suffix)
	}
	if err != nil {
		return count, fmt.Errorf("copy into %s: %w", table, err)
	}
	return count, nil
}

// checkedRows ends a stream at the first row that a database would refuse.
func checkedRows(rows iter.Seq2[[]any, error]) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for row, err := range rows {
			if err == nil {
				err = checkText(row)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// insertRows is the copy of databases that have none: inserts of many rows.
func (q *Tx) insertRows(
	ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error], suffix string,
) (int64, error) {
	size := max(1, valuesPerInsert/len(columns))
	head := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES "
	full := head + placeholders(size, len(columns)) + suffix
	values := make([]any, 0, size*len(columns))
	var count int64
	flush := func(query string) error {
		n, err := q.conn.Exec(ctx, query, values...)
		count, values = count+n, values[:0]
		return err
	}
	for row, err := range rows {
		if err != nil {
			return count, err
		}
		if values = append(values, row...); len(values) < cap(values) {
			continue
		}
		if err := flush(full); err != nil {
			return count, err
		}
	}
	if len(values) == 0 {
		return count, nil
	}
	return count, flush(head + placeholders(len(values)/len(columns), len(columns)) + suffix)
}

// placeholders returns ($1,$2),($3,$4) for two rows of two columns.
func placeholders(rows, columns int) string {
	var out strings.Builder
	for n := range rows * columns {
		switch {
		case n == 0:
			out.WriteByte('(')
		case n%columns == 0:
			out.WriteString("),(")
		default:
			out.WriteByte(',')
		}
		out.WriteByte('$')
		out.WriteString(strconv.Itoa(n + 1))
	}
	out.WriteByte(')')
	return out.String()
}
