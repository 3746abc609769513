package providers

import (
	"context"
	"time"
)

// How long the router waits between tries. A longer wait is the queue's
// business: a slot is not held for it.
const (
	backoffFirst = 500 * time.Millisecond
	backoffMost  = 8 * time.Second
	patience     = 15 * time.Second
)

// backoff returns how long to leave a target alone after its nth failure in
// this call: full jitter on a doubling bound
// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/),
// and never less than the vendor asked for.
func backoff(nth int, asked time.Duration, random func() float64) time.Duration {
	bound := min(backoffFirst<<min(nth-1, 10), backoffMost)
	if asked > 0 {
		bound = min(bound, max(asked/4, 10*time.Millisecond))
	}
	return asked + time.Duration(random()*float64(bound))
}

// sleep waits, or returns the context's cause.
func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
