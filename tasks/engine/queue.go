package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/flight"
	"dreamlab/tasks"
)

// queue knows whether Redis takes writes.
type queue struct {
	redis redis.UniversalClient
	pings flight.Reads[struct{}, struct{}]
	heard atomic.Int64 // when Redis last answered, unix nanoseconds
}

// pingFreshFor skips the PING if Redis answered within the last 20 ms.
const pingFreshFor = 20 * time.Millisecond

// reachableLately is reachable without asking where it answered a moment ago.
func (q *queue) reachableLately(ctx context.Context) error {
	if time.Since(time.Unix(0, q.heard.Load())) < pingFreshFor {
		return nil
	}
	return q.reachable(ctx)
}

// probeFor is how long the probe of a queue is kept.
const probeFor = time.Minute

// Reachable tells whether the queue takes a write, within a second: a replica,
// and a server whose memory is full, answer and can not be used.
func (e *Engine) Reachable(ctx context.Context) error { return e.queue.reachable(ctx) }

func (q *queue) reachable(ctx context.Context) error {
	_, err := q.pings.Get(ctx, struct{}{}, func(ctx context.Context) (struct{}, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return struct{}{}, q.redis.Set(ctx, probeKey(tasks.Chat), 1, probeFor).Err()
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrQueueUnavailable, err)
	}
	q.heard.Store(time.Now().UnixNano())
	return nil
}

// tapped is the client that Asynq gets where we have a hand in the commands that it sends. It is
// one type for all uses: each that embeds the client has 600 methods, of 300 kB in the program.
type tapped struct {
	redis.UniversalClient
	evalSha func(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd
	sAdd    func(ctx context.Context, key string, members ...any) *redis.IntCmd
}

// EvalSha runs a script of Asynq's: it enqueues or dequeues.
func (t *tapped) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	return t.evalSha(ctx, sha, keys, args...)
}

// SAdd adds a queue to the set that asynqmon lists.
func (t *tapped) SAdd(ctx context.Context, key string, members ...any) *redis.IntCmd {
	return t.sAdd(ctx, key, members...)
}
