package azure_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers"
	"dreamlab/providers/azure"
	"dreamlab/providers/azure/emulator"
	"dreamlab/providers/bill"
	"dreamlab/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = providertest.OnLab(emulator.New)

// family returns the settings of a family of routes.
func family(routes string) func(base string) map[string]string {
	return func(base string) map[string]string {
		values := azure.Vendor.Sandbox(base, providertest.Key)
		values["AZURE_OPENAI_ROUTES"] = routes
		return values
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, routes := range []string{"v1", "classic", "models"} {
		t.Run(routes, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, providertest.Harness{
				Vendor: azure.Vendor, Start: start, Settings: family(routes), Model: "gpt-5-nano", Tuning: tuning(),
				Token:      func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") },
				Quotas:     quotas(),
				Embeddings: "text-embedding-3-small", Batch: "gpt-5-nano",
				Bills: func(d providers.Driver, _, _ string, _ providers.Config) (bill.Biller, error) {
					return d.(bill.Biller), nil
				},
				Lacks: map[string]func(*providers.Request){
					"top_k": func(r *providers.Request) { r.Options = map[string]json.RawMessage{"top_k": []byte("3")} },
				},
			})
		})
	}
}

// quotas are those of deployments of tuned models: all of them, and their tokens on trial.
func quotas() []providertest.Quota {
	reads := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/usages") }
	return []providertest.Quota{
		{Name: "OpenAI.DeveloperTier.gpt4.1-mini-finetune", Takes: 50, Reads: reads, Says: []string{"swedencentral", "ai.azure.com"}},
		{Name: "OpenAI.FineTuned.Deployments", Reads: reads, Says: []string{"swedencentral", "ai.azure.com"}},
	}
}

func tuning() *providertest.Tuning {
	return &providertest.Tuning{
		Base: "gpt-4.1-mini", Unhostable: "gpt-4o-2024-08-06", Start: providertest.Asks("POST", "/fine_tuning/jobs"),
		Uploads: []providertest.UploadStep{{Name: "form", Is: providertest.Asks("POST", "/files"), Found: true}},
		Deploys: []func(*http.Request) bool{providertest.Asks("PUT", "")},
	}
}
