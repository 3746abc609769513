package providers

import (
	"context"
	"time"
)

// How long the router waits between tries, and how long its waits may be together:
// a longer one is the queue's business, or the client's, who is told of it.
const (
	backoffFirst = 500 * time.Millisecond
	backoffMost  = 8 * time.Second
	patience     = 15 * time.Second
)

// Jitter returns how long to wait before the nth try in a row: full jitter on a
// bound that doubles from first up to most
// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
// Random returns a number in [0, 1).
func Jitter(nth int, first, most time.Duration, random func() float64) time.Duration {
	bound := first << min(max(nth-1, 0), 20)
	if bound > most || bound <= 0 {
		bound = most
	}
	return time.Duration(random() * float64(bound))
}

// Sleep waits, or returns the cause of a context that ends before.
func Sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// backoff returns how long to leave a target alone after its nth failure in
// this call: never less than the vendor asked for.
func backoff(nth int, asked time.Duration, random func() float64) time.Duration {
	if asked > 0 {
		return asked + Jitter(1, min(backoffMost, max(asked/4, 10*time.Millisecond)), backoffMost, random)
	}
	return Jitter(nth, backoffFirst, backoffMost, random)
}
