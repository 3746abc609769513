// Package redis keeps what may vanish: the queue's connection, reply streams,
// and which vendors are not to be called. Losing all of it costs time and open
// streams, never a job or an answer; whatever must survive is in the database.
//
// It delivers no jobs: that is tasks/engine.
package redis

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Queue is a connection to Redis, or an embedded stand-in.
type Queue struct {
	Client redis.UniversalClient
	// Embedded tells that it lives in this process alone.
	Embedded bool

	server *miniredis.Miniredis
	stop   context.CancelFunc
	ticks  sync.WaitGroup
}

// Open connects to a Redis, or starts one in the process where the URL is
// empty. It sends nothing: a server that is away is found by its first user.
//
//	redis://[user:password@]host:6379/0             one server; rediss:// with TLS
//	unix:///path/to/socket?db=0                     one server
//	redis+sentinel://host:26379/0?master_name=main  its sentinels; further ones by &addr=host:port
//	redis+cluster://host:6379                       a cluster; further nodes by ?addr=host:port
//
// Further options are query parameters, by the names of go-redis
// (https://pkg.go.dev/github.com/redis/go-redis/v9#ParseURL).
func Open(url string) (*Queue, error) {
	if url == "" {
		return embed(), nil
	}
	client, err := connect(url)
	if err != nil {
		return nil, err
	}
	return &Queue{Client: client}, nil
}

// embed starts a Redis that is reached through memory: no port is opened. Its
// keys expire by a ticker, because it has no clock of its own.
func embed() *Queue {
	server := miniredis.NewMiniRedis()
	ctx, stop := context.WithCancel(context.Background())
	q := &Queue{Embedded: true, server: server, stop: stop}
	q.Client = redis.NewClient(&redis.Options{
		Addr: "embedded",
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			raw, err := server.Dial()
			if err != nil {
				return nil, err
			}
			return newMemoryConn(raw), nil
		},
		PoolSize:                 64,
		ContextTimeoutEnabled:    true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		DisableIdentity:          true,
	})
	q.ticks.Go(func() { age(ctx, server) })
	return q
}

// age lets time pass for the keys of an embedded Redis.
func age(ctx context.Context, server *miniredis.Miniredis) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			server.FastForward(now.Sub(last))
			last = now
		}
	}
}

// Close closes the connection, and an embedded Redis with all that is in it.
func (q *Queue) Close() error {
	err := q.Client.Close()
	if q.server != nil {
		q.stop()
		q.ticks.Wait()
		q.server.Close()
	}
	return err
}
