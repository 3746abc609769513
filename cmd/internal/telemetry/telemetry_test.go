package telemetry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	api "go.opentelemetry.io/otel/trace"

	"dreamlab/cmd/internal/config"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// recorded returns a Telemetry whose spans stay in memory.
func recorded(c config.Telemetry) (*Telemetry, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSampler(sampler(c)), trace.WithSpanProcessor(spans))
	return &Telemetry{log: zerolog.Nop(), tracer: provider.Tracer("test")}, spans
}

const (
	sampled   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

// TestSampling keeps what the client or the share says, and hands the decision on to the job.
func TestSampling(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		sampler string
		ratio   float64
		given   string
		kept    bool
	}{
		"by default":              {"", 1, "", true},
		"the client's yes":        {"parentbased_traceidratio", 0, sampled, true},
		"the client's no":         {"", 1, unsampled, false},
		"no share":                {"parentbased_traceidratio", 0, "", false},
		"always":                  {"always_on", 0, unsampled, true},
		"never":                   {"always_off", 1, sampled, false},
		"a share without parents": {"traceidratio", 0, sampled, false},
		"nothing without a yes":   {"parentbased_always_off", 1, "", false},
		"not a traceparent":       {"", 1, "00-zz", true},
	}
	for name, tc := range cases {
		all, spans := recorded(config.Telemetry{Sampler: tc.sampler, Ratio: tc.ratio})
		header := http.Header{}
		if tc.given != "" {
			header.Set("Traceparent", tc.given)
		}
		all.Request(header, "POST /v1/x")(http.StatusOK, "")
		handed := header.Get("Traceparent")
		if len(spans.Ended()) == 1 != tc.kept || strings.HasSuffix(handed, "-01") != tc.kept || handed == tc.given {
			t.Errorf("%s: %d spans, and the job gets %q", name, len(spans.Ended()), handed)
		}
	}
}

// TestRunsOfJobs has children of a job linked to its trace, and no text of an error or a panic told.
func TestRunsOfJobs(t *testing.T) {
	t.Parallel()
	all, spans := recorded(config.Telemetry{})
	due := time.Now().Add(-time.Minute)
	run := func(j job.Job, do tasks.Handler) {
		defer func() { _ = recover() }() // the engine makes a failure of it
		handlers := all.Handlers(map[tasks.Kind]tasks.Handler{tasks.ChatRun: do})
		if _, err := handlers[tasks.ChatRun](t.Context(), &tasks.Run{Job: j}); err == nil {
			t.Error("the handler's error is lost")
		}
	}
	own := job.Job{ID: "job_1", Kind: "chat.run", Lane: "chat", Trace: sampled, Created: due, ClaimedAt: due.Add(time.Second)}
	run(own, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		if within := api.SpanContextFromContext(ctx); !strings.Contains(run.Job.Trace, within.SpanID().String()) {
			t.Errorf("children of the job are told %s", run.Job.Trace)
		}
		return nil, tasks.Fail("rate_limited", "the secret prompt")
	})
	child := own
	child.Parent = "job_0"
	run(child, func(context.Context, *tasks.Run) (*tasks.End, error) { return nil, errors.New("the secret prompt") })
	run(own, func(context.Context, *tasks.Run) (*tasks.End, error) { panic("the secret prompt") })

	want := []struct{ name, status string }{
		{"queue chat", ""}, {"process chat.run", "rate_limited"}, {"process chat.run", "internal"},
		{"queue chat", ""}, {"process chat.run", "panic"},
	}
	ended := spans.Ended()
	if len(ended) != len(want) {
		t.Fatalf("%d spans", len(ended))
	}
	for i, span := range ended {
		if span.Name() != want[i].name || span.Status().Description != want[i].status || len(span.Events()) > 0 {
			t.Errorf("span %d: %s %+v %v", i, span.Name(), span.Status(), span.Events())
		}
		linked := len(span.Links()) == 1 && span.Links()[0].SpanContext.TraceID().String() == sampled[3:35]
		if inside := span.SpanContext().TraceID().String() == sampled[3:35]; inside == (i == 2) || linked != (i == 2) {
			t.Errorf("span %d: in the trace %v, linked %v", i, inside, linked)
		}
	}
	if waited := ended[0].EndTime().Sub(ended[0].StartTime()); waited != time.Second {
		t.Errorf("the job waited %s", waited)
	}
}

// collector answers exporters without a network.
type collector func(*http.Request) (*http.Response, error)

func (c collector) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

func answer(status int, header http.Header) (*http.Response, error) {
	return &http.Response{
		StatusCode: status, Status: "502 Bad Gateway", Header: header, Body: io.NopCloser(strings.NewReader("a secret answer")),
	}, nil
}

// sending returns a Telemetry that sends to a collector, and its counters and log.
func sending(t *testing.T, to collector) (*Telemetry, *prometheus.Registry, *strings.Builder) {
	t.Helper()
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithHTTPClient(&http.Client{Transport: to}),
		otlptracehttp.WithEndpointURL("http://collector.example/v1/traces"))
	if err != nil {
		t.Fatal(err)
	}
	log, metrics := &strings.Builder{}, prometheus.NewRegistry()
	logger := zerolog.New(zerolog.SyncWriter(log))
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(newSender(exporter, metrics, logger)))
	all := &Telemetry{log: logger, tracer: provider.Tracer("test")}
	all.ends = append(all.ends, provider.Shutdown)
	return all, metrics, log
}

func counted(t *testing.T, metrics *prometheus.Registry, want string) {
	t.Helper()
	help := "# HELP dreamlab_trace_spans_total Spans that ended, by what became of them: sent, refused by the collector, " +
		"or dropped since it is slow or away.\n# TYPE dreamlab_trace_spans_total counter\n"
	if err := testutil.GatherAndCompare(metrics, strings.NewReader(help+want)); err != nil {
		t.Error(err)
	}
}

// TestSlowCollectorSlowsNothing fills the queue while a collector hangs: what does not fit is dropped and
// counted, nobody waits, and the end waits for a second.
func TestSlowCollectorSlowsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, metrics, _ := sending(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		for range maxQueued + 100 {
			all.Request(http.Header{}, "POST /v1/x")(http.StatusOK, "")
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("requests waited for the collector: %s", took)
		}
		counted(t, metrics, `dreamlab_trace_spans_total{outcome="dropped"} 100
			dreamlab_trace_spans_total{outcome="refused"} 0
			dreamlab_trace_spans_total{outcome="sent"} 0
			`)
		if err := all.Close(); err != nil || time.Since(began) != flushWithin {
			t.Errorf("closed after %s: %v", time.Since(began), err)
		}
		time.Sleep(time.Hour) // until the exporter has given up what was left
	})
}

// TestBusyCollectorIsAskedAgain honours Retry-After, and tells of a collector that is lost once.
func TestBusyCollectorIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked []time.Duration
		began, gone := time.Now(), false
		all, metrics, log := sending(t, func(*http.Request) (*http.Response, error) {
			asked = append(asked, time.Since(began).Round(time.Second))
			switch {
			case gone:
				return answer(http.StatusNotFound, nil)
			case len(asked) == 1:
				return answer(http.StatusTooManyRequests, http.Header{"Retry-After": {"20"}})
			}
			return answer(http.StatusOK, nil)
		})
		request := func() { all.Request(http.Header{}, "POST /v1/x")(http.StatusOK, "") }
		request()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(asked) != 2 || asked[1]-asked[0] < 20*time.Second {
			t.Errorf("asked at %v", asked)
		}
		gone = true
		for range 3 {
			request()
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		gone = false
		request()
		if err := all.Close(); err != nil {
			t.Error(err)
		}
		counted(t, metrics, `dreamlab_trace_spans_total{outcome="dropped"} 0
			dreamlab_trace_spans_total{outcome="refused"} 3
			dreamlab_trace_spans_total{outcome="sent"} 2
			`)
		lines := log.String()
		if strings.Count(lines, "does not take traces") != 1 || strings.Count(lines, "takes traces again") != 1 {
			t.Errorf("the log says %s", lines)
		}
		if !strings.Contains(lines, "502 Bad Gateway") || strings.Contains(lines, "secret") || strings.Contains(lines, "example") {
			t.Errorf("the log gives another reason: %s", lines)
		}
	})
}

func TestReasonWithoutAddress(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/secret", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err == nil {
		t.Fatal(answer.Body.Close())
	}
	if got := reason(err); !strings.Contains(got, "refused") || strings.Contains(got, "127.0.0.1") {
		t.Errorf("the reason is %q", got)
	}
}

func TestNothingIsOpenedWithoutACollector(t *testing.T) {
	t.Parallel()
	all, err := Open(t.Context(), config.Telemetry{}, prometheus.NewRegistry(), zerolog.Nop())
	if all != nil || err != nil || all.Traces() || all.Close() != nil {
		t.Errorf("opened %v, %v", all, err)
	}
}
