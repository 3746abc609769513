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

// TestReadsShareErrors holds that one who gave up does not end the read of
// others, that an error is for all who waited for it, and that other things are
// read meanwhile.
func TestReadsShareErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reads flight.Reads[int, int]
		broken := errors.New("broken")
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				_, err := reads.Get(gone, i%2, func(ctx context.Context) (int, error) {
					time.Sleep(time.Second)
					return 0, errors.Join(broken, ctx.Err())
				})
				if !errors.Is(err, broken) || errors.Is(err, context.Canceled) {
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
