package telemetry

import (
	"cmp"
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

// Handlers puts a span around each run of a job, beside one for its wait in the queue. Both belong
// to the trace of the request that made the job. The children of a job (a dream has thousands, over
// hours) have traces of their own, which are linked to it.
func (t *Telemetry) Handlers(list map[tasks.Kind]tasks.Handler) map[tasks.Kind]tasks.Handler {
	traced := make(map[tasks.Kind]tasks.Handler, len(list))
	for kind, do := range list {
		traced[kind] = t.handler(do)
	}
	return traced
}

func (t *Telemetry) handler(do tasks.Handler) tasks.Handler {
	return func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		about := []attribute.KeyValue{
			attribute.String("dreamlab.job", run.Job.ID), attribute.String("dreamlab.kind", run.Job.Kind),
			attribute.String("dreamlab.lane", run.Job.Lane), attribute.String("dreamlab.tenant", run.Job.Tenant),
			attribute.Int("dreamlab.attempt", run.Job.Tries()),
		}
		options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(about...)}
		above := parent(ctx, run.Job.Trace)
		if run.Job.Parent != "" {
			options = append(options, trace.WithLinks(trace.LinkFromContext(above)), trace.WithNewRoot())
		} else {
			t.queued(above, &run.Job, about)
		}
		ctx, span := t.tracer.Start(above, "process "+run.Job.Kind, options...)
		panicked := true
		defer func() { // End as the deferred function itself would record the text of a panic
			if panicked {
				span.SetStatus(codes.Error, "panic")
			}
			span.End()
		}()
		traced := *run
		traced.Job.Trace = traceparent(ctx)
		end, err := do(ctx, &traced)
		tell(span, end, err)
		panicked = false
		return end, err
	}
}

// queued records how long the job waited since it was due.
func (t *Telemetry) queued(above context.Context, j *job.Job, about []attribute.KeyValue) {
	due := j.Created
	if j.RunAt.After(due) {
		due = j.RunAt
	}
	claimed := cmp.Or(j.ClaimedAt, time.Now())
	if due.IsZero() || claimed.Before(due) {
		return
	}
	_, span := t.tracer.Start(above, "queue "+j.Lane, trace.WithTimestamp(due), trace.WithAttributes(about...))
	span.End(trace.WithTimestamp(claimed))
}

// tell says how the run ended: by a code of the public contract, never by a text.
func tell(span trace.Span, end *tasks.End, err error) {
	state := job.StateSucceeded
	if end != nil {
		state = cmp.Or(end.State, state)
	}
	if err == nil {
		span.SetAttributes(attribute.String("dreamlab.outcome", string(state)))
		return
	}
	code := "internal"
	var failure *tasks.Failure
	if errors.As(err, &failure) {
		code = failure.Code
	}
	span.SetAttributes(attribute.String("error.type", code))
	span.SetStatus(codes.Error, code)
}
