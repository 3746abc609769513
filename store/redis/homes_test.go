package redis_test

import (
	"testing"
	"time"

	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

// TestHomes has two processes ask where something is at home.
func TestHomes(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		one, two := redis.NewHomes(q.Client, time.Hour), redis.NewHomes(q.Client, time.Hour)
		for i, step := range []struct {
			process *redis.Homes
			names   []string
			first   string
			want    string
		}{
			{one, []string{"a", "b"}, "a", "a"},
			{two, []string{"a", "b"}, "b", "a"}, // the other process has found it a home
			{two, []string{"b", "c"}, "c", "c"}, // its home is none of those any more
			{one, []string{"b", "c"}, "b", "c"},
		} {
			home, err := step.process.Home(deadline(t), "who", step.names, step.first)
			if err != nil || home != step.want {
				t.Errorf("step %d: %q, %v, want %q", i, home, err, step.want)
			}
		}
		if other, err := one.Home(deadline(t), "another", []string{"a", "b"}, "b"); other != "b" || err != nil {
			t.Errorf("another: %q, %v", other, err)
		}
		keys, err := q.Client.Keys(deadline(t), "dreamlab:{homes}:*").Result()
		if err != nil || len(keys) != 2 {
			t.Fatalf("keys %v, %v", keys, err)
		}
		for _, key := range keys {
			if left := q.Client.PTTL(deadline(t), key).Val(); left <= 0 || left > time.Hour {
				t.Errorf("%s is kept for %v", key, left)
			}
		}
	})
}
