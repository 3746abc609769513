package providers

import (
	"context"
	"time"
)

// Circuits shares between processes which targets are not to be called for a
// while: one was told to wait, or failed too often. What is lost costs a needless
// call, so the methods return no error, and an implementation that can not reach
// its store says so in its own log and answers that it knows of nothing. Both must
// return within some milliseconds. Targets are given without Priced.
type Circuits interface {
	// OpenUntil returns until when each of the targets is not to be called. Those
	// that may be called are absent.
	OpenUntil(ctx context.Context, targets []Target) map[Target]time.Time
	// Open tells the other processes not to call the target until then.
	Open(ctx context.Context, target Target, until time.Time)
}

// unshared are the circuits of a process that is alone.
type unshared struct{}

func (unshared) OpenUntil(context.Context, []Target) map[Target]time.Time { return nil }
func (unshared) Open(context.Context, Target, time.Time)                  {}
