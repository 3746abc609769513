package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	queue "dreamlab/store/redis"
)

const (
	slots   = 16384 // https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
	masters = 3
)

// node is one of several Redis servers, reached by TCP.
type node struct {
	port   string
	server io.Closer
}

func (n node) addr() string { return "127.0.0.1:" + n.port }

// startNode starts a server at a free port.
func startNode(t testing.TB, args ...string) node {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		Require(t, "redis", err)
	}
	dir, err := os.MkdirTemp("", "dreamlab-redis")
	if err != nil {
		t.Fatal(err)
	}
	n := node{port: freePort(t)}
	if len(args) > 0 && args[0] == "--sentinel" { // it writes into its own configuration
		path := filepath.Join(dir, "sentinel.conf")
		if err := os.WriteFile(path, []byte(strings.Join(args[1:], "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		args = []string{path, "--sentinel"}
	}
	args = append(args, "--port", n.port, "--bind", "127.0.0.1", "--dir", dir)
	n.server, err = outlive(dir, nil, program, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.server.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
	n.await(t, dir, func(ctx context.Context, c *redis.Client) error { return c.Ping(ctx).Err() })
	return n
}

// await asks a node until it answers as wanted.
func (n node) await(t testing.TB, dir string, ask func(context.Context, *redis.Client) error) {
	t.Helper()
	err := await(dir, func(ctx context.Context) error {
		conn, err := net.Dial("tcp", n.addr())
		if err != nil {
			return err // asking earlier makes the client complain aloud
		}
		client := redis.NewClient(&redis.Options{Addr: n.addr(), MaxRetries: -1})
		return errors.Join(conn.Close(), ask(ctx, client), client.Close())
	})
	if err != nil {
		t.Fatalf("start Redis: %v", err)
	}
}

func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// RedisCluster returns the URL of a private cluster of three masters. It ends
// with the test.
func RedisCluster(t testing.TB) string {
	t.Helper()
	nodes := make([]node, masters)
	buses := make([]string, masters)
	for i := range nodes {
		buses[i] = freePort(t)
		nodes[i] = startNode(t, "--cluster-enabled", "yes", "--cluster-port", buses[i], "--save", "")
	}
	for i, n := range nodes {
		first, last := i*slots/masters, (i+1)*slots/masters-1
		n.await(t, os.TempDir(), func(ctx context.Context, c *redis.Client) error {
			return errors.Join(
				c.Do(ctx, "cluster", "set-config-epoch", i+1).Err(),
				c.ClusterAddSlotsRange(ctx, first, last).Err(),
				c.Do(ctx, "cluster", "meet", "127.0.0.1", nodes[0].port, buses[0]).Err(),
			)
		})
	}
	for _, n := range nodes {
		n.await(t, os.TempDir(), knowsAll)
	}
	return "redis+cluster://" + nodes[0].addr()
}

// knowsAll tells whether a node has met the others and can serve every key.
func knowsAll(ctx context.Context, c *redis.Client) error {
	info, err := c.ClusterInfo(ctx).Result()
	if err != nil {
		return err
	}
	for _, want := range []string{"cluster_state:ok", fmt.Sprintf("cluster_size:%d", masters)} {
		if !strings.Contains(info, want) {
			return fmt.Errorf("a cluster that is not whole: %s", info)
		}
	}
	return nil
}

// RedisSentinel returns the URL of a private master with a replica and one
// sentinel, and what takes the master away. All end with the test.
func RedisSentinel(t testing.TB) (url string, failover func()) {
	t.Helper()
	master := startNode(t, "--save", "")
	replica := startNode(t, "--save", "", "--replicaof", "127.0.0.1", master.port)
	replica.await(t, os.TempDir(), func(ctx context.Context, c *redis.Client) error {
		info, err := c.Info(ctx, "replication").Result()
		if err == nil && !strings.Contains(info, "master_link_status:up") {
			err = errors.New("the replica has not caught up")
		}
		return err
	})
	sentinel := startNode(t, "--sentinel",
		"sentinel monitor main 127.0.0.1 "+master.port+" 1",
		"sentinel down-after-milliseconds main 500",
		"sentinel failover-timeout main 3000")
	sentinel.await(t, os.TempDir(), func(ctx context.Context, c *redis.Client) error {
		replicas, err := c.Do(ctx, "sentinel", "replicas", "main").Slice()
		if err == nil && len(replicas) == 0 {
			err = errors.New("the sentinel has not found the replica")
		}
		return err
	})
	return "redis+sentinel://" + sentinel.addr() + "/0?master_name=main", func() {
		if err := master.server.Close(); err != nil {
			t.Error(err)
		}
	}
}

// ClusterQueue returns a queue on a private cluster.
func ClusterQueue(t testing.TB) *queue.Queue {
	t.Helper()
	return openQueue(t, RedisCluster(t))
}

// SentinelQueue returns a queue behind a sentinel, and what takes its master away.
func SentinelQueue(t testing.TB) (q *queue.Queue, failover func()) {
	t.Helper()
	url, failover := RedisSentinel(t)
	return openQueue(t, url), failover
}
