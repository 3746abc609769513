package redis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

// TestUnavailable has a server refuse what it can not do now.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	ctx := deadline(t)
	for name, c := range map[string]struct{ set, to, reset string }{
		"a full memory": {"maxmemory", "1", "0"},
		"no replicas":   {"min-replicas-to-write", "1", "0"},
	} {
		q := storetest.RedisQueue(t)
		must(t, q.ConfigSet(ctx, c.set, c.to).Err())
		if err := q.Set(ctx, "k", "v", 0).Err(); !redis.Unavailable(err) {
			t.Errorf("%s: %v", name, err)
		}
		must(t, q.ConfigSet(ctx, c.set, c.reset).Err())
		must(t, q.Set(ctx, "k", "v", 0).Err())
	}
	q := storetest.RedisQueue(t)
	must(t, q.SlaveOf(ctx, "127.0.0.1", "1").Err())
	if err := q.Set(ctx, "k", "v", 0).Err(); !redis.Unavailable(err) {
		t.Errorf("a replica: %v", err)
	}
	for _, err := range []error{nil, goredis.Nil, context.Canceled, errors.New("READONLY, says somebody else")} {
		if redis.Unavailable(err) {
			t.Errorf("%v is taken for the server's", err)
		}
	}
}

// TestHangingServer ends a command with its context, though the server says nothing.
func TestHangingServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	q, err := redis.Open("redis://" + listener.Addr().String())
	must(t, err)
	defer q.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := q.Set(ctx, "k", "v", 0).Err(); !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
		t.Errorf("got %v", err)
	}
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// TestErrorsShowNothingOfTheURL splits passwords at characters that should have
// been escaped: their parts become hosts and numbers.
func TestErrorsShowNothingOfTheURL(t *testing.T) {
	t.Parallel()
	ctx := deadline(t)
	for _, url := range []string{
		"redis://app:12#s3cretB@127.0.0.1:1", "redis://:s3cretA/s3cretB@127.0.0.1:1", "redis://:s3cretA@s3cretB.invalid",
		"redis://:s3cretA?s3cretB@127.0.0.1:1", "redis://:s3cretA%s3cretB@127.0.0.1:1", "redis://s3cretA.invalid:1/0",
		"rediss://:s3cretA@s3cretB.invalid:1/0", "redis+cluster://s3cretA.invalid:1", "unix:///s3cretA/s3cretB",
		"redis+sentinel://s3cretA.invalid:1/0?master_name=s3cretB", "redis://127.0.0.1:1/s3cretA", "s3cretA",
		"s3cretB://127.0.0.1:1",
	} {
		q, err := redis.Open(url)
		if err == nil {
			err = q.Set(ctx, "k", "v", 0).Err()
			must(t, q.Close())
		}
		if err == nil {
			t.Errorf("%s: it answered", url)
			continue
		}
		for _, part := range []string{"s3cret", "app", "127.0.0.1", "lookup"} {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
}
