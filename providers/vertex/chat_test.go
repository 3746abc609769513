package vertex_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/vertex"
)

// asked are the requests that reached the vendor, without those for tokens.
func asked(g *google) []string {
	var paths []string
	for _, r := range g.lab.Requests() {
		if r.Path != "/token" {
			paths = append(paths, r.Method+" "+r.Path)
		}
	}
	return paths
}

// Each model is asked where it is served.
func TestPlaces(t *testing.T) {
	t.Parallel()
	g := serve(t)
	values := settings(g.URL)
	values["GOOGLE_VERTEX_LOCATION"] = "us-central1"
	values["GOOGLE_VERTEX_LOCATIONS"] = "meta/=us-east5, google/=global,google/gemini-2.5-flash-=us"
	driver := g.open(t, values, nil)
	for model, where := range map[string]string{
		"meta/llama-4-scout-17b-16e-instruct-maas": "us-east5/endpoints/openapi",
		"google/gemini-2.5-flash":                  "global/endpoints/openapi",
		"google/gemini-2.5-flash-lite":             "us/endpoints/openapi",
		"openai/gpt-oss-20b-maas":                  "us-central1/endpoints/openapi",
		"4711":                                     "us-central1/endpoints/4711",
	} {
		req := request()
		req.Model = model
		_, err := driver.Chat(t.Context(), req, nil)
		if (err != nil) != (model == "4711") {
			t.Errorf("%s: %v", model, err)
		}
		paths := asked(g)
		want := "POST /v1/projects/dreamlab-sandbox/locations/" + where + "/chat/completions"
		if got := paths[len(paths)-1]; got != want {
			t.Errorf("%s: asked %s, want %s", model, got, want)
		}
	}
}

// carrier remembers a request and carries none.
type carrier struct{ sent chan *http.Request }

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	c.sent <- r
	return nil, errors.New("no network")
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for location, host := range map[string]string{
		"":             "aiplatform.googleapis.com",
		"global":       "aiplatform.googleapis.com",
		"eu":           "aiplatform.eu.rep.googleapis.com",
		"europe-west4": "europe-west4-aiplatform.googleapis.com",
	} {
		sent := make(chan *http.Request, 2)
		values := map[string]string{
			"GOOGLE_VERTEX_PROJECT": "p", "GOOGLE_VERTEX_LOCATION": location,
			"GOOGLE_CREDENTIALS": `{"type":"authorized_user","refresh_token":"r","client_id":"c","quota_project_id":"q"}`,
		}
		driver, err := vertex.Vendor.Open(providers.Config{Values: values, HTTP: &http.Client{Transport: answering{sent}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := driver.Chat(t.Context(), request(), nil); err == nil {
			t.Error("no error")
		}
		if r := <-sent; r.URL.Host != host || r.URL.Scheme != "https" || r.Header.Get("X-Goog-User-Project") != "q" {
			t.Errorf("%q: sent to %s for the quota of %q", location, r.URL, r.Header.Get("X-Goog-User-Project"))
		}
	}
}

// answering gives a token, and remembers what else it is sent.
type answering struct{ sent chan *http.Request }

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "oauth2.googleapis.com" {
		return carrier(a).RoundTrip(r)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: noClose{strings.NewReader(`{"access_token":"t","expires_in":3599,"token_type":"Bearer"}`)},
	}, nil
}

type noClose struct{ *strings.Reader }

func (noClose) Close() error { return nil }

// An open model of Meta's is always told how long its answer may get.
func TestLongestAnswerIsTold(t *testing.T) {
	t.Parallel()
	g := serve(t)
	req := request()
	req.Model, req.MaxTokens = "meta/llama-4-scout-17b-16e-instruct-maas", 0
	reply, err := g.open(t, settings(g.URL), nil).Chat(t.Context(), req, nil)
	if err != nil || reply.Finish != "stop" {
		t.Errorf("%+v, %v", reply, err)
	}
}

// What Google says becomes one kind, with its wait, whole or in a list.
func TestGooglesFailures(t *testing.T) {
	t.Parallel()
	status := func(code, word, rest string) string {
		return `{"error":{"code":` + code + `,"message":"words","status":"` + word + `"` + rest + `}}`
	}
	details := func(text string) string { return `,"details":[` + text + `]` }
	cases := map[string]struct {
		status int
		body   string
		kind   providers.Kind
		code   string
		wait   time.Duration
	}{
		"argument": {400, status("400", "INVALID_ARGUMENT", ""), providers.KindInvalid, "INVALID_ARGUMENT", 0},
		"context": {400, `[{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number ` +
			`of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]`, providers.KindContext, "INVALID_ARGUMENT", 0},
		"condition": {400, status("400", "FAILED_PRECONDITION", ""), providers.KindPermission, "FAILED_PRECONDITION", 0},
		"unpaid": {403, status("403", "PERMISSION_DENIED", details(`{"@type":"type.googleapis.com/google.rpc.ErrorInfo",`+
			`"reason":"BILLING_DISABLED"}`)), providers.KindBilling, "PERMISSION_DENIED", 0},
		"switched off": {403, status("403", "PERMISSION_DENIED", details(`{"reason":"SERVICE_DISABLED"}`)),
			providers.KindPermission, "PERMISSION_DENIED", 0},
		"gone": {404, "[" + status("404", "NOT_FOUND", "") + "]", providers.KindModelGone, "NOT_FOUND", 0},
		"exhausted": {429, "[" + status("429", "RESOURCE_EXHAUSTED", details(
			`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37s"}`)) + "]",
			providers.KindRateLimit, "RESOURCE_EXHAUSTED", 37 * time.Second},
		"the day's": {429, status("429", "RESOURCE_EXHAUSTED", details(`{"violations":[{"quotaId":`+
			`"GenerateRequestsPerDayPerProject"}]}`)), providers.KindQuota, "RESOURCE_EXHAUSTED", 0},
		"cancelled": {499, status("499", "CANCELLED", ""), providers.KindServer, "CANCELLED", 0},
		"full":      {503, status("503", "UNAVAILABLE", ""), providers.KindCapacity, "UNAVAILABLE", 0},
		"late":      {504, status("504", "DEADLINE_EXCEEDED", ""), providers.KindTimeout, "DEADLINE_EXCEEDED", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t)
			fault := lab.Fault{Vendor: "vertex", Kind: lab.FaultStatus, Status: c.status, Body: []byte(c.body), Route: "chat"}
			if err := g.lab.AddFault(fault); err != nil {
				t.Fatal(err)
			}
			_, e := ask(t, g.open(t, settings(g.URL), nil))
			if e == nil || e.Kind != c.kind || e.Code != c.code || e.RetryAfter != c.wait {
				t.Errorf("got %+v, want %s %q after %v", e, c.kind, c.code, c.wait)
			}
		})
	}
}

func TestEmulatedFaults(t *testing.T) {
	t.Parallel()
	ignore := func(providers.Chunk) error { return nil }
	for name, c := range map[string]struct {
		fault lab.Fault
		sink  providers.Sink
		kind  providers.Kind
	}{
		"rate limit":   {lab.Fault{Kind: lab.FaultRateLimit, RetryAfter: 3}, nil, providers.KindRateLimit},
		"capacity":     {lab.Fault{Kind: lab.FaultCapacity}, nil, providers.KindCapacity},
		"truncated":    {lab.Fault{Kind: lab.FaultTruncate, Chunks: 2}, ignore, providers.KindTruncated},
		"stream error": {lab.Fault{Kind: lab.FaultStreamError, Chunks: 2}, ignore, providers.KindCapacity},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t)
			c.fault.Vendor, c.fault.Route = "vertex", "chat"
			if err := g.lab.AddFault(c.fault); err != nil {
				t.Fatal(err)
			}
			_, err := g.open(t, settings(g.URL), nil).Chat(t.Context(), request(), c.sink)
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != c.kind {
				t.Errorf("got %v, want %s", err, c.kind)
			}
			if c.fault.RetryAfter != nil && e.RetryAfter != 3*time.Second {
				t.Errorf("retry after %v, want 3 s", e.RetryAfter)
			}
		})
	}
}

// Reasoning stands beside the tokens of the answer, and is billed as output.
func TestReasoningIsCountedAsOutput(t *testing.T) {
	t.Parallel()
	prices, err := catalog.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	g := serve(t)
	driver := g.open(t, settings(g.URL), nil)
	sinks := []providers.Sink{nil, func(providers.Chunk) error { return nil }}
	for i, sink := range sinks {
		reply, err := driver.Chat(t.Context(), request(), sink)
		if err != nil {
			t.Fatal(err)
		}
		paid := g.lab.Payments()[0]
		if got := reply.Usage; got.Reasoning != 32 || got.Output*int64(i+1) != paid.TokensOut || got.Output <= 32 {
			t.Errorf("read %+v, the vendor has billed %d tokens of output", got, paid.TokensOut)
		}
	}
	if _, err := prices.Price("vertex", flash, time.Now()); err != nil {
		t.Error(err)
	}
}

// Google's own models take one text at a time, and make vectors of the length that is
// asked for.
func TestVectorsOneByOne(t *testing.T) {
	t.Parallel()
	g := serve(t)
	embedder := g.open(t, settings(g.URL), nil).(providers.Embedder)
	ask := providers.EmbedRequest{Model: "google/gemini-embedding-001", Inputs: []string{"one", "two"}, Dimensions: 8}
	reply, err := embedder.Embed(t.Context(), ask)
	if err != nil || len(reply.Vectors) != 2 || len(reply.Vectors[0]) != 8 || len(asked(g)) != 2 {
		t.Errorf("%+v, %v, by %d requests", reply, err, len(asked(g)))
	}
	ask.Model = "google/text-embedding-005"
	if _, err := embedder.Embed(t.Context(), ask); err != nil || len(asked(g)) != 3 {
		t.Errorf("%v, by %d requests", err, len(asked(g)))
	}
	ask.Model = "google/none"
	if _, err := embedder.Embed(t.Context(), ask); providers.KindOf(err) != providers.KindModelGone {
		t.Errorf("got %v, want a model that is gone", err)
	}
}

// Tools and schemas are the vendor's own: they go as they came.
func TestToolsAndSchemas(t *testing.T) {
	t.Parallel()
	g := serve(t)
	driver := g.open(t, settings(g.URL), nil)
	for _, sink := range []providers.Sink{nil, func(providers.Chunk) error { return nil }} {
		req := request()
		req.Tools = []byte(`[{"type":"function","function":{"name":"weather","parameters":{"type":"object",` +
			`"properties":{"city":{"type":"string"}},"required":["city"]}}}]`)
		req.ToolChoice = []byte(`"required"`)
		reply, err := driver.Chat(t.Context(), req, sink)
		if err != nil || reply.Finish != "tool_calls" || !strings.Contains(string(reply.Message), `"weather"`) {
			t.Errorf("%+v, %v", reply, err)
		}
		req = request()
		req.ResponseFormat = []byte(`{"type":"json_schema","json_schema":{"name":"v","schema":{"type":"object",` +
			`"properties":{"best":{"type":"string","enum":["a","b"]}},"required":["best"]}}}`)
		if reply, err = driver.Chat(t.Context(), req, sink); err != nil || !strings.Contains(reply.Content, `"best"`) {
			t.Errorf("%+v, %v", reply, err)
		}
	}
}
