package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers/bedrock/emulator"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
)

const (
	scout = "us.meta.llama4-scout-17b-instruct-v1:0"
	oss   = "openai.gpt-oss-20b-1:0"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *sandboxtest.Rig {
	return sandboxtest.Start(t, emulator.New, lab.Options{})
}

func path(model, operation string) string {
	return "/model/" + strings.ReplaceAll(model, ":", "%3A") + "/" + operation
}

func ask(text string, more map[string]any) map[string]any {
	body := map[string]any{"messages": []any{
		map[string]any{"role": "user", "content": []any{map[string]any{"text": text}}},
	}}
	for name, value := range more {
		body[name] = value
	}
	return body
}

func TestConverse(t *testing.T) {
	t.Parallel()
	rig := start(t)
	got := rig.Want(rig.Do("POST", path(scout, "converse"), ask("Thank you", nil)), 200)
	got.Is(t, 0, "output.message.content.0.text", "You are welcome!", "output.message.role", "assistant",
		"stopReason", "end_turn", "usage.outputTokens", "4", "usage.totalTokens", "11")
	if got.Text("metrics.latencyMs") == "" || got.Header.Get("x-amzn-RequestId") == "" {
		t.Errorf("%s, %v", got.Body, got.Header)
	}
	short := rig.Do("POST", path(scout, "converse"), ask("Thank you", map[string]any{
		"inferenceConfig": map[string]any{"maxTokens": 2},
	}))
	short.Is(t, 200, "stopReason", "max_tokens", "usage.outputTokens", "2")
	if paid := rig.Payment("bedrock", scout); paid.Calls != 2 || paid.TokensOut != 6 {
		t.Errorf("paid %+v", paid)
	}
}

// TestRefusals are in Bedrock's words and by its names.
func TestRefusals(t *testing.T) {
	t.Parallel()
	turns := func(list ...any) map[string]any { return map[string]any{"messages": list} }
	turn := func(role string, blocks ...any) any { return map[string]any{"role": role, "content": blocks} }
	text := func(words string) any { return map[string]any{"text": words} }
	use := map[string]any{"toolUse": map[string]any{"toolUseId": "t", "name": "f", "input": map[string]any{}}}
	point := map[string]any{"cachePoint": map[string]any{"type": "default"}}
	schema := func(words string) map[string]any {
		return map[string]any{"outputConfig": map[string]any{"textFormat": map[string]any{
			"type": "json_schema", "structure": map[string]any{"jsonSchema": map[string]any{"schema": words}},
		}}}
	}
	tools := map[string]any{"toolConfig": map[string]any{"tools": []any{}}}
	cases := map[string]struct {
		model string
		body  any
		says  string
	}{
		"no such model":    {"nobody:0", ask("x", nil), "model identifier is invalid"},
		"needs a profile":  {"meta.llama4-scout-17b-instruct-v1:0", ask("x", nil), "with on-demand throughput isn’t supported"},
		"makes vectors":    {"amazon.titan-embed-text-v2:0", ask("x", nil), "model identifier is invalid"},
		"no turns":         {scout, turns(), "must start with a user message"},
		"begins otherwise": {scout, turns(turn("assistant", text("x"))), "must start with a user message"},
		"two of one role":  {scout, turns(turn("user", text("x")), turn("user", text("y"))), "must alternate"},
		"a foreign role":   {scout, turns(turn("user", text("x")), turn("system", text("y"))), "enum value set"},
		"nothing":          {scout, turns(turn("user")), "is empty"},
		"blank":            {scout, turns(turn("user", text(" "))), "is blank"},
		"two in one":       {scout, turns(turn("user", map[string]any{"text": "x", "toolUse": use["toolUse"]})), "must set one"},
		"undeclared tool":  {scout, turns(turn("user", text("x")), turn("assistant", use)), "toolConfig field must be defined"},
		"no tools":         {scout, ask("x", tools), "toolConfig.tools"},
		"a cache":          {scout, turns(turn("user", text("x"), point)), "cachePoint"},
		"a form":           {scout, ask("x", schema("{}")), "outputConfig.textFormat"},
		"no schema":        {oss, ask("x", schema("{")), "JSON schema in a string"},
		"too many tokens":  {scout, ask("x", map[string]any{"inferenceConfig": map[string]any{"maxTokens": 9000}}), "8192"},
		"a tier": {scout, ask("x", map[string]any{"serviceTier": map[string]any{"type": "flex"}}),
			"does not support the service tier"},
		"effort":   {scout, ask("x", map[string]any{"outputConfig": map[string]any{"effort": "low"}}), "outputConfig.effort"},
		"too long": {scout, ask(strings.Repeat("word ", 140_000), nil), "Input is too long"},
		"no JSON":  {scout, `{"messages":7}`, "not the JSON of Converse"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := start(t).Do("POST", path(c.model, "converse"), c.body)
			if got.Status != 400 || !strings.Contains(got.Text("message"), c.says) ||
				!strings.Contains(got.Header.Get("x-amzn-ErrorType"), "Exception:http://") {
				t.Errorf("%d %s %s", got.Status, got.Header.Get("x-amzn-ErrorType"), got.Body)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.Want(rig.Do("GET", "/foundation-models/"+strings.ReplaceAll(oss, ":", "%3A"), nil), 200).Is(t, 0,
		"modelDetails.modelId", oss, "modelDetails.modelLifecycle.status", "ACTIVE")
	rig.Want(rig.Do("GET", "/inference-profiles/"+scout, nil), 200).Is(t, 0, "inferenceProfileId", scout)
	rig.Want(rig.Do("GET", "/foundation-models?byProvider=meta&byInferenceType=ON_DEMAND", nil), 200).Is(t, 0,
		"modelSummaries.0.modelId", "")
	rig.Want(rig.Do("GET", "/foundation-models?byProvider=meta", nil), 200).Is(t, 0,
		"modelSummaries.0.inferenceTypesSupported.0", "INFERENCE_PROFILE")
	for _, absent := range []string{"/foundation-models/none", "/inference-profiles/none", "/model/a/b/converse"} {
		if got := rig.Do("GET", absent, nil); got.Status < 400 || got.Text("message") == "" {
			t.Errorf("%s: %d %s", absent, got.Status, got.Body)
		}
	}
	got := rig.Do("POST", "/model/us.meta.llama4/scout/converse", ask("x", nil))
	if got.Status != http.StatusNotFound || !strings.Contains(got.Header.Get("x-amzn-ErrorType"), "UnknownOperation") {
		t.Errorf("a name of two segments: %d %s", got.Status, got.Body)
	}
}

func TestBearerKeys(t *testing.T) {
	t.Parallel()
	rig := start(t)
	for authorization, says := range map[string]string{
		"":                 "MissingAuthenticationTokenException",
		"Bearer wrong":     "AccessDeniedException",
		"Basic c2FuZGJveA": "MissingAuthenticationTokenException",
		"AWS4-HMAC-SHA256 Credential=AKIASANDBOX/20260101/us-east-1, SignedHeaders=host": "IncompleteSignatureException",
	} {
		got := rig.DoAs(authorization, "POST", path(scout, "converse"), ask("x", nil))
		if got.Status != http.StatusForbidden || !strings.HasPrefix(got.Header.Get("x-amzn-ErrorType"), says) {
			t.Errorf("%q: %d %s", authorization, got.Status, got.Header.Get("x-amzn-ErrorType"))
		}
	}
}
