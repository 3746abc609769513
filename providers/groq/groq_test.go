package groq_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers"
	"dreamlab/providers/groq"
	"dreamlab/providers/groq/emulator"
	"dreamlab/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = providertest.OnLab(emulator.New)

func settings(base string) map[string]string {
	return map[string]string{
		"GROQ_API_KEY": providertest.Key, "GROQ_BASE_URL": base, "GROQ_LORA_BASES": "openai/gpt-oss-20b=openai/gpt-oss-20b",
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	two, three := 2, 3
	providertest.Run(t, providertest.Harness{
		Importing: &providertest.Importing{
			Base: "openai/gpt-oss-20b", Unhostable: "openai/gpt-oss-120b",
			Creates: []func(*http.Request) bool{
				providertest.Asks("POST", "/openai/v1/files"), providertest.Asks("POST", "/v1/fine_tunings"),
			},
		},
		Vendor: groq.Vendor, Start: start, Settings: settings, Model: "openai/gpt-oss-20b",
		Batch: "openai/gpt-oss-20b",
		Lacks: map[string]func(*providers.Request){
			"n":             func(r *providers.Request) { r.N = &two },
			"logprobs":      func(r *providers.Request) { r.Logprobs = true },
			"top_logprobs":  func(r *providers.Request) { r.TopLogprobs = &three },
			"logit_bias":    func(r *providers.Request) { r.LogitBias = []byte(`{"1":2}`) },
			"messages.name": func(r *providers.Request) { r.Messages[0].Name = "ann" },
			"stop":          func(r *providers.Request) { r.Stop = []string{"a", "b", "c", "d", "e"} },
			"response_format": func(r *providers.Request) {
				r.ResponseFormat = []byte(`{"type":"json_schema","json_schema":{"name":"x","schema":{}}}`)
				r.Tools = []byte(`[{"type":"function","function":{"name":"f"}}]`)
			},
		},
	})
}
