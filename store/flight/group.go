// Package flight has callers who come at the same time share what one of them
// does: a commit ([Group]), an answer ([Reads]).
package flight

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// GroupTime is what one commit of a Group may take.
const GroupTime = 30 * time.Second

// groupMax is how many items may share a commit.
const groupMax = 256

// Group lets concurrent callers share a commit: up to width of them lead, and
// each takes along whoever came while all others were committing. Who is alone
// waits for nobody.
type Group[T any] struct {
	width int
	run   func(ctx context.Context, items []T)

	mu      sync.Mutex
	waiting []*member[T] // empty unless width of them lead
	leaders int
}

type member[T any] struct {
	item T
	turn chan []*member[T] // those to lead, itself the first; nil: done
}

// NewGroup returns a group of which so many may lead at once. Run is given one
// item of each caller, and says in the items how it went.
func NewGroup[T any](width int, run func(ctx context.Context, items []T)) *Group[T] {
	return &Group[T]{width: width, run: run}
}

// Do returns when the item went through run, in this goroutine or in another's.
// The commit outlives the context of the one who happens to lead it.
func (g *Group[T]) Do(ctx context.Context, item T) {
	m := &member[T]{item: item, turn: make(chan []*member[T], 1)}
	if g.leads(m) {
		g.lead(ctx, []*member[T]{m})
	} else if batch := <-m.turn; batch != nil {
		g.lead(ctx, batch)
	}
}

// leads tells whether a newcomer leads at once; else it is put on the list.
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

func (g *Group[T]) lead(ctx context.Context, batch []*member[T]) {
	runtime.Gosched() // those who are about to join come along
	g.mu.Lock()
	if n := min(len(g.waiting), groupMax-len(batch)); n > 0 {
		batch = append(batch, g.waiting[:n]...)
		g.waiting = g.waiting[n:]
	}
	g.mu.Unlock()
	defer g.next(batch[1:])
	items := make([]T, len(batch))
	for i, m := range batch {
		items[i] = m.item
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), GroupTime)
	defer cancel()
	g.run(ctx, items)
}

// next hands the lead on and lets go of those who were taken along.
func (g *Group[T]) next(done []*member[T]) {
	g.mu.Lock()
	if n := min(len(g.waiting), groupMax); n > 0 {
		batch := g.waiting[:n:n]
		g.waiting = g.waiting[n:]
		batch[0].turn <- batch
	} else {
		g.leaders--
	}
	g.mu.Unlock()
	for _, m := range done {
		m.turn <- nil
	}
}
