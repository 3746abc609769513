// Package flight lets concurrent callers share one commit ([Group]) or one read ([Reads]).
package flight

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"dreamlab/store/db"
)

// GroupTime bounds one commit of a Group.
const GroupTime = 30 * time.Second

// groupMax is the number of items that may share a commit.
const groupMax = 256

// Group lets concurrent callers share a commit. Up to width commits run at once; callers that
// come while all of them are running are collected and go with the next one. A single caller
// does not wait.
type Group[T any] struct {
	width int
	run   func(ctx context.Context, items []T)

	mu      sync.Mutex
	waiting []*member[T] // empty unless width of them lead
	leaders int
}

type member[T any] struct {
	item T
	turn chan turn[T]
}

// turn ends a member's wait.
type turn[T any] struct {
	lead []*member[T] // those to lead, itself the first; nil: done
	err  error        // the run that it was part of broke down
}

// NewGroup returns a group that runs at most width commits at once. Run gets one item of each
// caller, and writes the results into the items.
func NewGroup[T any](width int, run func(ctx context.Context, items []T)) *Group[T] {
	return &Group[T]{width: width, run: run}
}

// Do returns after the item went through run, in this goroutine or in another. The commit does
// not end with the context of the caller whose goroutine runs it, and every caller in it waits
// for its result. An error means that the item may not have gone through: run panicked, or the
// context ended before the commit began.
func (g *Group[T]) Do(ctx context.Context, item T) error {
	m := &member[T]{item: item, turn: make(chan turn[T], 1)}
	if g.leads(m) {
		return g.lead(ctx, []*member[T]{m})
	}
	var its turn[T]
	select {
	case its = <-m.turn:
	case <-ctx.Done():
		if g.leaves(m) {
			return fmt.Errorf("wait for a commit to share: %w", context.Cause(ctx))
		}
		its = <-m.turn
	}
	if its.lead != nil {
		return g.lead(ctx, its.lead)
	}
	return its.err
}

// leads tells whether a new caller runs a commit at once; otherwise it is put on the list.
func (g *Group[T]) leads(m *member[T]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leaders < g.width {
		g.leaders++
		return true
	}
	g.waiting = append(g.waiting, m)
	return false
}

// leaves takes a member off the list, unless it is part of a commit by now.
func (g *Group[T]) leaves(m *member[T]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.Index(g.waiting, m)
	if at < 0 {
		return false
	}
	// A new list: batches that were taken off the old one still stand in it.
	g.waiting = slices.Concat(g.waiting[:at], g.waiting[at+1:])
	return true
}

func (g *Group[T]) lead(ctx context.Context, batch []*member[T]) (err error) {
	runtime.Gosched() // callers that are about to join are included
	g.mu.Lock()
	if n := min(len(g.waiting), groupMax-len(batch)); n > 0 {
		batch = append(batch, g.waiting[:n]...)
		g.waiting = g.waiting[n:]
	}
	g.mu.Unlock()
	defer func() { g.next(batch[1:], err) }()
	defer recovered(&err, "a shared commit")
	items := make([]T, len(batch))
	for i, m := range batch {
		items[i] = m.item
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), GroupTime)
	defer cancel()
	g.run(ctx, items)
	return nil
}

// next starts the next commit and releases the members of the one that ended.
func (g *Group[T]) next(done []*member[T], err error) {
	g.mu.Lock()
	if n := min(len(g.waiting), groupMax); n > 0 {
		batch := g.waiting[:n:n]
		g.waiting = g.waiting[n:]
		batch[0].turn <- turn[T]{lead: batch}
	} else {
		g.leaders--
	}
	g.mu.Unlock()
	for _, m := range done {
		m.turn <- turn[T]{err: err}
	}
}

// Split runs items together. Where that fails each is run by itself, so that a bad item does
// not fail the others. While the database is away (ErrBusy) no item can be the cause, so none
// is run by itself, which would only take longer. Failed is called with every item that was not
// run, and the error.
func Split[T any](items []T, run func([]T) error, failed func(T, error)) {
	err := run(items)
	alone := len(items) == 1 || errors.Is(err, db.ErrBusy)
	for i, item := range items {
		one := err
		if err != nil && !alone {
			one = run(items[i : i+1])
		}
		if one != nil {
			failed(item, one)
		}
	}
}

// recovered turns a panic into an error for the callers that wait.
func recovered(err *error, what string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s panicked: %v", what, p)
	}
}
