// Package store is the room of what is kept: the nouns of Dream Lab (job,
// effect, entry, experience, dream, example, dataset, tune, model, route ...)
// and the queries that keep them.
//
// A [Store] stands in front: one set of queries, in SQL that PostgreSQL and
// SQLite both take. A small [Driver] stands behind it, one folder a database.
// What may vanish (reply streams, wake-ups, caches) is kept in redis/, files in
// blob/. Nothing here calls a model, decides what to run, or knows of HTTP.
//
// Times are held as unix microseconds in UTC and shown as time.Time; money is
// int64 nano-dollars; JSON is kept as text, because the bytes that were
// answered have to come back as they were (jsonb orders keys and refuses
// \u0000).
package store

import (
	"context"
	"errors"
	"fmt"
)

// Errors that callers tell apart.
var (
	// ErrNotFound means that the tenant has no such thing.
	ErrNotFound = errors.New("not found")
	// ErrConflict means that a uniqueness rule or a compare-and-set refused the write.
	ErrConflict = errors.New("conflict")
	// ErrRouteChanged means that a route is another than the caller saw: read it again.
	ErrRouteChanged = fmt.Errorf("the route was changed meanwhile: %w", ErrConflict)
	// ErrFenced means that the job is no longer held under this epoch: write nothing more.
	ErrFenced = errors.New("job is held by another epoch")
	// ErrBusy means that the database did not answer in time, or not at all; it may be tried again.
	ErrBusy = errors.New("database is busy")
	// ErrFull means that there is no room left for the write.
	ErrFull = errors.New("no space left for the database")
)

// Store answers for what is kept. Its embedded Queries run each statement by
// itself; Tx runs several as one.
type Store struct {
	*Queries
	driver Driver
}

// Queries are the statements over one connection or transaction.
type Queries struct {
	conn    Conn
	dialect Dialect
	// Of a transaction; nil for statements by themselves.
	books *books
	rows  *[]*together
}

// Open puts a store in front of a driver and takes ownership of it.
func Open(driver Driver) *Store {
	return &Store{Queries: &Queries{conn: driver, dialect: driver.Dialect()}, driver: driver}
}

// Close closes the driver.
func (s *Store) Close() error { return s.driver.Close() }

// Durability says what a commit waits for.
type Durability int

// The two kinds of commit.
const (
	// Synced commits survive a power cut: what stands behind a 202, an
	// answer, and what was made at a vendor.
	Synced Durability = iota
	// Relaxed commits may be lost in a power cut, never torn: dispatch, claim, heartbeat.
	Relaxed
)

// Tx runs fn in one transaction and commits when it returns nil. Inside fn
// only the given Queries may be used: SQLite has one writer, and the Store's
// own would wait for it. The transaction is tried again, at most three times,
// when the database chose it as the victim of a deadlock or a serialization
// failure; fn must therefore not act on the outside.
func (s *Store) Tx(ctx context.Context, durability Durability, fn func(*Queries) error) error {
	err := s.driver.Tx(ctx, durability, func(conn Conn) error {
		q := &Queries{conn: conn, dialect: s.dialect, books: &books{}, rows: &[]*together{}}
		if err := fn(q); err != nil {
			return err
		}
		if err := q.addAll(ctx); err != nil {
			return err
		}
		return q.closeBooks(ctx)
	})
	if err != nil {
		return fmt.Errorf("transaction: %w", err)
	}
	return nil
}

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return s.one(ctx, `SELECT 1`, nil, &one)
}

// Writers is how many commits of one sort it pays to have under way: SQLite has
// one writer, and on PostgreSQL a few of them hide each other's waiting.
func (s *Store) Writers() int {
	if s.dialect == SQLite {
		return 1
	}
	return 3
}

// Dialect names the database behind.
func (s *Store) Dialect() Dialect { return s.dialect }

// Driver returns the driver, for what only one of them can do (listening,
// copying). Few callers need it.
func (s *Store) Driver() Driver { return s.driver }
