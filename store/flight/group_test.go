package flight

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/store/db"
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
			all.Go(func() {
				if err := g.Do(t.Context(), &counts[i]); err != nil {
					t.Error(err)
				}
			})
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

// TestGroupOfThoseWhoLeave holds that who waits for a commit to begin may go,
// and is not in it; who is in one learns what came of it.
func TestGroupOfThoseWhoLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ran []string
		g := NewGroup(1, func(_ context.Context, items []string) {
			ran = append(ran, items...)
			time.Sleep(time.Second)
		})
		var all sync.WaitGroup
		do := func(item string, want error) context.CancelFunc {
			ctx, cancel := context.WithCancel(t.Context())
			all.Go(func() {
				if err := g.Do(ctx, item); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", item, err, want)
				}
			})
			synctest.Wait()
			return cancel
		}
		leading := do("first", nil)
		waiting := do("gone", context.Canceled)
		stays := do("stays", nil)
		waiting()
		leading()
		all.Wait()
		stays()
		if want := []string{"first", "stays"}; !slices.Equal(ran, want) || g.leaders != 0 || len(g.waiting) != 0 {
			t.Errorf("ran %v, want %v; %d lead, %d wait", ran, want, g.leaders, len(g.waiting))
		}
	})
}

// TestGroupThatPanics tells all who were part of the commit.
func TestGroupThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(1, func(_ context.Context, items []int) {
			time.Sleep(time.Second)
			if items[0] > 0 {
				panic("no such column")
			}
		})
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				if err := g.Do(t.Context(), i); (err != nil) != (i > 0) {
					t.Errorf("item %d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if g.leaders != 0 {
			t.Errorf("%d still lead", g.leaders)
		}
	})
}

// TestSplit runs items one by one only where one of them can be the cause.
func TestSplit(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad item")
	for name, test := range map[string]struct {
		items  []int
		away   bool
		runs   int
		failed []int
	}{
		"all are good":         {[]int{1, 2, 3}, false, 1, nil},
		"one is bad":           {[]int{1, -2, 3}, false, 4, []int{-2}},
		"the only one is bad":  {[]int{-1}, false, 1, []int{-1}},
		"the database is away": {[]int{1, 2, 3}, true, 1, []int{1, 2, 3}},
	} {
		runs, failed := 0, []int(nil)
		Split(test.items, func(items []int) error {
			runs++
			if test.away {
				return db.ErrBusy
			}
			if slices.Min(items) < 0 {
				return bad
			}
			return nil
		}, func(item int, err error) {
			failed = append(failed, item)
			if test.away != errors.Is(err, db.ErrBusy) {
				t.Errorf("%s: %v", name, err)
			}
		})
		if runs != test.runs || !slices.Equal(failed, test.failed) {
			t.Errorf("%s: %d runs, %v failed; want %d, %v", name, runs, failed, test.runs, test.failed)
		}
	}
}
