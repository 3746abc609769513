package webhook

import (
	"errors"
	"sync"
	"time"
)

const (
	// minLook and maxLook bound how long a delivery without a place waits before it
	// tries to take one again.
	minLook = 500 * time.Millisecond
	maxLook = 10 * time.Second
	// failuresToShut is how many deliveries in a row have to get no answer until a host
	// is paused: for minShut at first, and twice as long each time up to maxShut.
	failuresToShut = 3
	minShut        = 30 * time.Second
	maxShut        = 10 * time.Minute
	// maxHosts bounds the hosts without an answer that are remembered: 100 bytes each.
	maxHosts = 1000
)

// places bounds the deliveries under way: in all, of one tenant and to one host,
// so that receivers that hang delay only their own tenant's deliveries. A host that
// repeatedly does not answer is paused; after that one delivery tries it.
type places struct {
	most, each int
	now        func() time.Time

	mu     sync.Mutex
	free   int
	began  map[string][]time.Time // deliveries under way, by tenant and by host
	broken map[string]*brokenHost
}

// brokenHost is a host that did not answer the last deliveries.
type brokenHost struct {
	failed int
	until  time.Time // nothing is sent before
}

func newPlaces(most int, now func() time.Time) *places {
	return &places{most: most, each: max(1, most/3), now: now, free: most,
		began: map[string][]time.Time{}, broken: map[string]*brokenHost{}}
}

// enter takes a place for a delivery, or returns how long to wait before the next
// try: longer when the deliveries under way have taken long already.
func (p *places) enter(tenant, host string) (pause time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if shut := p.broken[host]; shut != nil && now.Before(shut.until) {
		return max(minLook, shut.until.Sub(now)), false
	}
	byTenant, byHost := p.began["tenant "+tenant], p.began["host "+host]
	switch {
	case p.failing(host) && len(byHost) > 0: // one delivery tests the host
		return look(now, byHost), false
	case len(byTenant) >= p.each:
		return look(now, byTenant), false
	case len(byHost) >= p.each:
		return look(now, byHost), false
	case p.free == 0:
		return minLook, false
	}
	p.free--
	p.began["tenant "+tenant] = append(byTenant, now)
	p.began["host "+host] = append(byHost, now)
	return 0, true
}

// look returns ten times what the oldest delivery under way has taken so far.
func look(now time.Time, began []time.Time) time.Duration {
	return min(maxLook, max(minLook, 10*now.Sub(began[0])))
}

func (p *places) failing(host string) bool {
	return p.broken[host] != nil && p.broken[host].failed >= failuresToShut
}

// leave gives a place back, and records whether the host answered.
func (p *places) leave(tenant, host string, answered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free++
	for _, key := range []string{"tenant " + tenant, "host " + host} {
		if p.began[key] = p.began[key][1:]; len(p.began[key]) == 0 {
			delete(p.began, key)
		}
	}
	if answered {
		delete(p.broken, host)
		return
	}
	p.fail(host)
}

func (p *places) fail(host string) {
	known := p.broken[host]
	if known == nil {
		p.forgetOldest()
		known = &brokenHost{}
		p.broken[host] = known
	}
	known.failed++
	if over := known.failed - failuresToShut; over >= 0 {
		known.until = p.now().Add(min(maxShut, minShut<<min(over, 10)))
	}
}

// forgetOldest makes room for another broken host: it removes the one whose pause ends
// first.
func (p *places) forgetOldest() {
	if len(p.broken) < maxHosts {
		return
	}
	oldest := ""
	for host, b := range p.broken {
		if oldest == "" || b.until.Before(p.broken[oldest].until) {
			oldest = host
		}
	}
	delete(p.broken, oldest)
}

// isMute tells whether the host did not answer.
func isMute(err error) bool {
	var refused *refusal
	return errors.As(err, &refused) && refused.mute
}
