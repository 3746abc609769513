package boot

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracespb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store"
)

// collector is an OTLP collector that keeps what comes.
type collector struct {
	mu      sync.Mutex
	raw     bytes.Buffer // all bodies, as they came
	who     []*common.KeyValue
	spans   []*tracepb.Span
	metrics map[string]bool
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("X-Team") != "lab" {
		http.Error(w, "not for us", http.StatusForbidden)
		return
	}
	c.raw.Write(body)
	switch r.URL.Path {
	case "/v1/traces":
		err = c.take(body)
	case "/v1/metrics":
		err = c.read(body)
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (c *collector) take(body []byte) error {
	var in tracespb.ExportTraceServiceRequest
	err := proto.Unmarshal(body, &in)
	for _, resource := range in.GetResourceSpans() {
		c.who = resource.GetResource().GetAttributes()
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	return err
}

func (c *collector) read(body []byte) error {
	var in metricspb.ExportMetricsServiceRequest
	err := proto.Unmarshal(body, &in)
	for _, resource := range in.GetResourceMetrics() {
		for _, scope := range resource.GetScopeMetrics() {
			for _, metric := range scope.GetMetrics() {
				c.metrics[metric.GetName()] = true
			}
		}
	}
	return err
}

// value is an attribute's, nil where it is not there.
func value(of []*common.KeyValue, key string) *common.AnyValue {
	for _, a := range of {
		if a.GetKey() == key {
			return a.GetValue()
		}
	}
	return nil
}

// during runs a whole stack that sends to a collector while work runs.
func during(t *testing.T, to config.Telemetry, work func(s *Stack, url, key string)) {
	t.Helper()
	c := config.Default()
	c.Data, c.Addr, c.Telemetry = t.TempDir(), "127.0.0.1:0", to
	s, err := Open(t.Context(), c, StackOptions{Log: zerolog.Nop(), Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := NewKey(t.Context(), s.Store, "acme", store.Key{Scopes: []string{"use", "view"}})
	if err != nil {
		t.Fatal(err)
	}
	front, processes, err := s.Whole(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	asks := Process{Name: "work", Run: func(context.Context) error {
		var one sync.WaitGroup
		one.Go(func() { work(s, front.URL, key) }) // which t.Fatal may end
		one.Wait()
		return nil
	}}
	if err := Until(t.Context(), zerolog.Nop(), asks, processes...); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

const clients = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// TestOneTrace follows a chat from its client through the queue to two vendors, of which the first fails, and
// finds nothing of what was said, no key and no URL in what is told of it.
func TestOneTrace(t *testing.T) {
	t.Parallel()
	came := &collector{metrics: map[string]bool{}}
	server := httptest.NewServer(came)
	defer server.Close()
	headers := map[string]string{"X-Team": "lab"}
	var key, said string
	during(t, config.Telemetry{
		Traces:  config.Collector{URL: server.URL + "/v1/traces", Headers: headers},
		Metrics: config.Collector{URL: server.URL + "/v1/metrics", Headers: headers},
		Service: "the-lab", Attributes: map[string]string{"deployment.environment.name": "test"},
	}, func(s *Stack, url, secret string) {
		key = secret
		once := 1
		if err := s.Sandbox.lab.AddFault(lab.Fault{Vendor: "*", Route: "completions", Kind: lab.FaultStatus,
			Status: http.StatusInternalServerError, Times: &once, Message: "a vendor's secret"}); err != nil {
			t.Error(err)
		}
		said = chatTraced(t, url+"/v1/chat/completions", secret)
	})
	byName := map[string][]*tracepb.Span{}
	for _, span := range came.spans {
		if bytes.Equal(span.GetTraceId(), []byte("\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c")) {
			byName[strings.Fields(span.GetName())[0]] = append(byName[strings.Fields(span.GetName())[0]], span)
		}
	}
	request, queued, run, tries := byName["POST"], byName["queue"], byName["process"], byName["chat"]
	if len(request) != 1 || len(queued) != 1 || len(run) != 1 || len(tries) != 2 {
		t.Fatalf("the trace has %v", byName)
	}
	for _, link := range []struct {
		what          string
		child, parent []byte
	}{
		{"the request", request[0].GetParentSpanId(), []byte("\xb7\xad\x6b\x71\x69\x20\x33\x31")},
		{"the wait", queued[0].GetParentSpanId(), request[0].GetSpanId()},
		{"the run", run[0].GetParentSpanId(), request[0].GetSpanId()},
		{"the first try", tries[0].GetParentSpanId(), run[0].GetSpanId()},
		{"the second try", tries[1].GetParentSpanId(), run[0].GetSpanId()},
	} {
		if !bytes.Equal(link.child, link.parent) {
			t.Errorf("%s has another parent", link.what)
		}
	}
	failed, answered := tries[0], tries[1]
	if failed.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR || value(failed.GetAttributes(), "error.type").GetStringValue() != "server" ||
		value(failed.GetAttributes(), "http.response.status_code").GetIntValue() != http.StatusInternalServerError {
		t.Errorf("the try that failed: %v", failed)
	}
	about := answered.GetAttributes()
	if answered.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR || value(about, "gen_ai.usage.input_tokens").GetIntValue() == 0 ||
		value(about, "gen_ai.usage.output_tokens").GetIntValue() == 0 || value(about, "dreamlab.cost.nano_usd").GetIntValue() == 0 ||
		value(about, "gen_ai.provider.name").GetStringValue() == "" || value(about, "gen_ai.response.model").GetStringValue() == "" {
		t.Errorf("the try that answered: %v", answered)
	}
	if value(request[0].GetAttributes(), "dreamlab.job").GetStringValue() != value(run[0].GetAttributes(), "dreamlab.job").GetStringValue() {
		t.Error("the request names another job")
	}
	if value(came.who, "service.name").GetStringValue() != "the-lab" || value(came.who, "deployment.environment.name") == nil {
		t.Errorf("the process is %v", came.who)
	}
	for _, secret := range []string{key, said, "opening hours", "vendor's secret", SandboxKey + "/", "limit=", "127.0.0.1"} {
		if bytes.Contains(came.raw.Bytes(), []byte(secret)) {
			t.Errorf("%q was sent to the collector", secret)
		}
	}
	for _, name := range []string{"dreamlab_vendor_calls_total", "dreamlab_trace_spans_total", "go_goroutines"} {
		if !came.metrics[name] && !came.metrics[strings.TrimSuffix(name, "_total")] {
			t.Errorf("%s was not sent", name)
		}
	}
}

// chatTraced asks in the client's trace and returns what was answered. It looks at a list too, with a query.
func chatTraced(t *testing.T, url, key string) string {
	t.Helper()
	call := func(method, url, body string) []byte {
		request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+key)
		request.Header.Set("Content-Type", "application/json")
		if method == http.MethodPost {
			request.Header.Set("Traceparent", clients)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%s %s is %d %s, %v", method, url, answer.StatusCode, text, err)
		}
		return text
	}
	var chat struct {
		Choices []struct{ Message struct{ Content string } }
	}
	text := call(http.MethodPost, url, `{"model":"assistant","messages":[{"role":"user","content":"what are your opening hours?"}]}`)
	if err := json.Unmarshal(text, &chat); err != nil || len(chat.Choices) != 1 {
		t.Fatalf("%s, %v", text, err)
	}
	call(http.MethodGet, strings.TrimSuffix(url, "chat/completions")+"jobs?limit=3", "")
	return chat.Choices[0].Message.Content
}

// TestCollectorAway lets chats be answered where nothing takes what is told of them.
func TestCollectorAway(t *testing.T) {
	t.Parallel()
	away := config.Telemetry{
		Traces:  config.Collector{URL: "http://" + closed(t) + "/v1/traces"},
		Metrics: config.Collector{URL: "http://" + closed(t) + "/v1/metrics"},
	}
	during(t, away, func(_ *Stack, url, key string) { chatTraced(t, url+"/v1/chat/completions", key) })
}
