package redis_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

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

// TestRatesOverMinutes has three processes ask for more than a key's 600 a minute, for three minutes: after the burst, each
// minute is granted as many, within 1 %.
func TestRatesOverMinutes(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	var processes []*redis.Rates
	for range 3 {
		client := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
		t.Cleanup(func() {
			if err := client.Close(); err != nil {
				t.Error(err)
			}
		})
		processes = append(processes, redis.NewRates(client))
	}
	bound := []rate.Rate{{Name: "requests:k", PerMinute: 600, Burst: 60, Cost: 1}}
	begin := time.Unix(1_700_000_000, 0)
	granted := make([]int, 3)
	for since := time.Duration(0); since < 3*time.Minute; since += 97 * time.Millisecond {
		server.SetTime(begin.Add(since))
		for _, rates := range processes {
			got, err := rates.Take(t.Context(), bound)
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Wait == 0 {
				granted[since/time.Minute]++
			}
		}
	}
	for minute, want := range []int{660, 600, 600} {
		if n := granted[minute]; n < want-6 || n > want+6 {
			t.Errorf("in minute %d %d were granted, want %d", minute+1, n, want)
		}
	}
}
