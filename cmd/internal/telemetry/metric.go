package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"dreamlab/cmd/internal/config"
)

// openMetrics sends what the registry shows, every minute or as OTEL_METRIC_EXPORT_INTERVAL says, and once
// more at the end.
func (t *Telemetry) openMetrics(
	ctx context.Context, to config.Collector, who *resource.Resource, registry prometheus.Gatherer,
) error {
	if to.URL == "" {
		return nil
	}
	exporter, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(to.URL), otlpmetrichttp.WithHeaders(to.Headers))
	if err != nil {
		return err
	}
	out := &metricOutlet{Exporter: exporter, health: health{log: t.log, what: "metrics"}}
	producer := bridge.NewMetricProducer(bridge.WithGatherer(registry))
	provider := metric.NewMeterProvider(
		metric.WithResource(who), metric.WithReader(metric.NewPeriodicReader(out, metric.WithProducer(producer))),
	)
	t.ends = append(t.ends, provider.Shutdown)
	return nil
}

// metricOutlet logs what an exporter can not send: the next reading has it all.
type metricOutlet struct {
	metric.Exporter
	health health
}

// Export sends one reading.
func (o *metricOutlet) Export(ctx context.Context, reading *metricdata.ResourceMetrics) error {
	o.health.note(o.Exporter.Export(ctx, reading))
	return nil
}
