package telemetry

import (
	"context"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"dreamlab/providers"
)

// parent returns a context whose spans continue the trace of a W3C traceparent; "" or one that can
// not be read begins a trace of its own.
func parent(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// traceparent returns that of the span in a context.
func traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// Request begins the span of a request. See gate.Tracer.
func (t *Telemetry) Request(header http.Header, route string) (ended func(status int, job string)) {
	method, pattern, _ := strings.Cut(route, " ")
	ctx, span := t.tracer.Start(parent(context.Background(), header.Get("Traceparent")), route,
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", pattern)))
	header.Set("Traceparent", traceparent(ctx))
	return func(status int, job string) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if job != "" {
			span.SetAttributes(attribute.String("dreamlab.job", job))
		}
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Try begins the span of a try at a vendor, in the terms of the conventions for generative AI
// (https://opentelemetry.io/docs/specs/semconv/gen-ai/). See providers.Tracer.
func (t *Telemetry) Try(ctx context.Context, try providers.Try, embeds bool) (context.Context, func(providers.Tried)) {
	operation := "chat"
	if embeds {
		operation = "embeddings"
	}
	began := time.Now()
	ctx, span := t.tracer.Start(ctx, operation+" "+try.Target.Model, trace.WithTimestamp(began),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("gen_ai.operation.name", operation),
			attribute.String("gen_ai.provider.name", try.Target.Provider),
			attribute.String("gen_ai.request.model", try.Target.Model),
			attribute.Int("dreamlab.try", try.Number)))
	return providers.WithTrace(ctx, traceparent(ctx)), func(tried providers.Tried) {
		if tried.First > 0 {
			span.AddEvent("first chunk", trace.WithTimestamp(began.Add(tried.First)))
		}
		span.SetAttributes(outcome(tried)...)
		if tried.Kind != "" {
			span.SetStatus(codes.Error, string(tried.Kind))
		}
		span.End()
	}
}

// outcome is what is told of a try that has ended.
func outcome(tried providers.Tried) []attribute.KeyValue {
	told := []attribute.KeyValue{attribute.Int64("dreamlab.cost.nano_usd", tried.Nano)}
	if tried.Model != "" {
		told = append(told, attribute.String("gen_ai.response.model", tried.Model))
	}
	if tried.Finish != "" {
		told = append(told, attribute.StringSlice("gen_ai.response.finish_reasons", []string{tried.Finish}))
	}
	if used := tried.Usage; !used.Missing && used.Input+used.Output > 0 {
		told = append(told, attribute.Int64("gen_ai.usage.input_tokens", used.Input),
			attribute.Int64("gen_ai.usage.cache_read.input_tokens", used.CachedInput),
			attribute.Int64("gen_ai.usage.output_tokens", used.Output))
	}
	if tried.Kind != "" {
		told = append(told, attribute.String("error.type", string(tried.Kind)))
	}
	if tried.Status != 0 {
		told = append(told, attribute.Int("http.response.status_code", tried.Status))
	}
	return told
}
