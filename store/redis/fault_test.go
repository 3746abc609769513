package redis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"dreamlab/store/redis"
)

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
	if err := q.Client.Set(ctx, "k", "v", 0).Err(); !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
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
			err = q.Client.Set(ctx, "k", "v", 0).Err()
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
