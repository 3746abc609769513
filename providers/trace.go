package providers

import "context"

type traceKey struct{}

// WithTrace returns a context whose calls carry a W3C traceparent to the vendor
// (https://www.w3.org/TR/trace-context/#traceparent-header). No trace changes
// nothing.
func WithTrace(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, traceparent)
}

// TraceOf returns the traceparent that WithTrace gave, or "".
func TraceOf(ctx context.Context) string {
	traceparent, _ := ctx.Value(traceKey{}).(string)
	return traceparent
}
