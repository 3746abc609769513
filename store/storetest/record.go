package storetest

import (
	"context"
	"iter"
	"maps"
	"sync"

	"dreamlab/store/db"
)

// asked holds each text that the tests of this program sent to PostgreSQL, with
// the arguments of its first time.
var asked statements

type statements struct {
	mu    sync.Mutex
	first map[string][]any
}

func (s *statements) note(query string, args []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		s.first = map[string][]any{}
	}
	if _, known := s.first[query]; !known {
		s.first[query] = args
	}
}

func (s *statements) all() map[string][]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.first)
}

// Bare returns the connection behind one that notes its statements: what a test
// asks by itself is none of the product's.
func Bare(conn db.Conn) db.Conn {
	switch c := conn.(type) {
	case recorder:
		return c.Driver
	case recording:
		return c.Conn
	}
	return conn
}

// recorder is a driver that notes its statements.
type recorder struct{ db.Driver }

func (r recorder) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return recording{r.Driver}.Exec(ctx, query, args...)
}

func (r recorder) Query(ctx context.Context, query string, args ...any) (db.Rows, error) {
	return recording{r.Driver}.Query(ctx, query, args...)
}

func (r recorder) Later(ctx context.Context, s db.Statement) error {
	return recording{r.Driver}.Later(ctx, s)
}

func (r recorder) Copy(
	ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error],
) (int64, error) {
	return recording{r.Driver}.Copy(ctx, table, columns, rows)
}

func (r recorder) Tx(ctx context.Context, durability db.Durability, fn func(db.Conn) error) error {
	return r.Driver.Tx(ctx, durability, func(conn db.Conn) error { return fn(recording{conn}) })
}

// recording is a connection that notes its statements.
type recording struct{ db.Conn }

func (r recording) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	asked.note(query, args)
	return r.Conn.Exec(ctx, query, args...)
}

func (r recording) Query(ctx context.Context, query string, args ...any) (db.Rows, error) {
	asked.note(query, args)
	return r.Conn.Query(ctx, query, args...)
}

func (r recording) Later(ctx context.Context, s db.Statement) error {
	asked.note(s.Query, s.Args)
	return r.Conn.Later(ctx, s)
}

// Copy is PostgreSQL's: both of its connections take rows in a stream.
func (r recording) Copy(
	ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error],
) (int64, error) {
	return r.Conn.(db.Copier).Copy(ctx, table, columns, rows)
}
