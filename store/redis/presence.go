package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// presentFor is how long a job counts as followed that no process reports any
// more: four reports.
const presentFor = 20 * time.Second

// resumedKey counts the clients that resumed a job's reply. followedKey is a sorted
// set of the jobs that processes follow, by the time until which that holds.
func resumedKey(lane, job string) string { return "dreamlab:{" + lane + "}:here:" + job }
func followedKey(lane string) string     { return "dreamlab:{" + lane + "}:followed" }

// reportFollowed adds jobs to the set and removes those that are not reported any
// more, by the server's clock.
var reportFollowed = redis.NewScript(`
local now = tonumber(redis.call("TIME")[1])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now)
for i = 2, #ARGV do
	redis.call("ZADD", KEYS[1], now + tonumber(ARGV[1]), ARGV[i])
end
redis.call("EXPIRE", KEYS[1], ARGV[1])
return 1`)

// maxReported bounds the jobs that one script reports.
const maxReported = 1000

// Following reports for all processes that clients follow the replies of these jobs
// here. It holds for 20 seconds.
func (r *Reader) Following(ctx context.Context, jobs ...string) error {
	for len(jobs) > 0 {
		some := jobs[:min(len(jobs), maxReported)]
		jobs = jobs[len(some):]
		args := []any{int(presentFor / time.Second)}
		for _, job := range some {
			args = append(args, job)
		}
		if err := reportFollowed.Run(ctx, r.redis, []string{followedKey(r.lane)}, args...).Err(); err != nil {
			return fmt.Errorf("report which replies are followed: %w", err)
		}
	}
	return nil
}

// NotFollowed returns those of a lane's jobs whose reply no process reports to
// follow.
func NotFollowed(ctx context.Context, client redis.UniversalClient, lane string, jobs []string) ([]string, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	pipe := client.Pipeline()
	scores := make([]*redis.FloatCmd, len(jobs))
	for i, job := range jobs {
		scores[i] = pipe.ZScore(ctx, followedKey(lane), job)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("ask which replies are followed: %w", err)
	}
	var absent []string
	for i, job := range jobs {
		if errors.Is(scores[i].Err(), redis.Nil) {
			absent = append(absent, job)
		}
	}
	return absent, nil
}

// Arrive counts, for all processes, a client that resumed a job's reply. What a
// process has counted that dies ends with the reply.
func (r *Reader) Arrive(ctx context.Context, job string) error {
	if err := r.count(ctx, job, 1); err != nil {
		return err
	}
	return r.Following(ctx, job)
}

// Leave takes back what Arrive counted.
func (r *Reader) Leave(ctx context.Context, job string) error {
	return r.count(ctx, job, -1)
}

func (r *Reader) count(ctx context.Context, job string, by int64) error {
	key := resumedKey(r.lane, job)
	pipe := r.redis.Pipeline()
	pipe.IncrBy(ctx, key, by)
	pipe.Expire(ctx, key, keep)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("count the clients that resumed %s: %w", job, err)
	}
	return nil
}

// Present tells whether a client that resumed a job's reply is there.
func (r *Reader) Present(ctx context.Context, job string) (bool, error) {
	n, err := r.redis.Get(ctx, resumedKey(r.lane, job)).Int()
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, fmt.Errorf("ask who follows %s: %w", job, err)
	}
	return n > 0, nil
}
