package redis_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deadline returns a context that only ends when the test fails.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenURLs(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"redis://localhost:6379/1":                                         "",
		"rediss://user:secret@localhost:6379":                              "",
		"unix:///tmp/socket?db=2":                                          "",
		"redis+sentinel://localhost:26379/0?master_name=main&addr=b:26379": "",
		"redis+cluster://localhost:7000?addr=localhost:7001":               "",
		"redis+ring://user:secret@localhost":                               "redis+cluster",
		"http://user:secret@localhost":                                     "use redis://",
		"redis://user:secret@localhost/x/y/z":                              "use redis://",
	} {
		q, err := redis.Open(url)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", url, err)
				continue
			}
			must(t, q.Close())
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestEmbeddedKeysExpire drives the ticker's clock.
func TestEmbeddedKeysExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, err := redis.Open("")
		must(t, err)
		ctx := t.Context()
		must(t, q.Client.Set(ctx, "k", "v", 3*time.Second).Err())
		time.Sleep(2500 * time.Millisecond)
		must(t, q.Client.Get(ctx, "k").Err())
		time.Sleep(2 * time.Second)
		if err := q.Client.Get(ctx, "k").Err(); !errors.Is(err, goredis.Nil) {
			t.Errorf("the key outlived its time: %v", err)
		}
		must(t, q.Close())
	})
}

// TestLongPipelines sends more in one pipeline than either end buffers.
func TestLongPipelines(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		ctx := deadline(t)
		pipe := q.Client.Pipeline()
		value := strings.Repeat("x", 10_000)
		for range 500 {
			pipe.Set(ctx, "k", value, 0)
			pipe.Get(ctx, "k")
		}
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCircuits(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		ctx := deadline(t)
		w := redis.NewCircuits(q.Client)
		now := time.Now()
		var all sync.WaitGroup
		for _, minutes := range []int{1, 5, 3, -2} {
			all.Go(func() {
				if err := w.SetNotBefore(ctx, "groq/x", now.Add(time.Duration(minutes)*time.Minute)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		must(t, w.SetNotBefore(ctx, "past", now.Add(-time.Second)))
		must(t, w.SetNotBefore(ctx, "far", now.Add(1000*time.Hour)))
		got, err := w.NotBefore(ctx, "groq/x", "past", "far", "unknown")
		must(t, err)
		if len(got) != 2 || got["groq/x"].Sub(now).Round(time.Second) != 5*time.Minute {
			t.Errorf("open are %v", got)
		}
		if far := got["far"].Sub(now); far > 25*time.Hour {
			t.Errorf("a report holds for %s", far)
		}
	})
}

// TestFollowed reports followed replies: what is not reported again ends with the
// server's clock.
func TestFollowed(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, q *redis.Queue) {
		ctx := deadline(t)
		r := redis.NewReader(q.Client, "chat")
		must(t, r.Following(ctx))
		must(t, r.Following(ctx, "job_1", "job_2"))
		absent, err := redis.NotFollowed(ctx, q.Client, "chat", []string{"job_1", "job_2", "job_3"})
		must(t, err)
		if len(absent) != 1 || absent[0] != "job_3" {
			t.Errorf("not followed: %v, want job_3", absent)
		}
		must(t, q.Client.ZIncrBy(ctx, "dreamlab:{chat}:followed", -60, "job_1").Err()) // its report is a minute old
		must(t, r.Following(ctx, "job_2"))
		absent, err = redis.NotFollowed(ctx, q.Client, "chat", []string{"job_1", "job_2"})
		must(t, err)
		if len(absent) != 1 || absent[0] != "job_1" {
			t.Errorf("not followed: %v, want job_1", absent)
		}
		if left := q.Client.TTL(ctx, "dreamlab:{chat}:followed").Val(); left <= 0 || left > time.Minute {
			t.Errorf("the reports are kept for %s", left)
		}
	})
}
