package config

import (
	"maps"
	"strings"
	"testing"
)

func TestTelemetryIsOffWithoutAnEndpoint(t *testing.T) {
	t.Parallel()
	for name, set := range map[string][]string{
		"nothing":     {"OTEL_SERVICE_NAME", "x", "OTEL_TRACES_SAMPLER", "no such"},
		"disabled":    {"OTEL_EXPORTER_OTLP_ENDPOINT", "no address", "OTEL_SDK_DISABLED", "TRUE"},
		"no exporter": {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c", "OTEL_TRACES_EXPORTER", "none", "OTEL_METRICS_EXPORTER", "none"},
	} {
		if c, err := load(t, "", set...); err != nil || c.Telemetry.Traces.URL+c.Telemetry.Metrics.URL != "" {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestTelemetryOfTheStandardVariables(t *testing.T) {
	t.Parallel()
	c, err := load(t, "", "OTEL_EXPORTER_OTLP_ENDPOINT", "https://all:4318/base/", "OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20key, x=1",
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://own:1/as/it/is", "OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x=2",
		"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "OTEL_SERVICE_NAME", "lab", "OTEL_RESOURCE_ATTRIBUTES", "team=night",
		"OTEL_TRACES_SAMPLER", "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG", "0.25")
	if err != nil {
		t.Fatal(err)
	}
	got := c.Telemetry
	if got.Traces.URL != "https://all:4318/base/v1/traces" || got.Metrics.URL != "http://own:1/as/it/is" ||
		!maps.Equal(got.Traces.Headers, map[string]string{"api-key": "a key", "x": "1"}) || got.Metrics.Headers["x"] != "2" {
		t.Errorf("collectors: %+v", got)
	}
	if got.Service != "lab" || got.Attributes["team"] != "night" || got.Sampler != "parentbased_traceidratio" || got.Ratio != 0.25 {
		t.Errorf("read %+v", got)
	}
	values, err := c.Values()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, v := range values {
		shown[v.Key] = v.Value
	}
	if shown["OTEL_EXPORTER_OTLP_HEADERS"] != hidden || shown["OTEL_SERVICE_NAME"] != "lab" {
		t.Errorf("shown: %v", shown)
	}
}

func TestFaultsOfTelemetry(t *testing.T) {
	t.Parallel()
	_, err := load(t, "", "OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "OTEL_EXPORTER_OTLP_HEADERS", "secret",
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "OTEL_TRACES_SAMPLER", "traceidratio", "OTEL_TRACES_SAMPLER_ARG", "2",
		"OTEL_METRICS_EXPORTER", "prometheus")
	for _, part := range []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT: write http://", "OTEL_EXPORTER_OTLP_HEADERS: write name=value", `"grpc" is not taken: use http/protobuf`,
		"OTEL_TRACES_SAMPLER_ARG: give a number", `OTEL_METRICS_EXPORTER: "prometheus" is not taken`,
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("no fault says %q in %v", part, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("a header is shown: %v", err)
	}
}
