package store

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
	// Sure says that Each refuses nothing: the commit may go with the statement.
	Sure bool
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

// Rebind puts the portable parts of a query into a dialect's words:
//
//	{now}             the shared time, unix microseconds
//	{skip}            FOR UPDATE SKIP LOCKED where the database has it
//	{lock}            FOR UPDATE where the database has it
//	{lock jobs}       the same, of one table's rows
//	{rows $1: a text, b bigint}  a row source over a JSON array of objects given as text
//	{list $1}         a one-column subquery over a JSON array of strings given as text
//	{}                itself, the empty JSON object
func Rebind(dialect Dialect, query string) string {
	if !strings.Contains(query, "{") {
		return query
	}
	var out strings.Builder
	for {
		open := strings.IndexByte(query, '{')
		if open < 0 {
			out.WriteString(query)
			return out.String()
		}
		end := open + strings.IndexByte(query[open:], '}')
		out.WriteString(query[:open])
		out.WriteString(expand(dialect, query[open+1:end]))
		query = query[end+1:]
	}
}

// few is no limit, but has PostgreSQL count on few rows, so that it looks each of
// them up in the table by its index. A plan is made once and kept, maybe while
// the table was empty: to go through all of it may have been cheaper then.
const few = "LIMIT (SELECT NULL::bigint)"

func expand(dialect Dialect, word string) string {
	verb, rest, _ := strings.Cut(word, " ")
	switch {
	case word == "":
		return "{}"
	case verb == "rows":
		source, columns, _ := strings.Cut(rest, ":")
		return rowSource(dialect, strings.TrimSpace(source), strings.Split(columns, ","))
	case verb == "list" && dialect == Postgres:
		return "SELECT value FROM json_array_elements_text((" + rest + "::text)::json) AS l(value) " + few
	case verb == "list":
		return "SELECT value FROM json_each(" + rest + ")"
	case verb == "now" && dialect == Postgres:
		return "dreamlab_now()"
	case verb == "now":
		return "(SELECT us FROM clock)"
	case verb == "skip" && dialect == Postgres:
		return "FOR UPDATE SKIP LOCKED"
	case word == "lock" && dialect == Postgres:
		return "FOR UPDATE"
	case verb == "lock" && dialect == Postgres:
		return "FOR UPDATE OF " + rest
	case verb == "skip", verb == "lock":
		return "" // SQLite has one writer
	}
	panic("unknown word {" + word + "} in a query")
}

func rowSource(dialect Dialect, source string, columns []string) string {
	if dialect == Postgres {
		return "(SELECT * FROM json_to_recordset((" + source + "::text)::json) AS x(" +
			strings.Join(columns, ",") + ") " + few + ") AS x"
	}
	picks := make([]string, len(columns))
	for i, column := range columns {
		name, _, _ := strings.Cut(strings.TrimSpace(column), " ")
		picks[i] = "json_extract(value, '$." + name + "') AS " + name
	}
	return "(SELECT " + strings.Join(picks, ", ") + " FROM json_each(" + source + ")) AS x"
}
