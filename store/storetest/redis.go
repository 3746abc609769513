package storetest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"

	queue "dreamlab/store/redis"
)

// EmbeddedQueue returns an embedded queue of its own.
func EmbeddedQueue(t testing.TB) *queue.Queue {
	t.Helper()
	return openQueue(t, "")
}

// Redis returns the URL of a private Redis server, reached by a socket in its
// own folder. It ends with the test.
func Redis(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		Require(t, "redis", err)
	}
	dir, err := os.MkdirTemp("", "dreamlab-redis")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "socket")
	pipe, err := outlive(dir, nil, program, "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pipe.Close(); err != nil {
			t.Error(err)
		}
	})
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, MaxRetries: -1, DialerRetries: 1})
	up := await(dir, func(ctx context.Context) error {
		if _, err := os.Stat(socket); err != nil {
			return err // asking earlier makes the client complain aloud
		}
		return client.Ping(ctx).Err()
	})
	if err := errors.Join(up, client.Close()); err != nil {
		t.Fatalf("start Redis: %v", err)
	}
	return "unix://" + socket
}

// RedisQueue returns a queue on a private Redis server.
func RedisQueue(t testing.TB) *queue.Queue {
	t.Helper()
	return openQueue(t, Redis(t))
}

// EachQueue runs a test on every queue, in parallel: on the embedded one
// always, on Redis where it is installed (see Require).
func EachQueue(t *testing.T, run func(t *testing.T, q *queue.Queue)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		run(t, EmbeddedQueue(t))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		run(t, RedisQueue(t))
	})
}

func openQueue(t testing.TB, url string) *queue.Queue {
	t.Helper()
	q, err := queue.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return q
}
