package redis_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

func newCache(q *redis.Queue, most int64) *redis.Cache {
	return redis.NewCache(q.Client, redis.CacheOptions{TTL: time.Hour, MaxBytes: most})
}

func put(t *testing.T, c *redis.Cache, key, job, value string, want bool) {
	t.Helper()
	stored, err := c.Put(deadline(t), key, job, []byte(value))
	if err != nil || stored != want {
		t.Errorf("put %s: %v, %v, want %v", key, stored, err, want)
	}
}

func holds(t *testing.T, c *redis.Cache, key, want string) {
	t.Helper()
	value, err := c.Get(deadline(t), key)
	if want == "" && !errors.Is(err, db.ErrNotFound) || want != "" && (err != nil || string(value) != want) {
		t.Errorf("%s holds %.20q, %v, want %.20q", key, value, err, want)
	}
}

// TestCacheBounds fills a cache: the oldest answers make room, and what is too large for
// it is not stored.
func TestCacheBounds(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		c := newCache(q, 4000)
		value := strings.Repeat("x", 998)
		for i := range 6 {
			key := fmt.Sprintf("k%d", i)
			put(t, c, key, "job_"+key, value, true)
		}
		kept := 0
		for i := range 6 {
			if _, err := c.Get(deadline(t), fmt.Sprintf("k%d", i)); err == nil {
				kept++
			}
		}
		if bytes := q.Client.Get(deadline(t), "dreamlab:{cache}:bytes").Val(); kept != 4 || bytes != "4000" {
			t.Errorf("%d answers of %s bytes are kept, want 4 of 4000", kept, bytes)
		}
		holds(t, c, "k5", value)
		put(t, c, "k5", "job_k5", "short", true) // in its own place
		if bytes := q.Client.Get(deadline(t), "dreamlab:{cache}:bytes").Val(); bytes != "3007" {
			t.Errorf("%s bytes, want 3007", bytes)
		}
		put(t, c, "large", "job_large", strings.Repeat("x", 4001), false)
		put(t, newCache(q, 1<<30), "larger", "job_larger", strings.Repeat("x", 1<<20+1), false)
		holds(t, c, "large", "")
		keys, err := q.Client.Keys(deadline(t), "dreamlab:{cache}:*").Result()
		must(t, err)
		for _, key := range keys {
			if left := q.Client.PTTL(deadline(t), key).Val(); left <= 0 || left > time.Hour {
				t.Errorf("%s is kept for %v", key, left)
			}
		}
	})
}

// TestCacheDrop removes what jobs answered, and no more.
func TestCacheDrop(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		c := newCache(q, 1<<20)
		put(t, c, "a", "job_a", "A", true)
		put(t, c, "b", "job_b", "B", true)
		must(t, c.Drop(deadline(t), []string{"job_a", "job_unknown"}))
		must(t, c.Drop(deadline(t), nil))
		holds(t, c, "a", "")
		holds(t, c, "b", "B")
		if bytes := q.Client.Get(deadline(t), "dreamlab:{cache}:bytes").Val(); bytes != "2" {
			t.Errorf("%s bytes, want 2", bytes)
		}
	})
}

// TestCacheLease has two processes ask for one answer.
func TestCacheLease(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		c := newCache(q, 1<<20)
		lead := func(who, value string, want bool) {
			t.Helper()
			got, leads, err := c.Lead(deadline(t), "k", who)
			if err != nil || leads != want || string(got) != value {
				t.Errorf("%s: %q, %v, %v, want %q, %v", who, got, leads, err, value, want)
			}
		}
		lead("one", "", true)
		lead("two", "", false)
		must(t, c.Renew(deadline(t), "k", "one"))
		must(t, c.Renew(deadline(t), "k", "two"))
		must(t, c.Release(deadline(t), "k", "two")) // it is not two's
		lead("two", "", false)
		must(t, c.Release(deadline(t), "k", "one"))
		lead("two", "", true)
		put(t, c, "k", "job_k", "V", true)
		lead("one", "V", false)
		if left := q.Client.PTTL(deadline(t), "dreamlab:{cache}:lease:k").Val(); left <= 0 || left > redis.CacheLease {
			t.Errorf("the lease holds for %v", left)
		}
	})
}
