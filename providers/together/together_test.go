package together_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers"
	"dreamlab/providers/providertest"
	"dreamlab/providers/together"
	"dreamlab/providers/together/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = providertest.OnLab(emulator.New)

func settings(base string) map[string]string {
	return map[string]string{"TOGETHER_API_KEY": providertest.Key, "TOGETHER_BASE_URL": base + "/v1"}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Vendor: together.Vendor, Start: start, Settings: settings, Model: "openai/gpt-oss-20b",
		Batch: "openai/gpt-oss-20b", Embeddings: "intfloat/multilingual-e5-large-instruct",
		Tuning: &providertest.Tuning{
			Base: "openai/gpt-oss-20b", Unhostable: "meta-llama/Llama-3.3-70B-Instruct-Reference", Checks: true,
			Start: providertest.Asks("POST", "/fine-tunes"),
			Uploads: []providertest.UploadStep{
				{Name: "record", Is: providertest.Asks("POST", "/files")},
				{Name: "bytes", Is: providertest.Asks("PUT", ""), Found: true},
				{Name: "validate", Is: providertest.Asks("POST", "/preprocess"), Found: true},
			},
			Deploys: []func(*http.Request) bool{
				providertest.Asks("POST", "/endpoints"), providertest.Asks("POST", "/deployments"),
			},
		},
		Lacks: map[string]func(*providers.Request){
			"tool_choice": func(r *providers.Request) {
				r.Tools = []byte(`[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]`)
				r.ToolChoice = []byte(`"required"`)
			},
			"logprobs": func(r *providers.Request) { r.Logprobs = true },
		},
	})
}
