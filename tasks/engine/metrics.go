package engine

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the engine does. Labels are lanes, kinds and states:
// bounded sets.
type metrics struct {
	accepted   *prometheus.CounterVec // lane
	dispatched *prometheus.CounterVec // lane
	claimed    *prometheus.CounterVec // lane
	stale      *prometheus.CounterVec // lane
	ended      *prometheus.CounterVec // lane, state
	attempts   *prometheus.CounterVec // lane, kind, outcome
	fenced     *prometheus.CounterVec // lane, kind
	reaped     *prometheus.CounterVec // lane
	lost       *prometheus.CounterVec // lane
	wiped      prometheus.Counter
	pruned     prometheus.Counter
	pickup     *prometheus.HistogramVec // lane
}

func newMetrics(o Options) (*metrics, error) {
	m := &metrics{
		accepted:   counter("accepted_total", "Jobs taken in.", "lane"),
		dispatched: counter("dispatched_total", "Wake-ups' jobs sent by a dispatcher.", "lane"),
		claimed:    counter("claimed_total", "Jobs taken under a lease.", "lane"),
		stale:      counter("stale_wakes_total", "Jobs of a wake-up that were not there to claim.", "lane"),
		ended:      counter("ended_total", "Jobs that came to an end.", "lane", "state"),
		attempts:   counter("attempts_total", "Ended attempts.", "lane", "kind", "outcome"),
		fenced:     counter("fenced_total", "Ends that came too late and were not written.", "lane", "kind"),
		reaped:     counter("leases_reaped_total", "Leases that expired.", "lane"),
		lost:       counter("wakes_lost_total", "Wake-ups that were gone from the queue.", "lane"),
		wiped: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "dreamlab", Subsystem: "jobs",
			Name: "queue_wipes_total", Help: "Times the queue was found empty or restarted."}),
		pruned: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "dreamlab", Subsystem: "jobs",
			Name: "pruned_total", Help: "Ended jobs that were deleted for their age."}),
		pickup: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "dreamlab", Subsystem: "jobs",
			Name: "pickup_seconds", Help: "From due to claimed.",
			Buckets: []float64{.001, .002, .005, .01, .02, .1, .5, 2, 10, 60, 600}}, []string{"lane"}),
	}
	if o.Registerer == nil {
		return m, nil
	}
	for _, c := range append(m.all(), newStanding(o.Store, o.Log)) {
		if err := o.Registerer.Register(c); err != nil {
			return nil, fmt.Errorf("register the engine's metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.accepted, m.dispatched, m.claimed, m.stale, m.ended, m.attempts,
		m.fenced, m.reaped, m.lost, m.wiped, m.pruned, m.pickup}
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "dreamlab", Subsystem: "jobs", Name: name, Help: help,
	}, labels)
}
