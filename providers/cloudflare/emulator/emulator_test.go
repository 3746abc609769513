package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/providers/cloudflare/emulator"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
)

const (
	ai    = "/client/v4/accounts/" + emulator.Account + "/ai"
	chat  = ai + "/v1/chat/completions"
	small = "@cf/meta/llama-3.2-1b-instruct"
	large = "@cf/openai/gpt-oss-120b"
	says  = "Hello! How can I help you today?"
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

func TestForms(t *testing.T) {
	t.Parallel()
	rig := start(t)
	for _, path := range []string{chat, "/v1/" + emulator.Account + "/default/workers-ai/v1/chat/completions"} {
		rig.Do("POST", path, ask(nil)).Is(t, 200, "object", "chat.completion", "choices.0.message.content", says,
			"usage.total_tokens", "14", "success", "")
	}
	gateway := "/v1/" + emulator.Account + "/default"
	rig.Do("POST", gateway+"/compat/chat/completions", ask(map[string]any{"model": "workers-ai/" + small})).
		Is(t, 200, "choices.0.message.content", says)
	for _, path := range []string{ai + "/run/" + small, gateway + "/workers-ai/run/" + small, gateway + "/workers-ai/" + small} {
		rig.Do("POST", path, ask(nil)).Is(t, 200, "result.response", says, "success", "true", "result.usage.total_tokens", "14")
	}
	rig.Do("POST", ai+"/run/"+small, map[string]any{"prompt": "Hello"}).Is(t, 200, "result.response", says)
	if paid := rig.Payment("cloudflare", small); paid.Calls != 7 {
		t.Errorf("paid %+v", paid)
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	rig := start(t)
	events, done := rig.Want(rig.Do("POST", chat, ask(map[string]any{"stream": true})), 200).Events(t)
	text := ""
	for _, event := range events {
		text += event.Text("choices.0.delta.content")
	}
	if !done || text != says {
		t.Errorf("got %q, done %v", text, done)
	}
	events, done = rig.Want(rig.Do("POST", ai+"/run/"+small, ask(map[string]any{"stream": true})), 200).Events(t)
	text = ""
	for _, event := range events {
		text += event.Text("response")
	}
	if last := events[len(events)-1]; !done || text != says || last.Text("usage.completion_tokens") != "8" {
		t.Errorf("got %q, done %v, the last event is %s", text, done, last.Body)
	}
	// gpt-oss answers whole here.
	rig.Do("POST", ai+"/run/"+large, ask(map[string]any{"stream": true})).Is(t, 200, "success", "true")
}

func TestToolCalls(t *testing.T) {
	t.Parallel()
	rig := start(t)
	forced := ask(map[string]any{
		"tools": []any{map[string]any{"type": "function", "function": map[string]any{"name": "look", "parameters": map[string]any{
			"type": "object", "properties": map[string]any{"what": map[string]any{"type": "string"}}}}}},
		"tool_choice": "required",
	})
	rig.Do("POST", ai+"/run/"+small, forced).Is(t, 200, "result.tool_calls.0.name", "look", "result.tool_calls.0.id", "",
		"result.tool_calls.0.arguments.what", "Hello")
	rig.Do("POST", chat, forced).Is(t, 200, "choices.0.message.tool_calls.0.function.name", "look")
}

func TestFormats(t *testing.T) {
	t.Parallel()
	rig := start(t)
	schema := map[string]any{"type": "object", "properties": map[string]any{"said": map[string]any{"type": "string"}}}
	bare := map[string]any{"type": "json_schema", "json_schema": schema}
	rig.Do("POST", ai+"/run/"+small, ask(map[string]any{"response_format": bare})).Is(t, 200, "result.response.said", "Hello")
	got := rig.Do("POST", chat, ask(map[string]any{"response_format": bare}))
	if got.Status != 200 || !strings.Contains(got.Text("choices.0.message.content"), `"said"`) {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	wrapped := map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "v", "schema": schema}}
	rig.Do("POST", chat, ask(map[string]any{"response_format": wrapped})).Is(t, 400, "errors.0.message", "AiError: JSON Mode couldn't be met")
	rig.Do("POST", chat, ask(map[string]any{"response_format": bare, "stream": true})).Is(t, 400, "errors.0.code", "5006")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	rig := start(t)
	image := []any{map[string]any{"role": "user", "content": []any{
		map[string]any{"type": "image_url", "image_url": map[string]any{"url": "https://example.org/a.png"}}}}}
	for name, c := range map[string]struct {
		path   string
		fields map[string]any
		status int
		code   string
	}{
		"model":        {chat, map[string]any{"model": "@cf/none"}, 400, "5007"},
		"native model": {ai + "/run/@cf/none", nil, 400, "5007"},
		"messages":     {chat, map[string]any{"messages": []any{}}, 400, "5006"},
		"n":            {chat, map[string]any{"n": 2}, 400, "5006"},
		"image":        {chat, map[string]any{"messages": image}, 400, "5006"},
		"too long":     {chat, map[string]any{"max_tokens": 70_000}, 413, "5021"},
		"no gateway":   {ai + "/run", map[string]any{"input": map[string]any{"prompt": "a"}}, 400, "5006"},
		"embeddings":   {ai + "/v1/embeddings", map[string]any{"input": "a"}, 400, "5006"},
		"account":      {strings.Replace(chat, "0123", "ffff", 1), nil, 403, "10000"},
		"no account":   {"/client/v4/accounts/mine/ai/v1/chat/completions", nil, 404, "7003"},
		"no route":     {ai + "/v1/nothing", nil, 404, "7003"},
	} {
		if got := rig.Do("POST", c.path, ask(c.fields)); got.Status != c.status || got.Text("errors.0.code") != c.code || got.Text("success") != "false" {
			t.Errorf("%s: %d %s, want %d %s", name, got.Status, got.Body, c.status, c.code)
		}
	}
	rig.DoAs("Bearer x", "POST", chat, ask(nil)).Is(t, 401, "errors.0.code", "10000")
	gateway := "/v1/" + emulator.Account
	rig.Do("POST", gateway+"/none/compat/chat/completions", ask(nil)).Is(t, 400, "error.0.code", "2001")
	rig.Do("POST", gateway+"/locked/compat/chat/completions", ask(nil)).Is(t, 401, "error.0.code", "2009")
	if paid := rig.Lab.Payments(); len(paid) > 0 {
		t.Errorf("refusals were billed: %+v", paid)
	}
}

func TestFaultForms(t *testing.T) {
	t.Parallel()
	for _, c := range map[string]struct {
		fault  lab.Fault
		status int
		code   string
	}{
		"limit":    {lab.Fault{Kind: lab.FaultRateLimit}, 429, "971"},
		"capacity": {lab.Fault{Kind: lab.FaultCapacity}, 429, "3040"},
		"filter":   {lab.Fault{Kind: lab.FaultFilter}, 400, "8007"},
		"failure":  {lab.Fault{Kind: lab.FaultStatus, Status: 502}, 502, "3043"},
		"JSON":     {lab.Fault{Kind: lab.FaultBadJSON}, 400, "5024"},
	} {
		rig := start(t)
		c.fault.Vendor = "cloudflare"
		rig.Fault(c.fault)
		format := map[string]any{"response_format": map[string]any{"type": "json_object"}}
		rig.Do("POST", chat, ask(format)).Is(t, c.status, "errors.0.code", c.code)
	}
}

// Without a bound an answer ends after 256 tokens.
func TestDefaultBound(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.Do("POST", chat, ask(map[string]any{"max_tokens": 3})).Is(t, 200, "choices.0.finish_reason", "length")
	fields := map[string]any{"response_format": map[string]any{"type": "json_schema", "json_schema": map[string]any{
		"type": "array", "minItems": 300, "items": map[string]any{"type": "string"}}}}
	rig.Do("POST", chat, ask(fields)).Is(t, 400, "errors.0.code", "5024") // it breaks off
}

func TestModels(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.Do("GET", ai+"/models/search", nil).Is(t, 200, "result.0.name", large, "result_info.total_count", "7",
		"result.0.task.name", "Text Generation")
	rig.Do("GET", ai+"/models/search?per_page=2&page=4", nil).Is(t, 200, "result_info.count", "1", "result.0.name", "@cf/baai/bge-m3")
	rig.Do("GET", ai+"/models/search?search=scout", nil).Is(t, 200, "result_info.total_count", "1")
	rig.Do("GET", "/client/v4/user/tokens/verify", nil).Is(t, 200, "result.status", "active")
}

func TestEmbeddings(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.Do("POST", ai+"/run/@cf/baai/bge-m3", map[string]any{"text": []string{"one", "two"}}).Is(t, 200, "result.shape.0", "2")
	rig.Do("POST", ai+"/v1/embeddings", map[string]any{"model": "@cf/baai/bge-m3", "input": "one"}).Is(t, 200, "data.0.object", "embedding")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, rig.URL+ai+"/run",
		strings.NewReader(`{"model":"`+small+`","input":{"prompt":"Hello"}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer sandbox")
	req.Header.Set("Cf-Aig-Gateway-Id", "default")
	rig.Send(req).Is(t, 200, "result.response", says)
}

func TestQueuedRequests(t *testing.T) {
	t.Parallel()
	rig := start(t)
	const queue = "?queueRequest=true"
	for name, c := range map[string]struct {
		model   string
		request map[string]any
		status  int
	}{
		"messages":              {large, map[string]any{"messages": []any{map[string]any{"role": "user", "content": "Hello"}}, "external_reference": "a"}, 200},
		"a prompt":              {"@cf/meta/llama-3.3-70b-instruct-fp8-fast", map[string]any{"prompt": "Hello", "external_reference": "a"}, 200},
		"no prompt":             {"@cf/meta/llama-3.3-70b-instruct-fp8-fast", map[string]any{"messages": []any{map[string]any{"role": "user", "content": "a"}}}, 400},
		"nothing":               {large, map[string]any{}, 400},
		"a model that does not": {small, map[string]any{"prompt": "Hello"}, 400},
	} {
		path := ai + "/run/" + c.model + queue
		made := rig.Do("POST", path, map[string]any{"requests": []any{c.request}})
		if made.Status != c.status {
			t.Errorf("%s: %d %s", name, made.Status, made.Body)
		}
		if made.Status != 200 {
			continue
		}
		made.Is(t, 200, "result.status", "queued", "result.model", c.model)
		poll := map[string]any{"request_id": made.Text("result.request_id")}
		rig.Do("POST", path, poll).Is(t, 200, "result.status", "queued")
		rig.Lab.Advance(3 * time.Minute)
		rig.Do("POST", path, poll).Is(t, 200, "result.status", "running")
		rig.Lab.Advance(time.Hour)
		rig.Do("POST", path, poll).Is(t, 200, "result.status", "", "result.responses.0.external_reference", "a",
			"result.responses.0.result.response", says, "result.responses.0.id", "0", "result.usage.total_tokens", "14")
	}
	rig.Do("POST", ai+"/run/"+large+queue, map[string]any{"request_id": "none"}).Is(t, 400, "errors.0.code", "5006")
	if paid := rig.Payment("cloudflare", large); paid.Calls != 1 {
		t.Errorf("paid %+v", paid)
	}
}
