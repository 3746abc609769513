package providers

import (
	"time"

	"dreamlab/store/backoff"
)

// patience is how long the router's waits of one call may be together: a longer one
// is the queue's business, or the client's, who is told of it.
const patience = 15 * time.Second

// pauses are those between tries at one target where the vendor asked for none.
var pauses = backoff.Bounds{First: 500 * time.Millisecond, Max: 8 * time.Second}

// pauseAfter returns how long to leave a target alone after its nth failure in
// this call: never less than the vendor asked for.
func pauseAfter(nth int, asked time.Duration, random func() float64) time.Duration {
	if asked > 0 {
		spread := backoff.Bounds{First: max(asked/4, 10*time.Millisecond), Max: pauses.Max}
		return asked + spread.Draw(1, random)
	}
	return pauses.Draw(nth, random)
}
