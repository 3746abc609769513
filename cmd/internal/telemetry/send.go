package telemetry

import (
	"context"
	"errors"
	"net"
	"regexp"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/sdk/trace"
)

// maxQueued is how many spans wait to be sent at most: some hundred chats' that end in one second,
// five seconds long. A span holds about 1 KiB.
const maxQueued = 2048

// sender hands spans to a collector in batches, from a goroutine of its own. A span that ends while
// the queue is full is dropped and counted.
type sender struct {
	trace.SpanProcessor // sends in batches
	queued              atomic.Int64
	dropped             prometheus.Counter
}

func newSender(exporter trace.SpanExporter, metrics prometheus.Registerer, log zerolog.Logger) *sender {
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "dreamlab", Subsystem: "trace", Name: "spans_total",
		Help: "Spans that ended, by what became of them: sent, refused by the collector, or dropped since it is slow or away.",
	}, []string{"outcome"})
	metrics.MustRegister(spans)
	s := &sender{dropped: spans.WithLabelValues("dropped")}
	out := &outlet{
		SpanExporter: exporter, taken: func(n int) { s.queued.Add(-int64(n)) },
		sent: spans.WithLabelValues("sent"), refused: spans.WithLabelValues("refused"), health: health{log: log, what: "traces"},
	}
	s.SpanProcessor = trace.NewBatchSpanProcessor(out, trace.WithMaxQueueSize(maxQueued))
	return s
}

// OnEnd queues a span that is sampled. It never waits.
func (s *sender) OnEnd(span trace.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() {
		return
	}
	if s.queued.Add(1) > maxQueued {
		s.queued.Add(-1)
		s.dropped.Inc()
		return
	}
	s.SpanProcessor.OnEnd(span)
}

// outlet counts what an exporter sends. The exporter itself tries again what a collector refuses for
// the moment (429, 502, 503, 504), after its Retry-After, for a minute.
type outlet struct {
	trace.SpanExporter
	taken         func(spans int)
	sent, refused prometheus.Counter
	health        health
}

// ExportSpans sends a batch. Its errors are counted and logged here.
func (o *outlet) ExportSpans(ctx context.Context, spans []trace.ReadOnlySpan) error {
	defer o.taken(len(spans))
	err := o.SpanExporter.ExportSpans(ctx, spans)
	o.health.note(err)
	if err != nil {
		o.refused.Add(float64(len(spans)))
		return nil
	}
	o.sent.Add(float64(len(spans)))
	return nil
}

// health logs when a collector is lost and when it is back, not each batch between.
type health struct {
	log  zerolog.Logger
	what string
	lost atomic.Bool
}

func (h *health) note(err error) {
	switch lost := err != nil; {
	case h.lost.Swap(lost) == lost:
	case lost:
		h.log.Warn().Str("reason", reason(err)).Msgf("the collector does not take %s: they are dropped until it does", h.what)
	default:
		h.log.Info().Msgf("the collector takes %s again", h.what)
	}
}

// status is an HTTP status in the text of the exporter's error, behind which stands the collector's
// own answer.
var status = regexp.MustCompile(`: ([1-5][0-9]{2} [A-Z][A-Za-z' -]*) \(body`)

// reason says why a collector did not take a batch, without its URL and without its answer.
func reason(err error) string {
	var network *net.OpError
	switch found := status.FindStringSubmatch(err.Error()); {
	case found != nil:
		return found[1]
	case errors.As(err, &network):
		return network.Op + ": " + network.Err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return "the collector refused them"
}
