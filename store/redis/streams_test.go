package redis_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/rate"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

// TestStreamsAreShared has three processes open more than may be: as many as may are granted,
// one that finds a bound full is counted under none, and each that is closed makes room.
func TestStreamsAreShared(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, queue *redis.Queue) {
		narrow, wide := rate.Open{Name: "narrow", Most: 5}, rate.Open{Name: "wide", Most: 50}
		var granted atomic.Int64
		var all sync.WaitGroup
		for range 3 {
			streams := redis.NewStreams(queue.Client)
			all.Go(func() {
				for range 4 {
					full, err := streams.Open(t.Context(), db.NewID("str_"), []rate.Open{wide, narrow})
					if err != nil || full == 0 {
						t.Errorf("open: %d, %v", full, err)
					}
					if full < 0 {
						granted.Add(1)
					}
				}
			})
		}
		all.Wait()
		streams := redis.NewStreams(queue.Client)
		n, err := streams.Count(t.Context(), wide)
		if must(t, err); granted.Load() != 5 || n != 5 {
			t.Errorf("%d were granted and %d are counted, want 5", granted.Load(), n)
		}
		must(t, streams.Renew(t.Context(), "a", []rate.Open{narrow})) // counted, though there is no room
		must(t, streams.Close(t.Context(), "a", []rate.Open{narrow}))
		must(t, queue.Client.ZPopMin(t.Context(), "dreamlab:{streams}:narrow").Err())
		if full, err := streams.Open(t.Context(), "b", []rate.Open{narrow}); full >= 0 || err != nil {
			t.Errorf("after one was closed: %d, %v", full, err)
		}
	})
}

// TestStreamsOfTheDead leave the count when their lease is over; one that is renewed stays.
func TestStreamsOfTheDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		streams := redis.NewStreams(storetest.EmbeddedQueue(t).Client)
		bound := []rate.Open{{Name: "t", Most: 2}}
		for _, id := range []string{"dead", "alive"} {
			if full, err := streams.Open(t.Context(), id, bound); full >= 0 || err != nil {
				t.Fatal(full, err)
			}
		}
		time.Sleep(redis.StreamLease - time.Second)
		must(t, streams.Renew(t.Context(), "alive", bound))
		if full, err := streams.Open(t.Context(), "new", bound); full != 0 || err != nil {
			t.Errorf("while both count: %d, %v", full, err)
		}
		time.Sleep(2 * time.Second)
		if n, err := streams.Count(t.Context(), bound[0]); n != 1 || err != nil {
			t.Errorf("%d are counted, %v", n, err)
		}
		if full, err := streams.Open(t.Context(), "new", bound); full >= 0 || err != nil {
			t.Errorf("after one died: %d, %v", full, err)
		}
	})
}
