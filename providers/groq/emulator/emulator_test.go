package emulator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers/groq/emulator"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
)

const (
	chat  = "/openai/v1/chat/completions"
	small = "openai/gpt-oss-20b"
)

// once plays a fault one time.
func once(rig *sandboxtest.Rig, f lab.Fault) {
	f.Vendor, f.Times = "groq", sandboxtest.Once()
	rig.Fault(f)
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *sandboxtest.Rig {
	return sandboxtest.Start(t, emulator.New, lab.Options{})
}

// ask makes a request of fields that replace or add to the plainest one.
func ask(fields map[string]any) map[string]any {
	body := map[string]any{
		"model": small, "messages": []any{map[string]string{"role": "user", "content": "Hello"}},
	}
	for key, value := range fields {
		body[key] = value
	}
	return body
}

func schema() map[string]any {
	return map[string]any{"type": "json_schema", "json_schema": map[string]any{
		"name": "v", "strict": true, "schema": map[string]any{
			"type": "object", "properties": map[string]any{"said": map[string]any{"type": "string"}},
			"required": []string{"said"}, "additionalProperties": false,
		},
	}}
}

func TestChat(t *testing.T) {
	t.Parallel()
	rig := start(t)
	got := rig.Want(rig.Do("POST", chat, ask(nil)), 200)
	for path, want := range map[string]string{
		"object": "chat.completion", "model": small, "choices.0.message.role": "assistant",
		"choices.0.message.content": "Hello! How can I help you today?", "choices.0.finish_reason": "stop",
		"usage.prompt_tokens": "6", "usage.completion_tokens": "8", "usage.total_tokens": "14",
		"usage.queue_time": "0.0375", "service_tier": "on_demand",
	} {
		if got.Text(path) != want {
			t.Errorf("%s is %q, want %q", path, got.Text(path), want)
		}
	}
	if !strings.HasPrefix(got.Text("x_groq.id"), "req_") {
		t.Errorf("x_groq is %v", got.Get("x_groq"))
	}
	for _, header := range []string{"limit-requests", "remaining-requests", "reset-requests", "limit-tokens",
		"remaining-tokens", "reset-tokens"} {
		if got.Header.Get("x-ratelimit-"+header) == "" {
			t.Errorf("the header x-ratelimit-%s is missing", header)
		}
	}
	if got.Header.Get("Retry-After") != "" {
		t.Error("an answer has a retry-after header, which is for 429 alone")
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	rig := start(t)
	for _, withUsage := range []bool{false, true} {
		fields := map[string]any{"stream": true, "stream_options": map[string]any{"include_usage": withUsage}}
		events, done := rig.Want(rig.Do("POST", chat, ask(fields)), 200).Events(t)
		if !done {
			t.Error("the stream has no end")
		}
		text, finish := "", 0
		for _, event := range events {
			text += event.Text("choices.0.delta.content")
			if event.Text("choices.0.finish_reason") == "stop" {
				finish++
				event.Is(t, 0, "x_groq.usage.total_tokens", "14")
			}
		}
		if text != "Hello! How can I help you today?" || finish != 1 {
			t.Errorf("got %q with %d ends", text, finish)
		}
		if events[0].Text("x_groq.id") == "" || events[0].Text("choices.0.delta.role") != "assistant" {
			t.Errorf("the first chunk is %s", events[0].Body)
		}
		if got := events[len(events)-1].Text("usage.total_tokens") == "14"; got != withUsage {
			t.Errorf("usage at the end: %v, want %v", got, withUsage)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	rig := start(t)
	tests := []struct {
		name   string
		body   any
		status int
		path   string
		want   string
	}{
		{"n", ask(map[string]any{"n": 2}), 400, "error.param", "n"},
		{"logprobs", ask(map[string]any{"logprobs": true}), 400, "error.param", "logprobs"},
		{"top_logprobs", ask(map[string]any{"top_logprobs": 2}), 400, "error.param", "top_logprobs"},
		{
			"logit_bias",
			ask(map[string]any{"logit_bias": map[string]int{"1": 1}}),
			400,
			"error.param",
			"logit_bias",
		},
		{
			"a name",
			ask(
				map[string]any{
					"messages": []any{map[string]string{"role": "user", "name": "x", "content": "y"}},
				},
			),
			400,
			"error.param",
			"messages",
		},
		{"a role", ask(map[string]any{"messages": []any{map[string]string{"role": "boss", "content": "y"}}}),
			400, "error.param", "messages"},
		{"no messages", ask(map[string]any{"messages": []any{}}), 400, "error.param", "messages"},
		{
			"five stops",
			ask(map[string]any{"stop": []string{"a", "b", "c", "d", "e"}}),
			400,
			"error.param",
			"stop",
		},
		{
			"schema and stream",
			ask(map[string]any{"response_format": schema(), "stream": true}),
			400,
			"error.param",
			"stream",
		},
		{
			"schema and tools",
			ask(map[string]any{"response_format": schema(), "tools": []any{map[string]any{}}}),
			400,
			"error.param",
			"tools",
		},
		{
			"schema and raw reasoning",
			ask(map[string]any{"response_format": schema(), "reasoning_format": "raw"}),
			400,
			"error.param",
			"reasoning_format",
		},
		{"a schema that is cut", ask(map[string]any{"response_format": schema(), "max_completion_tokens": 1}),
			400, "error.code", "json_validate_failed"},
		{
			"too many tokens",
			ask(map[string]any{"max_completion_tokens": 70_000}),
			400,
			"error.param",
			"max_completion_tokens",
		},
		{"too long", ask(map[string]any{"messages": []any{map[string]string{"role": "user",
			"content": strings.Repeat("word ", 120_000)}}}), 400, "error.code", "context_length_exceeded"},
		{"a retired model", ask(map[string]any{"model": "meta-llama/llama-4-scout-17b-16e-instruct"}),
			400, "error.code", "model_decommissioned"},
		{"an unknown model", ask(map[string]any{"model": "x/y"}), 404, "error.code", "model_not_found"},
		{"no model", ask(map[string]any{"model": ""}), 400, "error.param", "model"},
		{"a wrong type", ask(map[string]any{"messages": 7}), 400, "error.type", "invalid_request_error"},
		{"no JSON", `{"model":`, 400, "error.type", "invalid_request_error"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := rig.Do("POST", chat, test.body)
			if got.Status != test.status || got.Text(test.path) != test.want ||
				got.Text("error.message") == "" {
				t.Errorf(
					"got %d %s, want %d and %s of %s",
					got.Status,
					got.Body,
					test.status,
					test.path,
					test.want,
				)
			}
		})
	}
	for _, p := range rig.Lab.Payments() {
		if p.Calls > 1 { // json_validate_failed alone burns tokens
			t.Errorf("refusals were billed: %+v", p)
		}
	}
}

func TestFaultForms(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault  lab.Fault
		status int
		code   string
		says   string
	}{
		{
			lab.Fault{Kind: lab.FaultRateLimit, RetryAfter: "14.9925"},
			429,
			"rate_limit_exceeded",
			"try again in 14.9925s",
		},
		{lab.Fault{Kind: lab.FaultCapacity}, 498, "capacity_exceeded", "Flex tier"},
		{
			lab.Fault{Kind: lab.FaultStatus, Status: 413},
			413,
			"rate_limit_exceeded",
			"Request too large",
		},
		{lab.Fault{Kind: lab.FaultStatus, Status: 503}, 503, "", "Internal Server Error"},
		{lab.Fault{Kind: lab.FaultStatus, Status: 422}, 422, "", "retry your request"},
	}
	for _, test := range tests {
		rig := start(t)
		test.fault.Vendor = "groq"
		rig.Fault(test.fault)
		got := rig.Do("POST", chat, ask(nil))
		if got.Status != test.status || got.Text("error.code") != test.code ||
			!strings.Contains(got.Text("error.message"), test.says) {
			t.Errorf("got %d %s, want %d %s", got.Status, got.Body, test.status, test.code)
		}
	}
}

func TestFaultsOfAnswers(t *testing.T) {
	t.Parallel()
	rig := start(t)
	once(rig, lab.Fault{Kind: lab.FaultStreamError, Chunks: 2})
	events, done := rig.Do("POST", chat, ask(map[string]any{"stream": true})).Events(t)
	if done || len(events) != 3 || events[2].Text("x_groq.error") == "" {
		t.Errorf("%d events, done %v, the last %s", len(events), done, events[len(events)-1].Body)
	}
	once(rig, lab.Fault{Kind: lab.FaultBadJSON})
	got := rig.Do("POST", chat, ask(map[string]any{"response_format": schema()}))
	if got.Status != 400 || got.Text("error.code") != "json_validate_failed" ||
		got.Text("error.failed_generation") == "" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	rig.Want(rig.Do("POST", chat, ask(map[string]any{"response_format": schema()})), 200)
}

func TestModels(t *testing.T) {
	t.Parallel()
	rig := start(t)
	got := rig.Want(rig.Do("GET", "/openai/v1/models", nil), 200)
	got.Is(t, 0, "data.0.id", "openai/gpt-oss-120b", "data.0.context_window", "131072")
	for _, path := range []string{"openai/gpt-oss-20b", "openai%2Fgpt-oss-20b"} {
		if id := rig.Do("GET", "/openai/v1/models/"+path, nil).Text("id"); id != small {
			t.Errorf("%s is %q", path, id)
		}
	}
	rig.Want(rig.Do("GET", "/openai/v1/models/none", nil), 404)
	rig.DoAs("Bearer x", "GET", "/openai/v1/models", nil).Is(t, 401, "error.code", "invalid_api_key")
	rig.Do("GET", "/openai/v1/nothing", nil).Is(t, 404, "error.code", "unknown_url")
}

func TestStrictSchemas(t *testing.T) {
	t.Parallel()
	rig := start(t)
	tests := []struct {
		schema string
		strict bool
		says   string
	}{
		{`{"type":"object","properties":{"a":{}},"required":["a"]}`, true, "additionalProperties"},
		{`{"type":"object","properties":{"a":{}},"additionalProperties":false}`, true, "Missing 'a'"},
		{`{"type":"array","items":{"type":"object","properties":{"a":{}}}}`, true, "/items: `additional"},
		{`{"type":"object","properties":{"a":{"type":"string"}}}`, false, ""},
		{`{"type":"object","properties":{},"required":[],"additionalProperties":false}`, true, ""},
		{`7`, true, "is no JSON schema"},
	}
	for _, test := range tests {
		format := fmt.Sprintf(`{"type":"json_schema","json_schema":{"name":"v","strict":%v,"schema":%s}}`,
			test.strict, test.schema)
		got := rig.Do("POST", chat, ask(map[string]any{"response_format": json.RawMessage(format)}))
		if said := got.Text("error.message"); (got.Status == 200) != (test.says == "") ||
			!strings.Contains(said, test.says) {
			t.Errorf("%s: got %d %s", test.schema, got.Status, got.Body)
		}
	}
}
