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

// Tracer records tries as spans of a trace. It is not given what was asked or answered.
type Tracer interface {
	// Try begins the span of a try: embeds tells a call for vectors from a chat. The vendor is
	// called under the context that it returns; ended is called once, when the books hold the try.
	Try(ctx context.Context, try Try, embeds bool) (spanned context.Context, ended func(Tried))
}

// trace begins the span of an attempt, where spans are recorded.
func (a *attempt) trace(ctx context.Context, run *run) context.Context {
	tracer := run.router.tracer
	if tracer == nil {
		return ctx
	}
	try := Try{Target: a.candidate.target, Number: a.number, ReservedNano: a.candidate.quote}
	ctx, a.ended = tracer.Try(ctx, try, len(run.call.Request.Inputs) > 0)
	return ctx
}

// report tells those who count, and the tracer, of a try that has ended.
func (a *attempt) report(router *Router, tried Tried) {
	router.tried(tried)
	if a.ended != nil {
		a.ended(tried)
	}
}
