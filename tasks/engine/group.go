package engine

import (
	"context"
	"sync"
	"time"
)

const (
	groupMax  = 128              // items that share a commit
	groupTime = 30 * time.Second // what one commit may take
)

// group lets concurrent callers share a commit: the first one leads, and takes
// along whoever came while the one before was committing. Who is alone waits
// for nobody.
type group[T any] struct {
	run func(ctx context.Context, items []T)

	mu      sync.Mutex
	waiting []*member[T]
	led     bool
}

type member[T any] struct {
	item T
	turn chan bool // true: lead; false: done
}

func newGroup[T any](run func(ctx context.Context, items []T)) *group[T] {
	return &group[T]{run: run}
}

// do returns when the item went through run, in this goroutine or in another's.
// The commit outlives the context of the one who happens to lead it.
func (g *group[T]) do(ctx context.Context, item T) {
	m := &member[T]{item: item, turn: make(chan bool, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, m)
	lead := !g.led
	g.led = true
	g.mu.Unlock()
	if lead || <-m.turn {
		g.lead(ctx)
	}
}

func (g *group[T]) lead(ctx context.Context) {
	g.mu.Lock()
	n := min(len(g.waiting), groupMax)
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	g.mu.Unlock()
	defer g.next(batch)

	items := make([]T, n)
	for i, m := range batch {
		items[i] = m.item
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), groupTime)
	defer cancel()
	g.run(ctx, items)
}

// next hands the lead on and lets go of those who were taken along; the leader
// is the first of its batch.
func (g *group[T]) next(batch []*member[T]) {
	g.mu.Lock()
	g.led = len(g.waiting) > 0
	if g.led {
		g.waiting[0].turn <- true
	}
	g.mu.Unlock()
	for _, m := range batch[1:] {
		m.turn <- false
	}
}
