package storetest

import (
	"context"

	"dreamlab/store"
	"dreamlab/store/db"
)

// Fault is a driver that goes wrong as it is told. Its functions may be nil, and
// are called by many at once.
type Fault struct {
	db.Driver
	// Before is asked before each statement; its error stands for an answer.
	Before func(query string, args []any) error
	// After is asked when a transaction was committed; its error takes the place of
	// the answer, as when a connection breaks in between.
	After func(db.Durability) error
}

// Faulty puts a fault between a store and its queries. The store's owner goes on
// owning its driver.
func Faulty(s *store.Store, fault *Fault) *store.Store {
	fault.Driver = s.Driver()
	return store.Open(fault)
}

// Exec runs a statement unless it is to fail.
func (f *Fault) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return faultyConn{f.Driver, f}.Exec(ctx, query, args...)
}

// Query runs a statement unless it is to fail.
func (f *Fault) Query(ctx context.Context, query string, args ...any) (db.Rows, error) {
	return faultyConn{f.Driver, f}.Query(ctx, query, args...)
}

// Later runs a statement unless it is to fail.
func (f *Fault) Later(ctx context.Context, s db.Statement) error {
	return faultyConn{f.Driver, f}.Later(ctx, s)
}

// Tx runs a transaction, and loses its answer where that is asked for.
func (f *Fault) Tx(ctx context.Context, durability db.Durability, fn func(db.Conn) error) error {
	err := f.Driver.Tx(ctx, durability, func(conn db.Conn) error { return fn(faultyConn{conn, f}) })
	if err == nil && f.After != nil {
		return f.After(durability)
	}
	return err
}

type faultyConn struct {
	db.Conn
	fault *Fault
}

func (c faultyConn) before(query string, args []any) error {
	if c.fault.Before == nil {
		return nil
	}
	return c.fault.Before(query, args)
}

// Exec runs a statement unless it is to fail.
func (c faultyConn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := c.before(query, args); err != nil {
		return 0, err
	}
	return c.Conn.Exec(ctx, query, args...)
}

// Query runs a statement unless it is to fail.
func (c faultyConn) Query(ctx context.Context, query string, args ...any) (db.Rows, error) {
	if err := c.before(query, args); err != nil {
		return nil, err
	}
	return c.Conn.Query(ctx, query, args...)
}

// Later runs a statement unless it is to fail.
func (c faultyConn) Later(ctx context.Context, s db.Statement) error {
	if err := c.before(s.Query, s.Args); err != nil {
		return err
	}
	return c.Conn.Later(ctx, s)
}
