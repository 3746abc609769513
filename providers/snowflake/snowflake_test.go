package snowflake_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/providers"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/snowflake"
	"dreamlab/providers/snowflake/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	llama  = "llama3.1-8b"
	claude = "claude-haiku-4-5"
	gpt    = "openai-gpt-5-nano"
)

func newLab(t testing.TB) *lab.Lab {
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
	return l
}

func start(t testing.TB) (http.Handler, func(time.Duration)) {
	l := newLab(t)
	return emulator.New(l), l.Advance
}

func settings(base string) map[string]string {
	return snowflake.Vendor.Sandbox(base, providertest.Key)
}

func guarded(base string) map[string]string {
	values := settings(base)
	values["SNOWFLAKE_CORTEX_GUARDRAILS"] = "true"
	return values
}

func lacking() map[string]func(*providers.Request) {
	two, seed, half := 2, int64(7), 0.5
	return map[string]func(*providers.Request){
		"tools":             func(r *providers.Request) { r.Tools = []byte(`[{}]`) },
		"tool_choice":       func(r *providers.Request) { r.ToolChoice = []byte(`"auto"`) },
		"response_format":   func(r *providers.Request) { r.ResponseFormat = []byte(`{"type":"json_object"}`) },
		"stop":              func(r *providers.Request) { r.Stop = []string{"a"} },
		"n":                 func(r *providers.Request) { r.N = &two },
		"seed":              func(r *providers.Request) { r.Seed = &seed },
		"logprobs":          func(r *providers.Request) { r.Logprobs = true },
		"top_logprobs":      func(r *providers.Request) { r.TopLogprobs = &two },
		"logit_bias":        func(r *providers.Request) { r.LogitBias = []byte(`{"1":2}`) },
		"frequency_penalty": func(r *providers.Request) { r.FrequencyPenalty = &half },
		"presence_penalty":  func(r *providers.Request) { r.PresencePenalty = &half },
		"reasoning_effort":  func(r *providers.Request) { r.ReasoningEffort = "low" },
		"messages.role":     func(r *providers.Request) { r.Messages[0].Role = "tool" },
		"messages.content": func(r *providers.Request) {
			r.Messages[0].Content = []byte(`[{"type":"image_url","image_url":{"url":"data:"}}]`)
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]providertest.Harness{
		"plain":   {Model: llama, Settings: settings, Lacks: lacking(), Embeddings: "snowflake-arctic-embed-m-v1.5"},
		"claude":  {Model: claude, Settings: settings},
		"openai":  {Model: gpt, Settings: settings},
		"guarded": {Model: llama, Settings: guarded, Lacks: lacking()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h.Vendor, h.Start = snowflake.Vendor, start
			providertest.Run(t, h)
		})
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]map[string]string{
		"SNOWFLAKE_ACCOUNT":           {},
		"SNOWFLAKE_HOST":              {"SNOWFLAKE_HOST": "http://user@host"},
		"SNOWFLAKE_CORTEX_PAT":        {"SNOWFLAKE_CORTEX_PAT": ""},
		"SNOWFLAKE_USER":              {"SNOWFLAKE_CORTEX_PAT": "", "SNOWFLAKE_PRIVATE_KEY": "k"},
		"SNOWFLAKE_PRIVATE_KEY":       {"SNOWFLAKE_CORTEX_PAT": "", "SNOWFLAKE_PRIVATE_KEY": "k", "SNOWFLAKE_USER": "u"},
		"SNOWFLAKE_PRIVATE_KEY_FILE":  {"SNOWFLAKE_CORTEX_PAT": "", "SNOWFLAKE_PRIVATE_KEY_FILE": t.TempDir() + "/absent"},
		"SNOWFLAKE_CORTEX_GUARDRAILS": {"SNOWFLAKE_CORTEX_GUARDRAILS": "yes"},
	} {
		set := settings("http://127.0.0.1:1")
		if name == "SNOWFLAKE_ACCOUNT" {
			delete(set, "SNOWFLAKE_ACCOUNT")
		}
		for key, value := range values {
			set[key] = value
		}
		if _, err := snowflake.Vendor.Open(providers.Config{Values: set}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want an error that names %s", err, name)
		}
	}
}
