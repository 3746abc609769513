package boot

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"dreamlab/providers"
)

// newDisputes returns the function that the router calls for counts of tokens that can
// not be right. It raises a metric for alerts and logs the vendor's request id.
func newDisputes(metrics prometheus.Registerer, log zerolog.Logger) func(providers.Target, providers.Usage, string) {
	disputed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "dreamlab", Subsystem: "vendor", Name: "usage_disputed_total",
		Help: "Answers whose tokens a vendor counted higher than the call can have used; they are booked at an estimate.",
	}, []string{"provider"})
	metrics.MustRegister(disputed)
	return func(target providers.Target, counted providers.Usage, requestID string) {
		disputed.WithLabelValues(target.Provider).Inc()
		log.Warn().Str("target", target.String()).Str("vendor_request", requestID).
			Int64("input", counted.Input).Int64("output", counted.Output).
			Msg("a vendor counted more tokens than the call can have used: it is booked at an estimate")
	}
}
