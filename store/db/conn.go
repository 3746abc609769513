package db

import (
	"context"
	"strings"
)

// Dialect is the name of an SQL dialect.
type Dialect string

// The dialects.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// Conn runs statements. Placeholders are $1, $2 …; arguments and results are
// strings, []byte, int64, float64, bool and nil, and pointers to them (nil for
// NULL). Errors wrap ErrConflict, ErrBusy and ErrFull where they mean that; a
// deadline that passed is ErrBusy too. One that takes many rows at once is a
// Copier as well.
type Conn interface {
	// Exec runs a statement and returns the number of rows it touched.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Query runs a statement that answers rows. The caller closes them.
	Query(ctx context.Context, query string, args ...any) (Rows, error)
	// Later runs a statement whose answer the caller can wait for. In a
	// transaction that may be together with those that follow, in one round trip
	// with the next Exec or Query, or with the commit; what goes wrong is an
	// error of that one. Anywhere else it runs at once.
	Later(ctx context.Context, s Statement) error
	// Flush runs what was put off.
	Flush(ctx context.Context) error
}

// Statement is one that is run later.
type Statement struct {
	Query string
	Args  []any
	// Each is given every row that is answered, one by one; nil where none are.
	Each func(Rows) error
	// Want is how many rows it has to touch, or to answer where it is a SELECT,
	// and Missing the error where it does not: the transaction has failed then.
	// Missing may be nil.
	Want    int64
	Missing error
	// ScanCannotFail says that Each refuses nothing: COMMIT may share the
	// statement's round trip.
	ScanCannotFail bool
}

// RunNow is Later for a connection that puts nothing off.
func RunNow(ctx context.Context, conn Conn, s Statement) error {
	if s.Each != nil {
		rows, err := conn.Query(ctx, s.Query, s.Args...)
		if err != nil {
			return err
		}
		return EachRow(rows, s.Each)
	}
	n, err := touch(ctx, conn, s)
	if err == nil && s.Missing != nil && n < s.Want {
		return s.Missing
	}
	return err
}

func touch(ctx context.Context, conn Conn, s Statement) (int64, error) {
	if !s.Reads() {
		return conn.Exec(ctx, s.Query, s.Args...)
	}
	rows, err := conn.Query(ctx, s.Query, s.Args...)
	if err != nil {
		return 0, err
	}
	var n int64
	err = EachRow(rows, func(Rows) error { n++; return nil })
	return n, err
}

// Reads tells whether the statement is a SELECT.
func (s Statement) Reads() bool { return strings.HasPrefix(strings.TrimSpace(s.Query), "SELECT") }

// EachRow hands rows to fn, one at a time, and closes them.
func EachRow(rows Rows, fn func(Rows) error) error {
	for rows.Next() {
		if err := fn(rows); err != nil {
			return closing(rows, err)
		}
	}
	return closing(rows, rows.Err())
}

// Rows are answered one by one; nothing is read ahead without bound.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// Driver is one database. It is safe for concurrent use, does not retry single
// statements, and gives up on the context's end.
type Driver interface {
	Conn
	Dialect() Dialect
	// Tx runs fn in a transaction; see Store.Tx for its promises.
	Tx(ctx context.Context, durability Durability, fn func(Conn) error) error
	// Migrate brings the schema to the given version under a lock that other
	// processes wait for; -1 is the newest.
	Migrate(ctx context.Context, version int) error
	// Version returns the schema's version and the newest known.
	Version(ctx context.Context) (have, newest int, err error)
	Close() error
}
