package groq_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/completion"
	"dreamlab/providers/groq"
	"dreamlab/providers/groq/emulator"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
)

// connect opens the driver over a server that answers by the handler.
func connect(t *testing.T, handler http.Handler) providers.Driver {
	t.Helper()
	server := httptest.NewServer(handler)
	transport := &http.Transport{}
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	driver, err := groq.Vendor.Open(providers.Config{
		Values: settings(server.URL), HTTP: &http.Client{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

func answer(status int, kind, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		if _, err := io.WriteString(w, body); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
}

func request() *providers.Request {
	return &providers.Request{
		Model: "openai/gpt-oss-20b", Settings: completion.Settings{MaxTokens: 50},
		Messages: []providers.Message{providers.TextMessage("user", "hello")},
	}
}

func ignore(providers.Chunk) error { return nil }

func TestRequestInGroqsWords(t *testing.T) {
	t.Parallel()
	one := 1
	req := request()
	req.N, req.ReasoningEffort = &one, "low"
	sent := make(chan map[string]any, 1)
	driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.URL.Path != "/openai/v1/chat/completions" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		sent <- body
		answer(500, "application/json", `{}`).ServeHTTP(w, r)
	}))
	if _, err := driver.Chat(t.Context(), req, ignore); err == nil {
		t.Error("no error")
	}
	body := <-sent
	if body["max_completion_tokens"] != 50.0 || body["max_tokens"] != nil || body["n"] != nil ||
		body["stream"] != true || body["reasoning_effort"] != "low" {
		t.Errorf("sent %v", body)
	}
}

func TestGroqsFailures(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status int
		body   string
		kind   providers.Kind
		charge providers.Charge
		wait   time.Duration
	}{
		"a day's tokens": {429, `{"error":{"message":"Rate limit reached on tokens per day (TPD): Limit ` +
			`200000, Used 199999. ` +
			`Please try again in 12m30.5s.","type":"tokens","code":"rate_limit_exceeded"}}`,
			providers.KindQuota, providers.ChargeNone, 12*time.Minute + 30500*time.Millisecond},
		"a minute's tokens": {429, `{"error":{"message":"Rate limit reached on tokens per minute (TPM). ` +
			`Please try again in 7.5s.",` +
			`"type":"tokens","code":"rate_limit_exceeded"}}`, providers.KindRateLimit, providers.ChargeNone,
			7500 * time.Millisecond},
		"hallucinated": {422, `{"error":{"message":"retry your request"}}`, providers.KindModelOutput,
			providers.ChargeUnknown, 0},
		"their failure": {500, `{"error":{"message":"oops"}}`, providers.KindServer, providers.ChargeNone, 0},
		"gateway":       {502, `<html>`, providers.KindServer, providers.ChargeNone, 0},
		"flex is full": {498, `{"error":{"message":"full","code":"capacity_exceeded"}}`,
			providers.KindCapacity, providers.ChargeNone, 0},
		"spend cap": {400, `{"error":{"message":"cap","code":"blocked_api_access"}}`,
			providers.KindBilling, providers.ChargeNone, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := connect(t, answer(c.status, "application/json", c.body))
			_, err := driver.Chat(t.Context(), request(), nil)
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Charge != c.charge || e.RetryAfter != c.wait {
				t.Errorf("got %+v, want %s charged %s after %v", e, c.kind, c.charge, c.wait)
			}
		})
	}
}

func TestSchemaIsAnsweredWhole(t *testing.T) {
	t.Parallel()
	emulated, _ := start(t)
	driver := connect(t, emulated)
	req := request()
	req.Messages = []providers.Message{providers.TextMessage("user", `{"a":"red","b":"blue"}`)}
	req.ResponseFormat = json.RawMessage(`{"type":"json_schema","json_schema":{"name":"v","strict":true,` +
		`"schema":{"type":"object",` +
		`"properties":{"best":{"type":"string","enum":["a","b"]}},"required":["best"],` +
		`"additionalProperties":false}}}`)
	var chunks []string
	reply, err := driver.Chat(t.Context(), req, func(chunk providers.Chunk) error {
		chunks = append(chunks, string(chunk.Data))
		return nil
	})
	if err != nil || len(chunks) != 3 || !strings.Contains(chunks[0], `best`) || !strings.Contains(reply.Content, `"best"`) || !reply.Shown {
		t.Errorf("%d chunks, %+v, %v", len(chunks), reply, err)
	}
}

// scripted opens the driver over an emulator with a fault.
func scripted(t *testing.T, fault lab.Fault) providers.Driver {
	t.Helper()
	l, err := lab.New(lab.Options{Credential: providertest.Key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	fault.Vendor = "groq"
	if err := l.AddFault(fault); err != nil {
		t.Fatal(err)
	}
	return connect(t, emulator.New(l))
}

func TestEmulatedFaults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fault    lab.Fault
		streamed bool
		kind     providers.Kind
	}{
		"rate limit": {lab.Fault{Kind: lab.FaultRateLimit, RetryAfter: 3}, false,
			providers.KindRateLimit},
		"capacity":     {lab.Fault{Kind: lab.FaultCapacity}, false, providers.KindCapacity},
		"garbage":      {lab.Fault{Kind: lab.FaultGarbage}, false, providers.KindUnreadable},
		"lost":         {lab.Fault{Kind: lab.FaultDropAfter}, false, providers.KindServer},
		"truncated":    {lab.Fault{Kind: lab.FaultTruncate, Chunks: 2}, true, providers.KindTruncated},
		"stream error": {lab.Fault{Kind: lab.FaultStreamError, Chunks: 2}, true, providers.KindServer},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := scripted(t, c.fault)
			var sink providers.Sink
			if c.streamed {
				sink = ignore
			}
			_, err := driver.Chat(t.Context(), request(), sink)
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

// TestBooksAgree lets the router and the vendor count the same calls.
func TestBooksAgree(t *testing.T) {
	t.Parallel()
	prices, err := catalog.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	price := func(vendor, model string) (in, out, cached int64) {
		p, err := prices.Price(vendor, model, time.Now())
		if err != nil {
			t.Error(err)
		}
		return p.In, p.Out, p.CachedIn
	}
	l, err := lab.New(lab.Options{Credential: providertest.Key, Price: price})
	if err != nil {
		t.Fatal(err)
	}
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: map[string]providers.Driver{"groq": connect(t, emulator.New(l))}, Prices: prices,
	})
	var counted int64
	for i := range 6 {
		call := providers.Call{
			Request: *request(), Ledger: open{},
			Tiers: [][]providers.Target{{{Provider: "groq", Model: "openai/gpt-oss-20b"}}},
		}
		if i%2 == 1 {
			call.Sink = ignore
		}
		got, err := router.Chat(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		counted += got.Nano
	}
	var paid int64
	for _, payment := range l.Payments() {
		paid += payment.NanoUSD
	}
	if paid != counted || paid == 0 {
		t.Errorf("the router counted %d nano-dollars, the vendor %d", counted, paid)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]map[string]string{
		"GROQ_API_KEY":  {},
		"GROQ_BASE_URL": {"GROQ_API_KEY": "k", "GROQ_BASE_URL": "nowhere"},
	} {
		if _, err := groq.Vendor.Open(providers.Config{Values: values}); err == nil ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("%v, want an error that names %s", err, name)
		}
	}
}

// Codes that Groq alone has mean what its pages say.
func TestGroqsOwnCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]providers.Kind{
		"json_validate_failed": providers.KindModelOutput, "tool_use_failed": providers.KindModelOutput,
		"model_decommissioned": providers.KindModelGone, "blocked_api_access": providers.KindBilling,
		"capacity_exceeded": providers.KindCapacity,
	} {
		body := `{"error":{"message":"words","type":"invalid_request_error","code":"` + code + `"}}`
		_, err := connect(t, answer(http.StatusBadRequest, "application/json", body)).Chat(t.Context(), request(), nil)
		if got := providers.KindOf(err); got != want {
			t.Errorf("%s is %s, want %s", code, got, want)
		}
		var refused *providers.Error
		unknown := want == providers.KindModelOutput // the tokens were burnt
		if errors.As(err, &refused) && (refused.Charge == providers.ChargeUnknown) != unknown {
			t.Errorf("%s: the charge is %s", code, refused.Charge)
		}
	}
}
