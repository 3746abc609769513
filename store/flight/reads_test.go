package flight_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/store/flight"
)

// TestReadsAreShared has many ask while one reads: they share one further read,
// which begins after they asked.
func TestReadsAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reads flight.Reads[string, int]
		version, made := 1, 0
		read := func(context.Context) (int, error) {
			made++
			seen := version
			time.Sleep(time.Second)
			return seen, nil
		}
		var all sync.WaitGroup
		ask := func(want int) {
			all.Go(func() {
				got, err := reads.Get(t.Context(), "a", read)
				if err != nil || got != want {
					t.Errorf("got %d, %v, want %d", got, err, want)
				}
			})
		}
		ask(1)
		synctest.Wait()
		version = 2 // after the first read began
		for range 20 {
			ask(2)
		}
		all.Wait()
		if made != 2 {
			t.Errorf("%d reads for 21 who asked", made)
		}
		ask(2)
		all.Wait()
		if made != 3 {
			t.Errorf("%d reads: an answer was kept", made)
		}
	})
}

// TestReadsShareErrors holds that an error is for all who waited for it, and that
// other things are read meanwhile.
func TestReadsShareErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reads flight.Reads[int, int]
		broken := errors.New("broken")
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				_, err := reads.Get(t.Context(), i%2, func(ctx context.Context) (int, error) {
					time.Sleep(time.Second)
					return 0, errors.Join(broken, ctx.Err())
				})
				if !errors.Is(err, broken) {
					t.Errorf("error %v", err)
				}
			})
			if i == 1 {
				synctest.Wait() // the first two are under way
			}
		}
		began := time.Now()
		all.Wait()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("two things, read twice each, took %s", took)
		}
	})
}

// TestReadsOfThoseWhoLeave has one who began a read, and one who waits for the
// next, give up at once: the others get their answers.
func TestReadsOfThoseWhoLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reads flight.Reads[string, int]
		read := func(ctx context.Context) (int, error) {
			time.Sleep(time.Second)
			return 7, ctx.Err()
		}
		leaving := func() context.CancelFunc {
			gone, cancel := context.WithCancel(t.Context())
			go func() {
				if _, err := reads.Get(gone, "a", read); !errors.Is(err, context.Canceled) {
					t.Errorf("who left got %v", err)
				}
			}()
			synctest.Wait()
			return cancel
		}
		for range 2 { // the first one makes the read, the second waits for the next
			cancel := leaving()
			defer cancel()
			began := time.Now()
			cancel()
			synctest.Wait()
			if time.Since(began) != 0 {
				t.Error("who left was not let go")
			}
		}
		if got, err := reads.Get(t.Context(), "a", read); err != nil || got != 7 {
			t.Errorf("got %d, %v", got, err)
		}
	})
}

// TestReadsThatPanic tells all who wait.
func TestReadsThatPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reads flight.Reads[string, int]
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				got, err := reads.Get(t.Context(), "a", func(context.Context) (int, error) {
					time.Sleep(time.Second)
					panic("no such column")
				})
				if err == nil || got != 0 {
					t.Errorf("got %d, %v", got, err)
				}
			})
		}
		all.Wait()
		got, err := reads.Get(t.Context(), "a", func(context.Context) (int, error) { return 1, nil })
		if err != nil || got != 1 {
			t.Errorf("afterwards: %d, %v", got, err)
		}
	})
}
