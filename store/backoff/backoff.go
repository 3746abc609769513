// Package backoff says how long to wait before something is tried again, and waits.
// It imports nothing of ours, and every room may import it.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Bounds are those of the pauses between tries: at most First after the first
// failure, twice as long after each further one, and never longer than Max.
type Bounds struct{ First, Max time.Duration }

// After returns the pause after so many failures in a row, with full jitter: callers
// that failed together do not come back together
// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
func (b Bounds) After(failures int) time.Duration { return b.Draw(failures, rand.Float64) }

// Draw is [Bounds.After] with the caller's own random numbers in [0, 1).
func (b Bounds) Draw(failures int, random func() float64) time.Duration {
	bound := b.First << min(max(failures-1, 0), 20)
	if bound > b.Max || bound <= 0 { // shifted out
		bound = b.Max
	}
	return time.Duration(random() * float64(bound))
}

// Spread returns between a half and the whole of a pause, for callers that must not return
// together.
func Spread(pause time.Duration) time.Duration {
	return pause - time.Duration(rand.Float64()*float64(pause/2))
}

// Sleep waits, or returns the cause of a context that ends before.
func Sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
