package boot

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"

	"dreamlab/providers"
)

// vendorSeconds are the bounds of the buckets of a vendor's latency: a quick first
// answer takes 0.1 s, and a call ends after ten minutes.
func vendorSeconds() []float64 {
	return []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}
}

// newTries returns the function that the router calls after each call of a vendor. It
// counts calls by provider and model. A tuned model counts as the model whose prices it has, so that
// the number of series is the catalogue's.
func newTries(metrics prometheus.Registerer) func(providers.Tried) {
	model := []string{"provider", "model"}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		counter := prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "dreamlab", Subsystem: "vendor", Name: name, Help: help,
		}, append(model, labels...))
		metrics.MustRegister(counter)
		return counter
	}
	calls := vec("calls_total", "Calls of vendors, by their outcome: answered, or the kind of failure.", "outcome")
	tokens := vec("tokens_total", "Tokens as the books hold them: input, of which cached, and output.", "direction")
	dollars := vec("usd_total", "Dollars that the calls cost, as the books hold them.")
	skipped := vec("skipped_events_total", "Events of streams that were no chunks, in answers that were whole all the same.")
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "dreamlab", Subsystem: "vendor", Name: "call_seconds", Buckets: vendorSeconds(),
		Help: "How long calls of vendors took, until the last byte.",
	}, model)
	metrics.MustRegister(took)
	return func(t providers.Tried) {
		of := []string{t.Target.Provider, cmp.Or(t.Target.Priced, t.Target.Model)}
		calls.WithLabelValues(append(of, cmp.Or(string(t.Kind), "answered"))...).Inc()
		took.WithLabelValues(of...).Observe(t.Took.Seconds())
		skipped.WithLabelValues(of...).Add(float64(t.Skipped))
		dollars.WithLabelValues(of...).Add(float64(t.Nano) / 1e9)
		for direction, n := range map[string]int64{
			"input": t.Usage.Input, "cached": t.Usage.CachedInput, "output": t.Usage.Output,
		} {
			tokens.WithLabelValues(append(of, direction)...).Add(float64(max(0, n)))
		}
	}
}
