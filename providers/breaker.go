package providers

import (
	"context"
	"maps"
	"sync"
	"time"
)

// When a breaker opens and for how long.
const (
	breakerFailures = 5 // in a row
	breakerOpen     = 10 * time.Second
	breakerOpenMost = 5 * time.Minute
	accountPause    = time.Minute      // after a wrong key, no money, no such model
	quotaPause      = 10 * time.Minute // where the vendor does not say until when
	weatherAge      = time.Second      // for which what was heard of others is used again
)

// breakers remembers which targets are not to be called for a while.
type breakers struct {
	shared Weather
	now    func() time.Time

	mu       sync.Mutex
	circuits map[Target]*circuit
}

// circuit is the state of one target. It is open until `until`; the next call
// after that is the probe, and holds the circuit open for the others meanwhile.
type circuit struct {
	failures int // in a row
	openings int // in a row
	until    time.Time
	cause    *Error
	heard    time.Time // when the weather was last asked
}

func newBreakers(shared Weather, now func() time.Time) *breakers {
	if shared == nil {
		shared = alone{}
	}
	return &breakers{shared: shared, now: now, circuits: map[Target]*circuit{}}
}

// maxCircuits bounds what is remembered, since clients may make names up.
const maxCircuits = 4096

// circuit returns the state of a target, made where there is none. With too many
// in force at once a new one is not remembered.
func (b *breakers) circuit(target Target) *circuit {
	target.Priced = ""
	c := b.circuits[target]
	if c != nil {
		return c
	}
	if len(b.circuits) >= maxCircuits {
		now := b.now()
		maps.DeleteFunc(b.circuits, func(_ Target, c *circuit) bool {
			return c.openings == 0 && !c.until.After(now)
		})
	}
	c = &circuit{}
	if len(b.circuits) < maxCircuits {
		b.circuits[target] = c
	}
	return c
}

// known returns the state of a target, closed where nothing was ever heard.
func (b *breakers) known(target Target) *circuit {
	target.Priced = ""
	if c := b.circuits[target]; c != nil {
		return c
	}
	return &circuit{}
}

// closed returns until when the target is to be left alone, and why.
func (b *breakers) closed(target Target) (time.Time, *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.known(target)
	return c.until, c.cause
}

// learn takes over what other processes know.
func (b *breakers) learn(ctx context.Context, candidates []*candidate) {
	targets := b.unheard(candidates)
	if len(targets) == 0 {
		return
	}
	for target, until := range b.shared.Closed(ctx, targets) {
		b.mu.Lock()
		if c := b.circuit(target); until.After(c.until) {
			c.until = until
		}
		b.mu.Unlock()
	}
}

// unheard returns the targets of which nothing was heard lately.
func (b *breakers) unheard(candidates []*candidate) []Target {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	var targets []Target
	for _, candidate := range candidates {
		target := candidate.target
		target.Priced = ""
		if c := b.circuit(target); now.Sub(c.heard) >= weatherAge {
			c.heard = now
			targets = append(targets, target)
		}
	}
	return targets
}

// begin marks a call as the probe when the breaker was open.
func (b *breakers) begin(target Target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.known(target); c.openings > 0 {
		c.until = b.now().Add(breakerOpen)
	}
}

func (b *breakers) succeeded(target Target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.known(target)
	wasOpen := c.openings > 0
	c.failures, c.openings, c.cause = 0, 0, nil
	if wasOpen {
		c.until = time.Time{}
	}
}

// failed counts a failure and tells the other processes when it closes the target.
func (b *breakers) failed(ctx context.Context, target Target, e *Error) {
	b.mu.Lock()
	c := b.circuit(target)
	pause := c.fail(e)
	until := b.now().Add(pause)
	news := pause > 0 && until.After(c.until)
	if news {
		c.until, c.cause = until, e
	}
	b.mu.Unlock()
	if news {
		target.Priced = ""
		b.shared.Close(context.WithoutCancel(ctx), target, until)
	}
}

// fail returns for how long the failure closes the target.
func (c *circuit) fail(e *Error) time.Duration {
	switch e.Kind {
	case KindRateLimit:
		return e.RetryAfter
	case KindQuota:
		return orDefault(e.RetryAfter, quotaPause)
	case KindAuth, KindPermission, KindBilling, KindModelGone:
		return accountPause
	case KindServer, KindTimeout, KindCapacity, KindTruncated:
		return max(e.RetryAfter, c.trip())
	}
	return 0
}

// trip counts towards the opening of the breaker.
func (c *circuit) trip() time.Duration {
	c.failures++
	if c.failures < breakerFailures {
		return 0
	}
	pause := min(breakerOpen<<min(c.openings, 10), breakerOpenMost)
	c.openings++
	return pause
}
