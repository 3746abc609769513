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
	"maps"

	"dreamlab/store/batch"
	"dreamlab/store/book"
	"dreamlab/store/canary"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/retention"
)

// Store answers for what is kept. Its embedded Queries run each statement by
// itself; Tx runs several as one.
type Store struct {
	*Queries
	driver db.Driver
}

// Queries are the statements over one connection or transaction: those of keys
// and tenants, and those of every room.
type Queries struct {
	*db.Tx
	jobs
	books
	lessons
	batches
	canaries
	retentions
}

// The rooms' statements, under names that differ.
type (
	jobs       = job.Queries
	books      = book.Queries
	lessons    = learn.Queries
	batches    = batch.Queries
	canaries   = canary.Queries
	retentions = retention.Queries
)

// Book returns the statements over costs alone, for callers that need no others.
func (q *Queries) Book() *book.Queries { return &q.books }

// Learn returns the statements over what is learned alone, for callers that need no others.
func (q *Queries) Learn() *learn.Queries { return &q.lessons }

// on returns the statements over a transaction.
func on(tx *db.Tx) *Queries {
	return &Queries{tx, job.On(tx, nouns), book.On(tx), learn.On(tx), batch.On(tx), canaries{Tx: tx}, retentions{Tx: tx}}
}

// nouns are what jobs are made for, of every room.
var nouns = func() job.Nouns {
	all := learn.Nouns()
	maps.Copy(all, batch.Nouns())
	return all
}()

// Open puts a store in front of a driver and takes ownership of it.
func Open(driver db.Driver) *Store { return OpenSealed(driver, nil) }

// OpenSealed is Open of a store that seals what was said by the keys of a vault.
func OpenSealed(driver db.Driver, vault *db.Vault) *Store {
	return &Store{Queries: on(db.Direct(driver).Sealing(vault)), driver: driver}
}

// Close closes the driver.
func (s *Store) Close() error { return s.driver.Close() }

// Tx runs fn in one transaction and commits when it returns nil. Inside fn
// only the given Queries may be used: SQLite has one writer, and the Store's
// own would wait for it. The transaction is tried again, at most three times,
// when the database chose it as the victim of a deadlock or a serialization
// failure; fn must therefore not act on the outside.
func (s *Store) Tx(ctx context.Context, durability db.Durability, fn func(*Queries) error) error {
	return db.Transact(ctx, s.driver, s.Queries.Tx, durability, func(tx *db.Tx) error { return fn(on(tx)) })
}

// Learned is what a Finish writes: fn over the statements of every room.
func Learned(fn func(context.Context, *Queries) error) func(context.Context, *db.Tx) error {
	if fn == nil {
		return nil
	}
	return func(ctx context.Context, tx *db.Tx) error { return fn(ctx, on(tx)) }
}

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return s.One(ctx, `SELECT 1`, nil, &one)
}

// Writers is how many commits of one sort it pays to have under way: SQLite has
// one writer, and on PostgreSQL a few of them hide each other's waiting.
func (s *Store) Writers() int {
	if s.Dialect() == db.SQLite {
		return 1
	}
	return 3
}

// Dialect names the database behind.
func (s *Store) Dialect() db.Dialect { return s.driver.Dialect() }

// scrubber is a driver of a database that keeps what was deleted until it is told not to.
type scrubber interface {
	Scrub(ctx context.Context) error
}

// Scrub makes sure that what was deleted can not be read in the database's files any more, where
// that takes more than the deletion. PostgreSQL's own vacuum sees to it there.
func (s *Store) Scrub(ctx context.Context) error {
	if d, ok := s.driver.(scrubber); ok {
		return d.Scrub(ctx)
	}
	return nil
}

// Driver returns the driver, for what only one of them can do (listening,
// copying). Few callers need it.
func (s *Store) Driver() db.Driver { return s.driver }
