package redis_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/store/rate"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

// TestRatesAreShared has three processes ask at once for more than the burst: it is
// granted once, and a rate that has enough gives nothing where another has too little.
func TestRatesAreShared(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, queue *redis.Queue) {
		asked := []rate.Rate{
			{Name: "requests:t", PerMinute: 1, Burst: 50, Cost: 1}, {Name: "tokens:t", PerMinute: 1, Burst: 1000, Cost: 1},
		}
		var granted atomic.Int64
		var all sync.WaitGroup
		for range 3 {
			rates := redis.NewRates(queue.Client)
			all.Go(func() {
				for range 40 {
					got, err := rates.Take(t.Context(), asked)
					if err != nil {
						t.Error(err)
						return
					}
					if got[0].Wait == 0 && got[1].Wait == 0 {
						granted.Add(1)
					}
				}
			})
		}
		all.Wait()
		if n := granted.Load(); n != 50 {
			t.Errorf("%d were granted, want 50", n)
		}
		asked[0].Cost, asked[1].Cost = 0, 0
		got, err := redis.NewRates(queue.Client).Take(t.Context(), asked)
		if err != nil || got[0].Remaining != 0 || got[1].Remaining != 950 {
			t.Errorf("left are %+v, %v", got, err)
		}
		asked[0].Cost = 1
		got, err = redis.NewRates(queue.Client).Take(t.Context(), asked)
		if err != nil || got[0].Wait <= 50*time.Second || got[0].Wait > time.Minute {
			t.Errorf("the wait is %+v, %v", got, err)
		}
	})
}
