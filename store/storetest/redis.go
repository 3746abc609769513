package storetest

import (
	"context"
	"errors"
	"io"
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
	url, pipe, err := StartRedis()
	if errors.Is(err, exec.ErrNotFound) {
		Require(t, "redis", err)
	}
	if err != nil {
		t.Fatalf("start Redis: %v", err)
	}
	t.Cleanup(func() {
		if err := pipe.Close(); err != nil {
			t.Error(err)
		}
	})
	return url
}

// StartRedis starts a private Redis server for a program that is no test, and
// returns its URL. It ends when it is closed, or with the program.
func StartRedis() (url string, server io.Closer, err error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "dreamlab-redis")
	if err != nil {
		return "", nil, err
	}
	socket := filepath.Join(dir, "socket")
	pipe, err := outlive(dir, nil, program, "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "")
	if err != nil {
		return "", nil, err
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, MaxRetries: -1, DialerRetries: 1})
	up := await(dir, func(ctx context.Context) error {
		if _, err := os.Stat(socket); err != nil {
			return err // asking earlier makes the client complain aloud
		}
		return client.Ping(ctx).Err()
	})
	return "unix://" + socket, pipe, errors.Join(up, client.Close())
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
