package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"dreamlab/store/db"
)

// compiledMax bounds the statements that are kept: the store has a few hundred, and one that is put
// together anew each time must not fill the memory.
const compiledMax = 500

// runner is a connection or a pool of them.
type runner interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// compiled keeps the statements of a runner as SQLite has compiled them, which takes longer than
// to run most of them.
type compiled struct {
	on runner
	// one says that there is one connection only, where a statement whose rows are being read can
	// not be run again: that would start them anew.
	one bool

	mu    sync.Mutex
	known map[string]*statement
}

type statement struct {
	*sql.Stmt
	reading bool
}

func newCompiled(on runner, one bool) *compiled {
	return &compiled{on: on, one: one, known: map[string]*statement{}}
}

// Exec runs a statement and returns how many rows it changed.
func (c *compiled) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return 0, translate(err)
	}
	var result sql.Result
	if s == nil {
		result, err = c.on.ExecContext(ctx, query, args...)
	} else {
		defer c.give(s)
		result, err = s.ExecContext(ctx, args...)
	}
	if err != nil {
		return 0, translate(err)
	}
	return result.RowsAffected()
}

// Query runs a statement that has rows.
func (c *compiled) Query(ctx context.Context, query string, args ...any) (db.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, translate(err)
	}
	if s == nil {
		return wrapRows(c.on.QueryContext(ctx, query, args...))
	}
	rows, err := wrapRows(s.QueryContext(ctx, args...))
	if err != nil {
		c.give(s)
		return nil, err
	}
	return &heldRows{Rows: rows, release: func() { c.give(s) }}, nil
}

// take returns a statement to run and to give back; nil if the query is to be run as it is.
func (c *compiled) take(ctx context.Context, query string) (s *statement, err error) {
	s, wanted := c.find(query)
	if !wanted {
		return s, nil
	}
	// Not while locked: a pool may have to wait for a connection that is free.
	made, err := c.on.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s = &statement{Stmt: made, reading: true}
	if c.keep(query, s) {
		return s, nil
	}
	defer func() { err = made.Close() }() // another has kept the same meanwhile
	return nil, nil
}

// find returns the statement if it can be run now, and tells whether it is still to be compiled.
func (c *compiled) find(query string) (s *statement, wanted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, found := c.known[query]
	switch {
	case !found:
		return nil, len(c.known) < compiledMax
	case c.one && s.reading:
		return nil, false
	}
	s.reading = true
	return s, false
}

// keep returns false where another has kept the same meanwhile.
func (c *compiled) keep(query string, s *statement) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, found := c.known[query]; found {
		return false
	}
	c.known[query] = s
	return true
}

func (c *compiled) give(s *statement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.reading = false
}

// Close frees the statements.
func (c *compiled) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []error
	for _, s := range c.known {
		all = append(all, s.Close())
	}
	clear(c.known)
	return errors.Join(all...)
}
