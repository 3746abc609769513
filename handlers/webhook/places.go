package webhook

import (
	"errors"
	"sync"
	"time"
)

const (
	// minLook and maxLook bound how long a delivery waits that found no place.
	minLook = 500 * time.Millisecond
	maxLook = 10 * time.Second
	// failuresToShut is how many deliveries in a row a host has to leave without an
	// answer until it is left alone, for shutFirst and then twice as long each time up to shutMax.
	failuresToShut = 3
	shutFirst      = 30 * time.Second
	shutMax        = 10 * time.Minute
	// maxHosts bounds how many hosts are known that do not answer.
	maxHosts = 1000
)

// places bounds the deliveries under way: in all, of one tenant and to one host,
// so that receivers that hang hold up their own tenant's deliveries alone. A host
// that does not answer again and again is left alone for a while; then one delivery tries.
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

// enter takes a place for a delivery, or tells how long to wait for one: the
// longer, the longer those that are under way have taken so far.
func (p *places) enter(tenant, host string) (pause time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if shut := p.broken[host]; shut != nil && now.Before(shut.until) {
		return max(minLook, shut.until.Sub(now)), false
	}
	byTenant, byHost := p.began["tenant "+tenant], p.began["host "+host]
	switch {
	case p.failing(host) && len(byHost) > 0: // one tries for all
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

// look is ten times as long as the oldest of those under way has taken so far.
func look(now time.Time, began []time.Time) time.Duration {
	return min(maxLook, max(minLook, 10*now.Sub(began[0])))
}

func (p *places) failing(host string) bool {
	return p.broken[host] != nil && p.broken[host].failed >= failuresToShut
}

// leave gives a place back, and notes whether the host answered.
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
		known.until = p.now().Add(min(shutMax, shutFirst<<min(over, 10)))
	}
}

// forgetOldest makes a place for another broken host: the one goes that is tried
// again first.
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
