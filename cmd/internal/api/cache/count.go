package cache

import "github.com/prometheus/client_golang/prometheus"

// counts is what the cache is worth.
type counts struct {
	hits, stale, semantic, misses, failures, saved prometheus.Counter
}

func newCounts(metrics prometheus.Registerer) *counts {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "dreamlab", Subsystem: "cache", Name: name, Help: help,
		})
	}
	c := &counts{
		hits:     counter("hits_total", "Chats that were answered from the cache."),
		stale:    counter("stale_total", "Hits whose answer was stale."),
		semantic: counter("semantic_total", "Hits that answered another question, which means the same."),
		misses:   counter("misses_total", "Chats whose answer was not in the cache, or was asked for anew."),
		failures: counter("failures_total", "Times that the cache could not be used; the chats went on without it."),
		saved:    counter("saved_dollars_total", "What the answers from the cache cost when they were asked for."),
	}
	if metrics != nil {
		metrics.MustRegister(c.hits, c.stale, c.semantic, c.misses, c.failures, c.saved)
	}
	return c
}

func (c *counts) miss() { c.misses.Inc() }

// count counts a slot that was entered.
func (c *counts) count(s *Slot) {
	switch {
	case s.State == Miss:
		c.miss()
	case s.Body != nil:
		c.hits.Inc()
		c.saved.Add(float64(s.saved) / 1e9)
	}
	switch s.State {
	case Stale:
		c.stale.Inc()
	case Semantic:
		c.semantic.Inc()
	}
}
