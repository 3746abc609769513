package choose

import (
	"math"
	"sync"
	"time"

	"dreamlab/providers"
)

// How observations of speed are kept.
const (
	newest    = 0.3              // the part that the newest observation has in the mean
	speedAge  = 10 * time.Minute // after which an observation says nothing
	exploring = 30 * time.Second // for which one call that measures is waited for
	maxSpeeds = 4096             // targets
)

// Speeds are the first token and the rate of targets, as this process observed them.
// They are safe for concurrent use.
type Speeds struct {
	now func() time.Time

	mu    sync.Mutex
	known map[string]speed
}

// speed is the moving mean of what was observed of a target.
type speed struct {
	first    float64 // seconds until the first token
	perToken float64 // seconds for each one after it
	at       time.Time
	explored time.Time // when a call was last sent to measure
}

// NewSpeeds returns speeds of which nothing is known. The clock defaults to time.Now.
func NewSpeeds(now func() time.Time) *Speeds {
	if now == nil {
		now = time.Now
	}
	return &Speeds{now: now, known: map[string]speed{}}
}

// Observe takes in a try that has ended. One that was waited for in vain counts as one
// that was so slow; other failures say nothing.
func (s *Speeds) Observe(t providers.Tried) {
	first, perToken := t.First, 0.0
	switch {
	case t.Kind == providers.KindTimeout:
		first = t.Took
	case t.Kind != "":
		return
	case first == 0:
		first = t.Took
	case t.Usage.Output > 1:
		perToken = (t.Took - t.First).Seconds() / float64(t.Usage.Output-1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key, now := speedKey(t.Target), s.now()
	old, had := s.known[key]
	next := speed{first: first.Seconds(), perToken: perToken, at: now}
	if had && s.fresh(old) {
		next.first = old.first + newest*(next.first-old.first)
		next.perToken = old.perToken + newest*(next.perToken-old.perToken)
	}
	s.keep(key, next)
}

// speedKey names a target whatever key is used: that says nothing of its speed.
func speedKey(target providers.Target) string {
	target.Account = ""
	return target.Key()
}

func (s *Speeds) fresh(v speed) bool { return !v.at.IsZero() && s.now().Sub(v.at) < speedAge }

// keep stores what is known of a target.
func (s *Speeds) keep(key string, v speed) {
	makeRoom(s.known, key, maxSpeeds)
	s.known[key] = v
}

// makeRoom has a map forget one of its entries, whichever comes first, where a new key
// would be one too many.
func makeRoom[V any](m map[string]V, key string, most int) {
	if _, known := m[key]; known || len(m) < most {
		return
	}
	for other := range m {
		delete(m, other)
		return
	}
}

// expect returns how long an answer of so many tokens takes, in nanoseconds. A target of
// which nothing is known comes first, so that it is measured, and last while another
// call measures it.
func (s *Speeds) expect(target providers.Target, tokens int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.known[speedKey(target)]
	switch {
	case s.fresh(v):
		return int64((v.first + v.perToken*float64(tokens)) * float64(time.Second))
	case s.now().Sub(v.explored) < exploring:
		return math.MaxInt64
	}
	return 0
}

// explore notes that a call measures the target, where nothing is known of it.
func (s *Speeds) explore(target providers.Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := speedKey(target)
	if v := s.known[key]; !s.fresh(v) {
		v.explored = s.now()
		s.keep(key, v)
	}
}
