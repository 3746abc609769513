package engine

import (
	"math/rand/v2"
	"time"
)

// backoff is exponential with full jitter
// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
type backoff struct{ first, most time.Duration }

func newBackoff(first, most time.Duration) backoff {
	return backoff{positive(first, 2*time.Second), positive(most, 5*time.Minute)}
}

// after returns the pause before a try, given how many failed before it: at
// least a millisecond.
func (b backoff) after(failed int) time.Duration {
	bound := b.first << min(max(failed-1, 0), 20)
	if bound > b.most || bound <= 0 {
		bound = b.most
	}
	return time.Millisecond + rand.N(bound)
}
