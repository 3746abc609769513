package emulator_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
	"dreamlab/providers/snowflake/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	chat     = "/api/v2/cortex/v1/chat/completions"
	complete = "/api/v2/cortex/inference:complete"
)

func start(t *testing.T) *sandboxtest.Rig { return sandboxtest.Start(t, emulator.New, lab.Options{}) }

func ask(model string, more map[string]any) map[string]any {
	body := map[string]any{"model": model, "messages": []any{map[string]string{"role": "user", "content": "Thank you"}}}
	for name, value := range more {
		body[name] = value
	}
	return body
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	rig := start(t)
	for name, c := range map[string]struct {
		path   string
		body   any
		status int
		says   string
	}{
		"old limit":     {chat, ask("llama3.1-8b", map[string]any{"max_tokens": 5}), 400, "invalid options object"},
		"tools":         {chat, ask("llama3.1-8b", map[string]any{"tools": []any{map[string]any{}}}), 400, "invalid options object"},
		"a tier":        {chat, ask("claude-haiku-4-5", map[string]any{"service_tier": "auto"}), 400, "invalid options object"},
		"unknown":       {chat, ask("llama4-scout", nil), 400, "unknown model llama4-scout"},
		"vectors":       {chat, ask("snowflake-arctic-embed-m-v1.5", nil), 400, "unknown model snowflake-arctic-embed-m-v1.5"},
		"a long answer": {chat, ask("llama3.1-8b", map[string]any{"max_completion_tokens": 200_000}), 400, "max tokens of 131072 exceeded"},
		"no JSON":       {chat, `{"model":`, 400, "schema validation failed"},
		"no messages":   {complete, map[string]any{"model": "llama3.1-8b"}, 400, "invalid options object"},
		"no texts":      {"/api/v2/cortex/inference:embed", map[string]any{"model": "snowflake-arctic-embed-m-v1.5"}, 400, "schema validation failed"},
		"other SQL":     {"/api/v2/statements", map[string]any{"statement": "SELECT 1"}, 422, "SQL compilation error: syntax error"},
		"a broken key":  {"/api/v2/statements", map[string]any{"statement": "ALTER USER a SET RSA_PUBLIC_KEY='eHg='"}, 422, "SQL compilation error: New public key rejected"},
		"another route": {"/api/v2/databases", nil, 404, "/api/v2/databases is not found."},
	} {
		t.Run(name, func(t *testing.T) {
			got := rig.Do("POST", c.path, c.body)
			got.Is(t, c.status, "message", c.says)
			if id := got.Header.Get("X-Snowflake-Request-ID"); id == "" || got.Text("request_id") != id {
				t.Errorf("the header has %q, the body %s", id, got.Body)
			}
		})
	}
	if paid := rig.Payment("snowflake", "llama3.1-8b"); paid.Calls != 0 {
		t.Errorf("refusals were billed: %+v", paid)
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	rig := start(t)
	send := func(bearer, kind, role string) *sandboxtest.Answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, rig.URL+"/api/v2/cortex/models", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+bearer)
		if kind != "" {
			r.Header.Set("X-Snowflake-Authorization-Token-Type", kind)
		}
		if role != "" {
			r.Header.Set("X-Snowflake-Role", role)
		}
		return rig.Send(r)
	}
	const pat = "PROGRAMMATIC_ACCESS_TOKEN"
	send("sandbox", "", "").Is(t, 200, "models.0", "llama3.1-8b")
	send("sandbox", pat, "cortex_user").Is(t, 200)
	send("wrong", pat, "").Is(t, 401, "error_code", "394400")
	send("sandbox", "KEYPAIR_JWT", "").Is(t, 401, "code", "390144")
	send("e30.e30.e30", "", "").Is(t, 401, "code", "390144")
	send("sandbox", "OAUTH", "").Is(t, 401, "code", "390303")
	send("sandbox", pat, "nobody").Is(t, 403, "code", "390189")
	send("sandbox", pat, "READER").Is(t, 403, "message", "Not Authorized")
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.Do("POST", chat, ask("llama3.1-8b", map[string]any{"max_completion_tokens": 2})).Is(t, 200,
		"choices.0.finish_reason", "stop", "usage.completion_tokens", "2")
	rig.Do("POST", chat, ask("claude-haiku-4-5", nil)).Is(t, 200,
		"choices.0.message.content", "You are welcome!", "choices.0.finish_reason", "")
	events, done := rig.Do("POST", chat, ask("claude-haiku-4-5", map[string]any{"stream": true})).Events(t)
	if first := events[0]; !done || first.Get("choices.0.finish_reason") != nil || first.Text("choices.0.delta.role") != "" {
		t.Errorf("done %v, the first %s", done, first.Body)
	}
	events, done = rig.Do("POST", complete, ask("llama3.1-8b", nil)).Events(t) // it streams by itself
	if last := events[len(events)-1]; done || last.Text("usage.total_tokens") != "11" || events[1].Text("choices.0.delta.type") != "text" {
		t.Errorf("done %v, the last %s", done, last.Body)
	}
	rig.Do("POST", complete, ask("llama3.1-8b", map[string]any{"stream": false, "guardrails": map[string]any{"enabled": true}})).Is(t, 200,
		"choices.0.message.content_list.0.text", "You are welcome!", "usage.guard_tokens", "4")
	rig.Do("POST", "/api/v2/cortex/inference:embed", map[string]any{
		"model": "snowflake-arctic-embed-m-v1.5", "text": []string{"one two"},
	}).Is(t, 200, "data.0.index", "0", "usage.total_tokens", "2")
}
