package providers

import (
	"context"
	"maps"
	"sync"
	"time"
)

// When a circuit opens and for how long.
const (
	breakerFailures = 5 // in a row
	breakerOpen     = 10 * time.Second
	maxBreakerOpen  = 15 * time.Second // a vendor that is back is found within it
	refusalPause    = time.Minute      // after a wrong key, no money, no such model
	coldPause       = 10 * time.Second // between two looks whether an endpoint is ready
	quotaPause      = 10 * time.Minute // where the vendor does not say until when
	maxPause        = time.Hour        // the longest that a vendor's Retry-After is obeyed
	sharedFor       = time.Second      // for which what other processes said is used again
)

// How many tenants in a row a vendor has to refuse before a circuit opens. A key
// or an account is hardly ever at fault for one prompt alone; 403 and 404 are also
// what moderation and the URL of a picture come to.
const (
	accountWitnesses = 2
	modelWitnesses   = 3
)

// EveryKey is the account of a [Circuits] target that stands for all keys of a vendor: its
// circuit opens for what is the server's fault.
const EveryKey = "*"

// server is the target whatever key it is asked with.
func (t Target) server() Target {
	t.Account = EveryKey
	return t
}

// breakers remembers which targets are not to be called for a while. A target has two
// circuits: that of its server, which all keys of the vendor share, and that of its key.
type breakers struct {
	shared Circuits
	now    func() time.Time

	mu       sync.Mutex
	circuits map[Target]*circuit
}

// circuit is the state of one target. While it is open the target is not called;
// the first call after that is the probe, and keeps it open for the others meanwhile.
type circuit struct {
	failures  int  // in a row
	openings  int  // in a row
	quick     bool // a quick second try was made since the last success
	openUntil time.Time
	cause     *Error              // without the vendor's words, which are another tenant's
	refused   map[string]struct{} // tenants that were refused since the last success
	asked     time.Time           // when other processes were last asked
}

func newBreakers(shared Circuits, now func() time.Time) *breakers {
	if shared == nil {
		shared = unshared{}
	}
	return &breakers{shared: shared, now: now, circuits: map[Target]*circuit{}}
}

// maxCircuits bounds what is remembered, since clients may make names up.
const maxCircuits = 4096

// circuit returns the state of a target, made where there is none. With too many
// in force at once a new one is not remembered.
func (b *breakers) circuit(target Target) *circuit {
	target = target.plain()
	c := b.circuits[target]
	if c != nil {
		return c
	}
	if len(b.circuits) >= maxCircuits {
		now := b.now()
		maps.DeleteFunc(b.circuits, func(_ Target, c *circuit) bool {
			return c.openings == 0 && !c.openUntil.After(now)
		})
	}
	c = &circuit{}
	if len(b.circuits) < maxCircuits {
		b.circuits[target] = c
	}
	return c
}

// known returns the state of a target, that of a new one where nothing was heard of it.
func (b *breakers) known(target Target) *circuit {
	target = target.plain()
	if c := b.circuits[target]; c != nil {
		return c
	}
	return &circuit{}
}

// open returns until when one of the target's circuits is open, and why.
func (b *breakers) open(target Target) (time.Time, *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, server := b.known(target), b.known(target.server())
	if server.openUntil.After(key.openUntil) {
		return server.openUntil, server.cause
	}
	return key.openUntil, key.cause
}

// probing tells whether the next call of the target finds out whether its server is back.
func (b *breakers) probing(target Target) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.known(target.server()).openings > 0
}

// learn takes over what other processes know.
func (b *breakers) learn(ctx context.Context, choices []Choice) {
	targets := b.stale(choices)
	if len(targets) == 0 {
		return
	}
	for target, until := range b.shared.OpenUntil(ctx, targets) {
		b.mu.Lock()
		if c := b.circuit(target); until.After(c.openUntil) {
			c.openUntil = until
			if target.Account == EveryKey {
				c.openings = max(c.openings, 1) // the next call is a probe here, too
			}
		}
		b.mu.Unlock()
	}
}

// stale returns the targets of which other processes were not asked lately.
func (b *breakers) stale(choices []Choice) []Target {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	var targets []Target
	for _, choice := range choices {
		own := choice.Target.plain()
		for _, target := range []Target{own, own.server()} {
			if c := b.circuit(target); now.Sub(c.asked) >= sharedFor {
				c.asked = now
				targets = append(targets, target)
			}
		}
	}
	return targets
}

// begin marks a call as the probe where the circuit was open.
func (b *breakers) begin(target Target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.known(target.server()); c.openings > 0 {
		c.openUntil = b.now().Add(breakerOpen)
	}
}

func (b *breakers) succeeded(target Target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range []*circuit{b.known(target), b.known(target.server())} {
		wasOpen := c.openings > 0
		c.failures, c.openings, c.quick, c.cause, c.refused = 0, 0, false, nil, nil
		if wasOpen {
			c.openUntil = time.Time{}
		}
	}
}

// quick grants one quick second try for each time that the target has answered: a
// vendor that is down is not asked twice by every call.
func (b *breakers) quick(target Target) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.circuit(target.server())
	granted := !c.quick
	c.quick = true
	return granted
}

// failed counts a tenant's failure and tells the other processes when it opens
// the circuit.
func (b *breakers) failed(ctx context.Context, target Target, tenant string, e *Error) {
	if e.Kind.ofServer() {
		target = target.server()
	}
	b.mu.Lock()
	c := b.circuit(target)
	until := b.now().Add(max(c.fail(tenant, e), leaveSlow(target, e)))
	news := until.After(b.now()) && until.After(c.openUntil)
	if news {
		c.openUntil = until
		c.cause = &Error{Kind: e.Kind, Provider: e.Provider, Model: e.Model, Status: e.Status}
	}
	b.mu.Unlock()
	if news {
		target = target.plain()
		b.shared.Open(context.WithoutCancel(ctx), target, until)
	}
}

// fail returns for how long the failure opens the circuit.
func (c *circuit) fail(tenant string, e *Error) time.Duration {
	switch e.Kind {
	case KindRateLimit:
		return min(e.RetryAfter, maxPause)
	case KindQuota:
		return min(orDefault(e.RetryAfter, quotaPause), maxPause)
	case KindAuth, KindBilling:
		return c.refuse(tenant, accountWitnesses)
	case KindPermission, KindModelGone:
		return c.refuse(tenant, modelWitnesses)
	case KindCold:
		c.openings = max(c.openings, 1) // the next call finds out whether it is ready
		return max(min(e.RetryAfter, maxPause), coldPause)
	case KindServer, KindTimeout, KindCapacity, KindTruncated:
		return max(min(e.RetryAfter, maxPause), c.trip())
	}
	return 0
}

// refuse notes that the vendor refused a tenant. The circuit opens once it refused
// so many different ones and no call was answered between.
func (c *circuit) refuse(tenant string, witnesses int) time.Duration {
	if c.refused == nil {
		c.refused = map[string]struct{}{}
	}
	c.refused[tenant] = struct{}{}
	if len(c.refused) < witnesses {
		return 0
	}
	c.refused = nil
	return refusalPause
}

// trip counts towards the opening of the circuit.
func (c *circuit) trip() time.Duration {
	c.failures++
	if c.failures < breakerFailures {
		return 0
	}
	c.openings++
	if c.openings == 1 {
		return breakerOpen
	}
	return maxBreakerOpen
}
