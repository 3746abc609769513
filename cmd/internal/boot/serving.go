package boot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"dreamlab/cmd/internal/config"
	"dreamlab/store/redis"
)

// Serving is a worker process that takes work from a lane, as the queue knows it.
type Serving struct {
	Process string // host/pid: what a lease's owner begins with
	Lane    string
}

// servingPatience bounds the question whether the queue is there.
const servingPatience = 3 * time.Second

// FindServing asks the queue which workers serve which lane. An embedded queue is
// known to its own process alone.
func FindServing(ctx context.Context, c *config.Config) (all []Serving, err error) {
	if c.Redis == "" {
		return nil, nil
	}
	queue, err := redis.Open(c.Redis)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, queue.Close()) }()
	asking, cancel := context.WithTimeout(ctx, servingPatience)
	defer cancel()
	if err := queue.Client.Ping(asking).Err(); err != nil {
		return nil, fmt.Errorf("ask the queue for its workers: %w", err)
	}
	servers, err := asynq.NewInspectorFromRedisClient(queue.Client).Servers()
	if err != nil {
		return nil, fmt.Errorf("ask the queue for its workers: %w", err)
	}
	for _, s := range servers {
		for lane := range s.Queues {
			all = append(all, Serving{fmt.Sprintf("%s/%d", s.Host, s.PID), lane})
		}
	}
	return all, nil
}
