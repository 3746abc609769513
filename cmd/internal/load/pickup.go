package load

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

const (
	pickupAll = 500
	idleFor   = 10 * time.Second
)

// pickup measures the time from the call of Accept to the handler's start, one job after the
// other, and the commands of an idle lane.
func pickup(ctx context.Context, r *rig) (figures []Figure, err error) {
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	started := make(chan time.Time, 1)
	ended := make(chan struct{}, 1)
	processes, err := idleWorker(r.stack, func(context.Context, *tasks.Run) (*tasks.End, error) {
		started <- time.Now()
		return &tasks.End{Then: func(context.Context) error { ended <- struct{}{}; return nil }}, nil
	})
	if err != nil {
		return nil, err
	}
	err = r.during(ctx, processes, func(ctx context.Context) error {
		took := make([]time.Duration, r.count(pickupAll))
		for i := range took {
			began := time.Now()
			if _, _, err := r.stack.Engine.Accept(ctx, job.NewJob{Tenant: "bench", Kind: string(noop)}, nil); err != nil {
				return err
			}
			took[i] = (<-started).Sub(began)
			<-ended
		}
		figures = []Figure{
			atMost("pickup", "p50", millis(quantile(took, 0.5)), "ms", 2),
			atMost("pickup", "p99", millis(quantile(took, 0.99)), "ms", 10),
		}
		waiting, err := r.waiting(ctx)
		figures = append(figures, waiting...)
		return err
	})
	return figures, err
}

// waiting counts the commands of an idle lane: each blocking pop is followed by one look into
// the queue. An embedded queue counts nothing.
func (r *rig) waiting(ctx context.Context) ([]Figure, error) {
	if r.stack.Queue.Embedded {
		return nil, nil
	}
	before, err := r.pops(ctx)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(idleFor)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	after, err := r.pops(ctx)
	cost := 2 * float64(after-before) / idleFor.Seconds()
	return []Figure{atMost("pickup", "commands of an idle lane", cost, "a second", 1)}, err
}

// pops reads how many blocking pops the server has seen
// (https://redis.io/docs/latest/commands/info/).
func (r *rig) pops(ctx context.Context) (int, error) {
	text, err := r.stack.Queue.Client.Info(ctx, "commandstats").Result()
	if err != nil {
		return 0, fmt.Errorf("read the queue's counters: %w", err)
	}
	_, rest, found := strings.Cut(text, "cmdstat_brpop:calls=")
	if !found {
		return 0, nil
	}
	calls, _, _ := strings.Cut(rest, ",")
	return strconv.Atoi(calls)
}
