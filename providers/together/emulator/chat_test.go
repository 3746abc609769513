package emulator_test

import (
	"strings"
	"testing"

	"dreamlab/providers/sandbox/lab"
)

func TestChat(t *testing.T) {
	t.Parallel()
	r := start(t)
	got := r.ok("POST", chat, ask(base, "Thank you"))
	if got.Text(said) != "You are welcome!" || got.Text("choices.0.finish_reason") != "eos" ||
		got.Text("usage.total_tokens") != "11" || got.Get("usage.prompt_tokens_details") != nil {
		t.Errorf("got %s", got.Body)
	}
	stopped := ask(base, "Thank you")
	stopped["stop"] = []string{"wel"}
	if got := r.ok("POST", chat, stopped).Text("choices.0.finish_reason"); got != "stop" {
		t.Errorf("a stopped answer ends with %s", got)
	}
	want := lab.Payment{
		Vendor:    "together",
		Model:     base,
		Calls:     2,
		TokensIn:  14,
		TokensOut: 6,
		NanoUSD:   2*350 + 1200,
	}
	if paid := r.Payment("together", base); paid != want {
		t.Errorf("paid %+v, want %+v", paid, want)
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	r := start(t)
	body := ask(base, "Thank you")
	body["stream"] = true
	events, done := r.ok("POST", chat, body).Events(t)
	text, usages := "", 0
	for _, event := range events {
		text += event.Text("choices.0.delta.content")
		if event.Get("usage") != nil {
			usages++
		}
	}
	last := events[len(events)-1]
	if !done || text != "You are welcome!" || usages != 1 || last.Text("usage.total_tokens") != "11" ||
		last.Text("choices.0.finish_reason") != "eos" {
		t.Errorf("got %q, done %v, %d usages, the last %s", text, done, usages, last.Body)
	}
	r.once(lab.Fault{Kind: lab.FaultStreamError, Chunks: 1})
	events, done = r.Do("POST", chat, body).Events(t)
	if done || events[len(events)-1].Text("error.type") != "server_error" {
		t.Errorf("done %v, the last %s", done, events[len(events)-1].Body)
	}
}

func TestChatRefusals(t *testing.T) {
	t.Parallel()
	r := start(t)
	with := func(key string, value any) map[string]any {
		body := ask(base, "x")
		body[key] = value
		return body
	}
	long := ask(base, strings.Repeat("word ", 120_000))
	tests := []struct {
		name   string
		body   any
		status int
		code   string
	}{
		{
			"a retired model",
			ask("meta-llama/Llama-4-Scout-17B-16E-Instruct", "x"),
			404,
			"model_not_available",
		},
		{"an unknown model", ask("a/b", "x"), 404, "model_not_available"},
		{"an unknown endpoint", ask("sandbox/none", "x"), 404, "model_not_available"},
		{
			"a model without a server",
			ask("meta-llama/Llama-3.3-70B-Instruct-Reference", "x"),
			400,
			"model_not_available",
		},
		{"no model", ask("", "x"), 400, ""},
		{"boolean logprobs", with("logprobs", true), 422, ""},
		{"a text as stop", with("stop", "x"), 422, ""},
		{"n", with("n", 2), 400, ""},
		{"no messages", with("messages", []any{}), 400, ""},
		{"too long", long, 403, "context_length_exceeded"},
	}
	for _, test := range tests {
		got := r.Do("POST", chat, test.body)
		if got.Status != test.status || got.Text("error.code") != test.code ||
			got.Text("error.message") == "" {
			t.Errorf("%s: got %d %.300s, want %d %s", test.name, got.Status, got.Body, test.status, test.code)
		}
	}
	long["context_length_exceeded_behavior"] = "truncate"
	r.ok("POST", chat, long)
	if paid := r.Payment("together", base); paid.Calls != 1 {
		t.Errorf("%d calls were billed, want 1", paid.Calls)
	}
}

// The vendor has three forms of error bodies.
func TestErrorForms(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.once(lab.Fault{Route: "/chat", Kind: lab.FaultStatus, Status: 524})
	if got := r.Do("POST", chat, ask(base, "x")); got.Status != 524 || got.Text("error") == "" ||
		got.Get("error.message") != nil {
		t.Errorf("from the front: %d %s", got.Status, got.Body)
	}
	if got := r.Do("GET", "/v1/nothing", nil); got.Status != 404 ||
		!strings.HasPrefix(got.Text("error"), "Invalid URL") {
		t.Errorf("unknown route: %d %s", got.Status, got.Body)
	}
	if got := r.Do("GET", "/v1/fine-tunes/models/limits?model_name=x", nil); got.Status != 404 ||
		got.Text("message") == "" {
		t.Errorf("bare: %d %s", got.Status, got.Body)
	}
	r.once(lab.Fault{Route: "/chat", Kind: lab.FaultRateLimit})
	got := r.Do("POST", chat, ask(base, "x"))
	if got.Status != 429 || got.Text("error.error_type") != "dynamic_request_limited" ||
		got.Header.Get("x-ratelimit-reset") != "2" {
		t.Errorf("rate limit: %d %s %v", got.Status, got.Body, got.Header)
	}
	r.once(lab.Fault{Kind: lab.FaultCapacity})
	r.Do("POST", chat, ask(base, "x")).Is(t, 503, "error.code", "overloaded")
	r.DoAs("Bearer x", "GET", "/v1/models", nil).Is(t, 401, "error.code", "invalid_api_key")
}

func TestAccount(t *testing.T) {
	t.Parallel()
	r := start(t)
	models := r.ok("GET", "/v1/models", nil)
	models.Is(t, 0, "0.id", base, "0.pricing.input", "0.05", "0.pricing.output", "0.2")
	who := r.ok("GET", "/v1/whoami", nil)
	who.Is(t, 0, "project_id", "proj_sandbox", "project_slug", "sandbox")
}
