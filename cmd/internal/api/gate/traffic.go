package gate

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// requestSeconds are the bounds of the buckets of a request's latency, from a list
// that is read in some milliseconds to a stream of ten minutes.
func requestSeconds() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}
}

// traffic counts requests by the lines of the route table, whose number is fixed.
type traffic struct {
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	refused  *prometheus.CounterVec
}

func newTraffic(metrics prometheus.Registerer) *traffic {
	t := &traffic{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "dreamlab", Subsystem: "http", Name: "requests_total",
			Help: "Requests that ended, by route and class of status; client_gone: the client did not wait.",
		}, []string{"route", "class"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "dreamlab", Subsystem: "http", Name: "request_seconds", Buckets: requestSeconds(),
			Help: "How long requests took, a stream until its end.",
		}, []string{"route"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "dreamlab", Subsystem: "http", Name: "bodies_refused_total",
			Help: "Bodies that were not read to their end, by reason.",
		}, []string{"reason"}),
	}
	if metrics != nil {
		metrics.MustRegister(t.requests, t.took, t.refused)
	}
	return t
}

// bodyRefusals are the statuses that refuse a body.
var bodyRefusals = map[int]string{
	http.StatusRequestEntityTooLarge: "too large",
	http.StatusRequestTimeout:        "too slow",
	http.StatusUnsupportedMediaType:  "wrong type",
}

func (t *traffic) count(route string, status int, took time.Duration) {
	class := fmt.Sprintf("%dxx", status/100)
	if status == statusClientGone {
		class = "client_gone"
	}
	t.requests.WithLabelValues(route, class).Inc()
	t.took.WithLabelValues(route).Observe(took.Seconds())
	if reason, refused := bodyRefusals[status]; refused {
		t.refused.WithLabelValues(reason).Inc()
	}
}
