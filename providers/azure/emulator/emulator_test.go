package emulator_test

import (
	"bytes"
	"errors"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/providers/azure/emulator"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
)

const (
	chat  = "/openai/v1/chat/completions"
	small = "gpt-4.1-mini"
)

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

func TestChat(t *testing.T) {
	t.Parallel()
	rig := start(t)
	got := rig.Do("POST", chat, ask(nil))
	got.Is(t, 200, "object", "chat.completion", "model", "gpt-4.1-mini-2025-04-14",
		"choices.0.message.content", "Hello! How can I help you today?", "choices.0.finish_reason", "stop",
		"choices.0.content_filter_results.hate.severity", "safe", "prompt_filter_results.0.prompt_index", "0",
		"service_tier", "default", "usage.prompt_tokens", "6", "usage.completion_tokens_details.reasoning_tokens", "0")
	for header, want := range map[string]string{
		"x-ms-deployment-name": small, "x-ratelimit-reset-tokens": "60", "x-ratelimit-limit-tokens": "250000",
	} {
		if got.Header.Get(header) != want {
			t.Errorf("the header %s is %q, want %q", header, got.Header.Get(header), want)
		}
	}
	rig.Do("POST", chat, ask(map[string]any{"model": "gpt-5.6-sol", "service_tier": "flex"})).Is(t, 200, "service_tier", "flex")
	if rig.Payment("azure", small).Calls != 1 {
		t.Errorf("paid %+v", rig.Lab.Payments())
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	rig := start(t)
	fields := map[string]any{"stream": true, "stream_options": map[string]any{"include_usage": true}}
	events, done := rig.Want(rig.Do("POST", chat, ask(fields)), 200).Events(t)
	if !done || len(events) < 4 {
		t.Fatalf("%d events, done %v", len(events), done)
	}
	first, last, text := events[0], events[len(events)-1], ""
	first.Is(t, 0, "choices", "[]", "id", "", "prompt_filter_results.0.content_filter_results.jailbreak.detected", "false")
	last.Is(t, 0, "choices", "[]", "usage.total_tokens", "14")
	for _, event := range events[1 : len(events)-1] {
		text += event.Text("choices.0.delta.content")
		if event.Get("choices.0.content_filter_results") == nil {
			t.Errorf("a chunk without the filter's word: %s", event.Body)
		}
	}
	if text != "Hello! How can I help you today?" {
		t.Errorf("got %q", text)
	}
}

// Each family of routes asks for what it asks for.
func TestRoutesAndVersions(t *testing.T) {
	t.Parallel()
	rig := start(t)
	key := func(path, key string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, rig.URL+path, strings.NewReader(
			`{"model":"gpt-4.1-mini","messages":[{"role":"user","content":"Hello"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Api-Key", key)
		return rig.Send(req).Status
	}
	const classic = "/openai/deployments/first/chat/completions"
	for _, c := range []struct {
		path, key string
		status    int
	}{
		{chat, "sandbox", 200},
		{chat, "wrong", 401},
		{chat + "?api-version=preview", "sandbox", 200},
		{chat + "?api-version=2024-10-21", "sandbox", 400},
		{classic + "?api-version=2024-10-21", "sandbox", 200},
		{classic + "?api-version=latest", "sandbox", 404},
		{classic, "sandbox", 404},
		{"/openai/deployments/none/chat/completions?api-version=2024-10-21", "sandbox", 404},
		{"/models/chat/completions?api-version=2024-05-01-preview", "sandbox", 200},
		{"/models/chat/completions", "sandbox", 404},
	} {
		if got := key(c.path, c.key); got != c.status {
			t.Errorf("%s as %s: %d, want %d", c.path, c.key, got, c.status)
		}
	}
	rig.Do("POST", classic+"?api-version=2024-10-21", ask(nil)).Is(t, 401, "error.code", "401") // the key is no bearer token here
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	rig := start(t)
	for name, c := range map[string]struct {
		fields map[string]any
		status int
		code   string
	}{
		"deployment": {map[string]any{"model": "none"}, 404, "DeploymentNotFound"},
		"bound":      {map[string]any{"model": "gpt-5-nano", "max_tokens": 9}, 400, "unsupported_parameter"},
		"tools": {map[string]any{"model": "Llama-4-Maverick-17B-128E-Instruct-FP8", "tools": []any{map[string]any{}}}, 400,
			"unsupported_parameter"},
		"format": {map[string]any{"model": "Llama-4-Maverick-17B-128E-Instruct-FP8",
			"response_format": map[string]any{"type": "json_object"}}, 400, "unsupported_parameter"},
		"messages":   {map[string]any{"messages": []any{}}, 400, "BadRequest"},
		"embeddings": {map[string]any{"model": "text-embedding-3-small"}, 400, "OperationNotSupported"},
		"tier":       {map[string]any{"service_tier": "flex"}, 400, "BadRequest"},
		"too long":   {map[string]any{"max_tokens": 2_000_000}, 400, "context_length_exceeded"},
	} {
		if got := rig.Do("POST", chat, ask(c.fields)); got.Status != c.status || got.Text("error.code") != c.code {
			t.Errorf("%s: %d %s, want %d %s", name, got.Status, got.Body, c.status, c.code)
		}
	}
	rig.Do("POST", "/openai/v1/embeddings", ask(map[string]any{"input": "a"})).Is(t, 400, "error.code", "OperationNotSupported")
	rig.Do("GET", "/openai/v1/nothing", nil).Is(t, 404, "error.code", "404", "error.message", "Resource not found")
	if paid := rig.Lab.Payments(); len(paid) > 0 {
		t.Errorf("refusals were billed: %+v", paid)
	}
}

func TestFaultForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  lab.Fault
		status int
		code   string
		says   string
	}{
		"limit":    {lab.Fault{Kind: lab.FaultRateLimit, RetryAfter: 22}, 429, "429", "Please retry after 22 seconds"},
		"capacity": {lab.Fault{Kind: lab.FaultCapacity}, 429, "NoCapacity", "high demand"},
		"filter":   {lab.Fault{Kind: lab.FaultFilter}, 400, "content_filter", "content management policy"},
		"failure":  {lab.Fault{Kind: lab.FaultStatus, Status: 500}, 500, "InternalServerError", "had an error"},
		"firewall": {lab.Fault{Kind: lab.FaultStatus, Status: 403}, 403, "403", "Firewall"},
	} {
		rig := start(t)
		c.fault.Vendor = "azure"
		rig.Fault(c.fault)
		got := rig.Do("POST", chat, ask(nil))
		if got.Status != c.status || got.Text("error.code") != c.code || !strings.Contains(got.Text("error.message"), c.says) {
			t.Errorf("%s: got %d %s", name, got.Status, got.Body)
		}
		if name == "limit" && got.Header.Get("Retry-After-Ms") != "22000" {
			t.Errorf("the headers are %v", got.Header)
		}
		if name == "filter" {
			got.Is(t, 400, "error.innererror.code", "ResponsibleAIPolicyViolation", "error.param", "prompt")
		}
	}
}

// form asks for a token.
func form(t *testing.T, rig *sandboxtest.Rig, tenant string, change url.Values) *sandboxtest.Answer {
	t.Helper()
	values := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {emulator.Client}, "client_secret": {"sandbox"},
		"scope": {"https://cognitiveservices.azure.com/.default"},
	}
	for key, value := range change {
		values[key] = value
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, rig.URL+"/"+tenant+"/oauth2/v2.0/token",
		strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return rig.Send(req)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	rig := start(t)
	for want, change := range map[string]url.Values{
		"invalid_client": {"client_secret": {"wrong"}}, "unauthorized_client": {"client_id": {"x"}},
		"unsupported_grant_type": {"grant_type": {"password"}}, "invalid_scope": {"scope": {"openid"}},
	} {
		if got := form(t, rig, emulator.Tenant, change); got.Status < 400 || got.Text("error") != want {
			t.Errorf("%s: %d %s", want, got.Status, got.Body)
		}
	}
	form(t, rig, "other", nil).Is(t, 400, "error", "invalid_request")
	given := form(t, rig, emulator.Tenant, nil)
	given.Is(t, 200, "token_type", "Bearer", "expires_in", "3600")
	bearer := "Bearer " + given.Text("access_token")
	classic := "/openai/deployments/first/chat/completions?api-version=2024-10-21"
	rig.Want(rig.DoAs(bearer, "POST", classic, ask(nil)), 200)
	rig.Lab.Advance(time.Hour)
	rig.DoAs(bearer, "POST", classic, ask(nil)).Is(t, 401, "error.code", "401")
	rig.DoAs("Bearer x", "POST", chat, ask(nil)).Is(t, 401, "error.code", "401")
}

func TestModels(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.Do("GET", "/openai/v1/models", nil).Is(t, 200, "data.0.id", "gpt-5-nano", "data.0.capabilities.chat_completion", "true")
	rig.Do("GET", "/openai/v1/models/gpt-oss-120b", nil).Is(t, 200, "id", "gpt-oss-120b")
	rig.Do("GET", "/openai/v1/models/none", nil).Is(t, 404, "error.code", "model_not_found")
}

// order uploads a file and makes a batch of it.
func order(t *testing.T, rig *sandboxtest.Rig, text string) *sandboxtest.Answer {
	t.Helper()
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	part, err := writer.CreateFormFile("file", "rows.jsonl")
	if err == nil {
		_, err = part.Write([]byte(text))
	}
	if err = errors.Join(err, writer.WriteField("purpose", "batch"), writer.Close()); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, rig.URL+"/openai/files?api-version=2024-10-21", &form)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", writer.FormDataContentType())
	req.Header.Set("Api-Key", "sandbox")
	file := rig.Want(rig.Send(req), 200)
	return rig.Want(rig.Do("POST", "/openai/v1/batches", map[string]any{
		"input_file_id": file.Text("id"), "endpoint": "/chat/completions", "completion_window": "24h"}), 200)
}

func TestBatches(t *testing.T) {
	t.Parallel()
	rig := start(t)
	const row = `{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5-nano-batch",` +
		`"messages":[{"role":"user","content":"Hello"}]}}` + "\n"
	for name, c := range map[string]struct{ text, status, code string }{
		"as it should":    {row, "completed", ""},
		"the other route": {strings.Replace(row, "/v1/chat", "/chat", 1), "completed", ""},
		"marked":          {"\ufeff" + row, "failed", "invalid_request"},
		"a live one":      {strings.Replace(row, "nano-batch", "nano", 1), "failed", "model_not_found"},
	} {
		made := order(t, rig, c.text)
		made.Is(t, 200, "status", "Validating", "request_counts.total", "")
		if !strings.HasPrefix(made.Text("created_at"), "2026-") {
			t.Errorf("%s: made at %s", name, made.Text("created_at"))
		}
		rig.Lab.Advance(24 * time.Hour)
		over := rig.Do("GET", "/openai/v1/batches/"+made.Text("id"), nil)
		over.Is(t, 200, "status", c.status, "errors.data.0.code", c.code)
		if c.status == "completed" {
			rig.Do("GET", "/openai/v1/files/"+over.Text("output_file_id")+"/content", nil).Is(t, 200, "response.status_code", "200", "custom_id", "a")
			if empty := rig.Do("GET", "/openai/v1/files/"+over.Text("error_file_id")+"/content", nil); empty.Status != 200 || len(empty.Body) > 0 {
				t.Errorf("%s: the file of failures is %d %s", name, empty.Status, empty.Body)
			}
		}
	}
	if paid := rig.Payment("azure", "gpt-5-nano"); paid.Calls != 2 {
		t.Errorf("paid %+v", rig.Lab.Payments())
	}
	rig.Do("POST", chat, ask(map[string]any{"model": "gpt-5-nano-batch"})).Is(t, 400, "error.code", "BadRequest")
}
