package providers

import (
	"context"
	"time"
)

// Circuits shares between processes which targets are not to be called for a
// while: one was told to wait, or failed too often. What is lost costs a needless
// call, so the methods return no error, and an implementation that can not reach
// its store says so in its own log and answers that it knows of nothing. Both must
// return within some milliseconds. Targets are given without Priced, and with the
// account [EveryKey] where what is said holds for all keys of the vendor.
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

// Lives knows of which models their vendors say that they have them no more, and which
// model stands in for each. Both methods must return within some milliseconds and be safe
// for concurrent use. Targets are given without an account.
type Lives interface {
	// Gone is told that a vendor says it has no such model.
	Gone(ctx context.Context, target Target)
	// Successor returns the name of the same vendor's model that answers for one that is
	// gone; false where the target is not known to be gone, or nothing stands in for it.
	Successor(target Target) (model string, known bool)
}

// immortal are the models of a program that keeps no account of them.
type immortal struct{}

func (immortal) Gone(context.Context, Target)    {}
func (immortal) Successor(Target) (string, bool) { return "", false }
