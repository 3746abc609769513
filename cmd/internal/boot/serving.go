package boot

import (
	"context"
	"errors"

	"dreamlab/cmd/internal/config"
	"dreamlab/cmd/internal/status"
	"dreamlab/store/redis"
)

// FindServing asks the queue which workers serve which lane. An embedded queue is
// known to its own process alone.
func FindServing(ctx context.Context, c *config.Config) (all []status.Serving, err error) {
	if c.Redis == "" {
		return nil, nil
	}
	queue, err := redis.Open(c.Redis)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, queue.Close()) }()
	return status.Find(ctx, queue.Client)
}

// standing tells the pages how a process and those beside it stand.
type standing struct{ *Stack }

// Work returns the work of all tenants, and all workers.
func (s standing) Work(ctx context.Context) (*status.Work, error) {
	w, err := status.Look(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	w.AddIdle(status.Find(ctx, s.Queue.Client))
	return w, nil
}

// Examine returns the settings of this process, and tests all that they name.
func (s standing) Examine(ctx context.Context) (*status.Examination, error) {
	return Diagnose(ctx, s.Config)
}
