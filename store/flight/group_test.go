package flight

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
)

// TestGroupCommits has many callers share commits, of which a few are under way
// at once.
func TestGroupCommits(t *testing.T) {
	t.Parallel()
	for _, width := range []int{1, 3} {
		var calls, leading atomic.Int64
		g := NewGroup(width, func(_ context.Context, items []*int) {
			if n := leading.Add(1); n > int64(width) || len(items) > groupMax {
				t.Errorf("%d of %d lead at once, this one %d items", n, width, len(items))
			}
			calls.Add(1)
			for _, item := range items {
				*item++
			}
			leading.Add(-1)
		})
		const callers = 500
		counts := make([]int, callers)
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() { g.Do(context.Background(), &counts[i]) })
		}
		all.Wait()
		for i, n := range counts {
			if n != 1 {
				t.Errorf("item %d went through %d times", i, n)
			}
		}
		if calls.Load() > callers || g.leaders != 0 {
			t.Errorf("%d calls, and %d still lead", calls.Load(), g.leaders)
		}
	}
}
