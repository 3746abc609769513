package redis_test

import (
	"testing"
	"time"

	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

// TestGone shares which models are gone, for a day.
func TestGone(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		gone, at := redis.NewGone(q.Client), time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
		must(t, gone.Report(deadline(t), "p/old", at))
		must(t, gone.Report(deadline(t), "p/old", at.Add(time.Hour)))
		must(t, gone.Report(deadline(t), "p/late", at.Add(20*time.Hour)))
		for after, want := range map[time.Duration]int{time.Hour: 2, 25 * time.Hour: 1, 45 * time.Hour: 0} {
			found, err := gone.Models(deadline(t), at.Add(after))
			if err != nil || len(found) != want {
				t.Errorf("after %s: %v, %v", after, found, err)
			}
		}
		if found, _ := gone.Models(deadline(t), at); !found["p/old"].Equal(at) {
			t.Errorf("the first report does not count: %v", found)
		}
	})
}
