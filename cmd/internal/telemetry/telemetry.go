// Package telemetry sends traces and metrics to a collector by OTLP over HTTP
// (https://opentelemetry.io/docs/specs/otlp/): a request, the wait of its job in the queue, each run of
// the job and each try at a vendor are spans of one trace, and what /metrics shows is sent as it is.
//
// Spans name models, vendors, tokens, money and ids. No prompt, no answer, no key, no text of
// an error and no URL is in any of them. Nothing waits for a collector: what it does not take in
// time is dropped and counted.
package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"

	"dreamlab/cmd/internal/config"
)

// flushWithin bounds the sending of what is left when the program ends. It is within what
// package boot gives the closing of everything.
const flushWithin = time.Second

// Telemetry sends what one process tells. It is safe for concurrent use.
type Telemetry struct {
	log    zerolog.Logger
	tracer api.Tracer // nil where no traces are sent
	ends   []func(context.Context) error
}

// Open starts to send to the collectors of the configuration, or returns nil where it names none.
// Metrics are read from registry, which also takes what is counted here.
func Open(ctx context.Context, c config.Telemetry, registry *prometheus.Registry, log zerolog.Logger) (*Telemetry, error) {
	if c.Traces.URL == "" && c.Metrics.URL == "" {
		return nil, nil
	}
	t := &Telemetry{log: log}
	who := process(c)
	if err := t.openTraces(ctx, c, who, registry); err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	if err := t.openMetrics(ctx, c.Metrics, who, registry); err != nil {
		return nil, errors.Join(fmt.Errorf("send metrics: %w", err), t.Close())
	}
	return t, nil
}

// Traces tells whether spans are recorded.
func (t *Telemetry) Traces() bool { return t != nil && t.tracer != nil }

// Close sends what is left, for a second at most. That a collector is away is logged and no error.
func (t *Telemetry) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushWithin)
	defer cancel()
	var all sync.WaitGroup
	for _, end := range t.ends {
		all.Go(func() {
			if err := end(ctx); err != nil {
				t.log.Warn().Str("reason", reason(err)).Msg("the last traces and metrics were not sent")
			}
		})
	}
	all.Wait()
	return nil
}

// process describes this process to the collector.
func process(c config.Telemetry) *resource.Resource {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	version := ""
	if info, known := debug.ReadBuildInfo(); known {
		version = info.Main.Version
	}
	own := []attribute.KeyValue{
		attribute.String("service.name", "dreamlab"),
		attribute.String("service.version", version),
		attribute.String("service.instance.id", fmt.Sprintf("%s/%d", host, os.Getpid())),
	}
	for key, value := range c.Attributes {
		own = append(own, attribute.String(key, value))
	}
	if c.Service != "" {
		own = append(own, attribute.String("service.name", c.Service))
	}
	return resource.NewSchemaless(own...)
}

func (t *Telemetry) openTraces(
	ctx context.Context, c config.Telemetry, who *resource.Resource, metrics prometheus.Registerer,
) error {
	if c.Traces.URL == "" {
		return nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.Traces.URL), otlptracehttp.WithHeaders(c.Traces.Headers))
	if err != nil {
		return err
	}
	provider := trace.NewTracerProvider(
		trace.WithResource(who), trace.WithSampler(sampler(c)), trace.WithSpanProcessor(newSender(exporter, metrics, t.log)),
	)
	t.tracer = provider.Tracer("dreamlab")
	t.ends = append(t.ends, provider.Shutdown)
	return nil
}

func sampler(c config.Telemetry) trace.Sampler {
	ratio := trace.TraceIDRatioBased(c.Ratio)
	switch cmp.Or(c.Sampler, "parentbased_always_on") {
	case "always_on":
		return trace.AlwaysSample()
	case "always_off":
		return trace.NeverSample()
	case "traceidratio":
		return ratio
	case "parentbased_always_off":
		return trace.ParentBased(trace.NeverSample())
	case "parentbased_traceidratio":
		return trace.ParentBased(ratio)
	}
	return trace.ParentBased(trace.AlwaysSample())
}
