package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"dreamlab/cmd/internal/config"
	"dreamlab/store/redis"
)

// plainAsynq measures Asynq as it is: one server of 64 workers, tasks put in
// one by one from 64 clients.
func plainAsynq(c *config.Config, p plan) side {
	return func(ctx context.Context) (rate float64, err error) {
		queue, err := redis.Open(c.Redis)
		if err != nil {
			return 0, err
		}
		defer func() {
			err = errors.Join(err, queue.Client.FlushDB(context.WithoutCancel(ctx)).Err(), queue.Close())
		}()
		var left atomic.Int64
		left.Store(int64(p.jobs))
		done := make(chan struct{})
		server := asynq.NewServerFromRedisClient(queue.Client, asynq.Config{
			Concurrency: riverClients, TaskCheckInterval: time.Millisecond, LogLevel: asynq.FatalLevel,
		})
		work := asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
			if left.Add(-1) == 0 {
				close(done)
			}
			return nil
		})
		if err := server.Start(work); err != nil {
			return 0, err
		}
		defer server.Shutdown()
		client := asynq.NewClientFromRedisClient(queue.Client)
		began := time.Now()
		err = share(riverClients, p.jobs, 1, func(int) error {
			_, err := client.EnqueueContext(ctx, asynq.NewTask("noop", nil))
			return err
		})
		if err != nil {
			return 0, err
		}
		select {
		case <-done:
			return float64(p.jobs) / time.Since(began).Seconds(), nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
