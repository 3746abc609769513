package main

import (
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// tally counts by name.
type tally struct {
	mu sync.Mutex
	of map[string]int
}

func newTally() *tally { return &tally{of: map[string]int{}} }

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of[name]++
}

// names returns the counted names, sorted.
func (t *tally) names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.of))
}

func (t *tally) get(name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[name]
}

// together runs n of a kind and returns the first error of any.
func together(n int, run func(i int) error) error {
	var all errgroup.Group
	for i := range n {
		all.Go(func() error { return run(i) })
	}
	return all.Wait()
}
