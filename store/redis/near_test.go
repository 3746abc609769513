package redis_test

import (
	"fmt"
	"testing"

	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

// TestNear keeps questions by context, 1,000 of a tenant and no more, and drops those of jobs.
func TestNear(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		c := newCache(q, 1<<20)
		count := func(within string, want int) {
			t.Helper()
			if found, err := c.Near(deadline(t), within); err != nil || len(found) != want {
				t.Errorf("%s has %d questions, %v, want %d", within, len(found), err, want)
			}
		}
		keep := func(within, key, job string) {
			t.Helper()
			if err := c.PutNear(deadline(t), within, key, job, []byte{0, 1, 255}); err != nil {
				t.Fatal(err)
			}
		}
		keep("ten_a:c1", "ten_a:k1", "job_1")
		keep("ten_a:c1", "ten_a:k1", "job_1")
		keep("ten_a:c1", "ten_a:k2", "job_2")
		keep("ten_b:c1", "ten_b:k1", "job_3")
		found, err := c.Near(deadline(t), "ten_a:c1")
		if err != nil || found["ten_a:k1"] != "\x00\x01\xff" {
			t.Errorf("kept %q, %v", found, err)
		}
		if err := c.Drop(deadline(t), []string{"job_1", "job_none"}); err != nil {
			t.Error(err)
		}
		count("ten_a:c1", 1)
		count("ten_b:c1", 1)
		for i := range 1000 {
			keep("ten_a:c2", fmt.Sprintf("ten_a:x%d", i), fmt.Sprintf("job_x%d", i))
		}
		count("ten_a:c1", 0)
		count("ten_a:c2", 1000)
		count("ten_b:c1", 1)
	})
}
