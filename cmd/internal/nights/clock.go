package nights

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"dreamlab/store"
)

// clock is the time of a month: it runs ahead of the real one, as far as it was moved.
type clock struct{ ahead atomic.Int64 } // nanoseconds

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// moveTo lets the time pass until an instant, for the processes and for the database. It is moved while no job
// runs: one that does would lose its lease.
func (c *clock) moveTo(ctx context.Context, s *store.Store, at time.Time) error {
	ahead := time.Until(at)
	if int64(ahead) <= c.ahead.Load() {
		return nil // work took longer than the time between
	}
	if err := s.ShiftClock(ctx, ahead); err != nil {
		return fmt.Errorf("move the clock: %w", err)
	}
	c.ahead.Store(int64(ahead))
	return nil
}
