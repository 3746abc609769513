// Package db is how statements reach the database: a [Tx] over one connection
// or transaction, in SQL that PostgreSQL and SQLite both take (see [Rebind]), in
// front of a small [Driver]. Pages, ids, the shared clock and the schema's steps
// are here too.
//
// It is not for what the statements say: of jobs, money and what was learned the
// rooms beside it know.
package db

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
	// ErrFenced means that the job is no longer held under this epoch: write nothing more.
	ErrFenced = errors.New("job is held by another epoch")
	// ErrBusy means that the database did not answer in time, or not at all; it may be tried again.
	ErrBusy = errors.New("database is busy")
	// ErrFull means that there is no room left for the write.
	ErrFull = errors.New("no space left for the database")
)

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

// Tx runs statements over one connection or transaction.
type Tx struct {
	conn    Conn
	dialect Dialect
	known   *rebound
	secrets *secrets
	vault   *Vault // nil: nothing is sealed
	// Of a transaction; nil for statements by themselves.
	rows   *[]*Bulk
	before *[]kept
}

// Closing is what a room has gathered in a transaction and writes before its commit.
type Closing interface {
	Close(ctx context.Context, tx *Tx) error
}

type kept struct {
	key any
	Closing
}

// Direct returns a Tx whose statements each run by themselves.
func Direct(driver Driver) *Tx {
	return &Tx{conn: driver, dialect: driver.Dialect(), known: &rebound{}, secrets: &secrets{known: map[string]string{}}}
}

// Sealing has texts sealed by a vault; nil seals nothing. It is called before the first statement.
func (q *Tx) Sealing(v *Vault) *Tx {
	q.vault = v
	return q
}

// Transact runs fn in one transaction of a driver's and commits when it returns
// nil; direct is the Tx of that driver's statements by themselves. It is
// tried again, at most three times, when the database chose it as the victim of
// a deadlock or a serialization failure; fn must therefore not act on the outside.
func Transact(ctx context.Context, driver Driver, direct *Tx, durability Durability, fn func(*Tx) error) error {
	err := driver.Tx(ctx, durability, func(conn Conn) error {
		tx := &Tx{
			conn: conn, dialect: direct.dialect, known: direct.known, secrets: direct.secrets, vault: direct.vault,
			rows: &[]*Bulk{}, before: &[]kept{},
		}
		if err := fn(tx); err != nil {
			return err
		}
		return tx.close(ctx)
	})
	if err != nil {
		return fmt.Errorf("transaction: %w", err)
	}
	return nil
}

// close writes what was put off until the commit.
func (q *Tx) close(ctx context.Context) error {
	if err := q.addAll(ctx); err != nil {
		return err
	}
	for _, c := range *q.before {
		if err := c.Close(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// BeforeCommit returns what a room gathers under a key of its own in this
// transaction, made at the first call. Outside of a transaction there is none.
func (q *Tx) BeforeCommit(key any, made func() Closing) (Closing, bool) {
	if q.before == nil {
		return nil, false
	}
	for _, c := range *q.before {
		if c.key == key {
			return c.Closing, true
		}
	}
	c := kept{key, made()}
	*q.before = append(*q.before, c)
	return c.Closing, true
}

// Dialect names the database behind.
func (q *Tx) Dialect() Dialect { return q.dialect }
