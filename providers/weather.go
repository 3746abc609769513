package providers

import (
	"context"
	"time"
)

// Weather shares between processes which targets are not to be called for a
// while: one was told to wait, or its breaker opened. It is advice: a report
// that is lost costs a needless call, so the methods return no error, and an
// implementation that can not reach its store says so in its own log and
// answers that it knows of nothing. Both must return within some milliseconds.
// Targets are given without Priced.
type Weather interface {
	// Closed returns until when each of the targets is closed. Open ones are absent.
	Closed(ctx context.Context, targets []Target) map[Target]time.Time
	// Close tells the others to leave the target alone until then.
	Close(ctx context.Context, target Target, until time.Time)
}

// alone is the weather of a process that is alone.
type alone struct{}

func (alone) Closed(context.Context, []Target) map[Target]time.Time { return nil }
func (alone) Close(context.Context, Target, time.Time)              {}
