package redis

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

func presenceKey(lane, job string) string { return "dreamlab:{" + lane + "}:here:" + job }

// Arrive notes for all processes that a client resumed a job's reply. What a
// process that dies has noted ends with the reply.
func (r *Reader) Arrive(ctx context.Context, job string) error {
	return r.count(ctx, job, 1)
}

// Leave takes back what Arrive noted.
func (r *Reader) Leave(ctx context.Context, job string) error {
	return r.count(ctx, job, -1)
}

func (r *Reader) count(ctx context.Context, job string, by int64) error {
	key := presenceKey(r.lane, job)
	pipe := r.redis.Pipeline()
	pipe.IncrBy(ctx, key, by)
	pipe.Expire(ctx, key, keep)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("note who follows %s: %w", job, err)
	}
	return nil
}

// Present tells whether a client that resumed a job's reply is there.
func (r *Reader) Present(ctx context.Context, job string) (bool, error) {
	n, err := r.redis.Get(ctx, presenceKey(r.lane, job)).Int()
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, fmt.Errorf("ask who follows %s: %w", job, err)
	}
	return n > 0, nil
}
