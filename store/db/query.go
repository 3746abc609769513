package db

import (
	"context"
	"encoding/json"

	"dreamlab/store/plainjson"
)

func (q *Tx) sql(query string) string { return q.known.in(q.dialect, query) }

// Exec runs a statement and returns the number of rows it touched.
func (q *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	query, args, err := q.bound(query, args)
	if err != nil {
		return 0, err
	}
	if err := q.addAll(ctx); err != nil {
		return 0, err
	}
	return q.conn.Exec(ctx, query, args...)
}

// Later runs a statement whose outcome is not waited for; in a transaction it
// goes with the next one. See Conn.
func (q *Tx) Later(ctx context.Context, query string, args ...any) error {
	return q.LaterThen(ctx, Statement{Query: query, Args: args})
}

// Flush runs what was put off.
func (q *Tx) Flush(ctx context.Context) error {
	if err := q.addAll(ctx); err != nil {
		return err
	}
	return q.conn.Flush(ctx)
}

// LaterMust is later for a statement that has to touch at least one row.
func (q *Tx) LaterMust(ctx context.Context, missing error, query string, args ...any) error {
	return q.LaterThen(ctx, Statement{Query: query, Args: args, Want: 1, Missing: missing})
}

// LaterThen runs a statement of which something is asked. See Conn.
func (q *Tx) LaterThen(ctx context.Context, s Statement) error {
	var err error
	if s.Query, s.Args, err = q.bound(s.Query, s.Args); err != nil {
		return err
	}
	if err := q.addAll(ctx); err != nil {
		return err
	}
	if each := s.Each; each != nil {
		opened := opening{vault: q.vault}
		s.Each = func(rows Rows) error {
			opened.Rows = rows
			return each(&opened)
		}
	}
	return q.conn.Later(ctx, s)
}

// Must runs a statement that has to touch at least one row.
func (q *Tx) Must(ctx context.Context, missing error, query string, args ...any) error {
	n, err := q.Exec(ctx, query, args...)
	if err == nil && n == 0 {
		return missing
	}
	return err
}

// One reads a single row, or fails with ErrNotFound.
func (q *Tx) One(ctx context.Context, query string, args []any, dest ...any) error {
	found := false
	err := q.Each(ctx, query, args, func(rows Rows) error {
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

// Words gathers the one text that each row of a query holds.
func (q *Tx) Words(ctx context.Context, into *[]string, query string, args ...any) error {
	return q.Each(ctx, query, args, func(r Rows) error {
		var word string
		err := r.Scan(&word)
		*into = append(*into, word)
		return err
	})
}

// Each hands every row to fn, one at a time.
func (q *Tx) Each(ctx context.Context, query string, args []any, fn func(Rows) error) error {
	query, args, err := q.bound(query, args)
	if err != nil {
		return err
	}
	if err := q.addAll(ctx); err != nil {
		return err
	}
	rows, err := q.conn.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	return EachRow(&opening{rows, q.vault}, fn)
}

func closing(rows Rows, err error) error {
	if closeErr := rows.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Encode turns a value into JSON text. The values are our own structs, which
// always marshal.
func Encode(v any) string {
	if raw, ok := v.(json.RawMessage); ok && len(raw) > 0 {
		return string(raw)
	}
	return string(plainjson.Of(v))
}

// Read reads one row by a noun's scan function, or fails with ErrNotFound.
func Read[T any](ctx context.Context, q *Tx, scan func(func(...any) error) (T, error),
	query string, args ...any,
) (T, error) {
	var out T
	found := false
	err := q.Each(ctx, query, args, func(rows Rows) (err error) {
		found = true
		out, err = scan(rows.Scan)
		return err
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	return out, err
}

// Stream hands every row to fn, one at a time.
func Stream[T any](ctx context.Context, q *Tx, scan func(func(...any) error) (T, error),
	fn func(T) error, query string, args ...any,
) error {
	return q.Each(ctx, query, args, func(r Rows) error {
		row, err := scan(r.Scan)
		if err != nil {
			return err
		}
		return fn(row)
	})
}
