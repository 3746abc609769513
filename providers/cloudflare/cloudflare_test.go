package cloudflare_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers"
	"dreamlab/providers/cloudflare"
	"dreamlab/providers/cloudflare/emulator"
	"dreamlab/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = providertest.OnLab(emulator.New)

// direct returns the settings that lead straight to Workers AI.
func direct(base string) map[string]string {
	return map[string]string{
		"CLOUDFLARE_API_TOKEN": providertest.Key, "CLOUDFLARE_ACCOUNT_ID": emulator.Account,
		"CLOUDFLARE_BASE_URL": base + "/client/v4",
	}
}

// behind returns those that lead through a gateway with a token of its own.
func behind(base string) map[string]string {
	values := direct(base)
	values["CLOUDFLARE_GATEWAY_ID"], values["CLOUDFLARE_GATEWAY_BASE_URL"] = emulator.Locked, base+"/v1"
	values["CF_AIG_TOKEN"] = providertest.Key
	return values
}

func TestConformance(t *testing.T) {
	t.Parallel()
	two, three := 2, 3
	for way, settings := range map[string]func(string) map[string]string{"direct": direct, "gateway": behind} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, providertest.Harness{
				Vendor: cloudflare.Vendor, Start: start, Settings: settings, Model: "@cf/openai/gpt-oss-120b",
				Embeddings: "@cf/baai/bge-m3", Batch: "@cf/openai/gpt-oss-120b",
				Importing: &providertest.Importing{
					Base: "@cf/google/gemma-3-12b-it", Unhostable: "@cf/meta/llama-4-scout-17b-16e-instruct", Stays: true,
					Creates: []func(*http.Request) bool{providertest.Asks("POST", "/finetunes")},
				},
				Lacks: map[string]func(*providers.Request){
					"n":            func(r *providers.Request) { r.N = &two },
					"logprobs":     func(r *providers.Request) { r.Logprobs = true },
					"top_logprobs": func(r *providers.Request) { r.TopLogprobs = &three },
					"logit_bias":   func(r *providers.Request) { r.LogitBias = []byte(`{"1":2}`) },
					"image_url": func(r *providers.Request) {
						r.Messages[0].Content = []byte(`[{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]`)
					},
				},
			})
		})
	}
}
