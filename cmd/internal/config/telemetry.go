package config

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Telemetry says where traces and metrics are sent: by OpenTelemetry's own variables alone
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
type Telemetry struct {
	Traces, Metrics Collector
	Service         string            // the name of the service. Defaults to dreamlab.
	Attributes      map[string]string // of the process: OTEL_RESOURCE_ATTRIBUTES
	// Sampler is one of the standard names, always_on or parentbased_traceidratio. Defaults to
	// parentbased_always_on.
	Sampler string
	// Ratio is the share of the traces that a sampler with traceidratio keeps. Defaults to 1.
	Ratio float64
}

// Collector takes what is sent by OTLP over HTTP.
type Collector struct {
	URL     string // where to POST; "" sends nothing
	Headers map[string]string
}

// samplers are the names that the variable OTEL_TRACES_SAMPLER takes here.
var samplers = []string{
	"always_on", "always_off", "traceidratio",
	"parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
}

// otel reads the variables of OpenTelemetry.
type otel struct{ *loader }

// read takes the standard variables. Without an endpoint, or with
// OTEL_SDK_DISABLED=true, nothing is sent and the others are not looked at.
func (l otel) read() {
	if off, _ := l.lookup("OTEL_SDK_DISABLED"); strings.EqualFold(off, "true") {
		return
	}
	t := &l.Telemetry
	t.Traces, t.Metrics = l.collector("TRACES"), l.collector("METRICS")
	if t.Traces.URL == "" && t.Metrics.URL == "" {
		return
	}
	t.Service, _ = l.standard("OTEL_SERVICE_NAME")
	t.Attributes = l.pairs("OTEL_RESOURCE_ATTRIBUTES")
	t.Sampler, t.Ratio = "parentbased_always_on", 1
	if name, set := l.standard("OTEL_TRACES_SAMPLER"); set {
		t.Sampler = name
		l.among("OTEL_TRACES_SAMPLER", name, samplers...)
	}
	if text, set := l.standard("OTEL_TRACES_SAMPLER_ARG"); set && strings.HasSuffix(t.Sampler, "traceidratio") {
		ratio, err := strconv.ParseFloat(text, 64)
		if err != nil || ratio < 0 || ratio > 1 {
			l.fault("OTEL_TRACES_SAMPLER_ARG: give a number from 0 to 1")
		}
		t.Ratio = ratio
	}
}

// collector reads where one signal goes: TRACES or METRICS.
func (l otel) collector(signal string) Collector {
	if to, set := l.standard("OTEL_" + signal + "_EXPORTER"); set {
		l.among("OTEL_"+signal+"_EXPORTER", to, "otlp", "none")
		if to != "otlp" {
			return Collector{}
		}
	}
	own, common := "OTEL_EXPORTER_OTLP_"+signal+"_", "OTEL_EXPORTER_OTLP_"
	name, path := own+"ENDPOINT", ""
	address, set := l.standard(name)
	if !set {
		name, path = common+"ENDPOINT", "/v1/"+strings.ToLower(signal)
		address, set = l.standard(name)
	}
	if !set {
		return Collector{}
	}
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		l.fault("%s: write http:// or https://, a host and a port, such as http://localhost:4318", name)
	}
	for _, name := range []string{common + "PROTOCOL", own + "PROTOCOL"} {
		if protocol, set := l.standard(name); set {
			l.among(name, protocol, "http/protobuf")
		}
	}
	headers := l.pairs(common + "HEADERS")
	for key, value := range l.pairs(own + "HEADERS") {
		headers[key] = value
	}
	return Collector{URL: strings.TrimSuffix(address, "/") + path, Headers: headers}
}

// standard looks up a variable of OpenTelemetry and remembers it for those who list the configuration.
func (l otel) standard(name string) (string, bool) {
	value, set := l.lookup(name)
	if set {
		l.variables[name] = value
		l.origins[name] = "environment"
		l.secrets[name] = strings.HasSuffix(name, "HEADERS")
	}
	return value, set
}

func (l otel) among(name, value string, known ...string) {
	for _, word := range known {
		if value == word {
			return
		}
	}
	l.fault("%s: %q is not taken: use %s", name, value, strings.Join(known, " or "))
}

// pairs reads a list such as "a=1,b=2", whose values may be percent-encoded. What it holds may be secret.
func (l otel) pairs(name string) map[string]string {
	pairs := map[string]string{}
	text, _ := l.standard(name)
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		key, value, err := pair(part)
		if err != nil {
			l.fault("%s: %v", name, err)
			continue
		}
		pairs[key] = value
	}
	return pairs
}

func pair(text string) (key, value string, err error) {
	key, value, found := strings.Cut(text, "=")
	value, err = url.PathUnescape(strings.TrimSpace(value))
	if key = strings.TrimSpace(key); !found || key == "" || err != nil {
		return "", "", fmt.Errorf("write name=value,name=value with what is special in values percent-encoded")
	}
	return key, value, nil
}
