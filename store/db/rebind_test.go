package db

import (
	"fmt"
	"sync"
	"testing"
)

// TestReboundIsBounded asks for more queries than are remembered, from several
// goroutines: each gets its own.
func TestReboundIsBounded(t *testing.T) {
	t.Parallel()
	r := &rebound{}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range reboundMax + 100 {
				want := fmt.Sprintf("SELECT %d WHERE a < dreamlab_now()", i)
				if got := r.in(Postgres, fmt.Sprintf("SELECT %d WHERE a < {now}", i)); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
	all.Wait()
	if len(r.known) > reboundMax {
		t.Errorf("%d queries are remembered", len(r.known))
	}
}
