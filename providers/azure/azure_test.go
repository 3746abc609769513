package azure_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/providers"
	"dreamlab/providers/azure"
	"dreamlab/providers/azure/emulator"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t testing.TB) (http.Handler, func(time.Duration)) {
	l, err := lab.New(lab.Options{Credential: providertest.Key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return emulator.New(l), l.Advance
}

// family returns the settings of a family of routes.
func family(routes string) func(base string) map[string]string {
	return func(base string) map[string]string {
		return map[string]string{
			"AZURE_OPENAI_ENDPOINT": base, "AZURE_OPENAI_API_KEY": providertest.Key, "AZURE_OPENAI_ROUTES": routes,
			"AZURE_OPENAI_BATCH_DEPLOYMENTS": "gpt-5-nano=gpt-5-nano-batch",
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, routes := range []string{"v1", "classic", "models"} {
		t.Run(routes, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, providertest.Harness{
				Vendor: azure.Vendor, Start: start, Settings: family(routes), Model: "gpt-5-nano",
				Embeddings: "text-embedding-3-small", Batch: "gpt-5-nano",
				Lacks: map[string]func(*providers.Request){
					"top_k": func(r *providers.Request) { r.Options = map[string]json.RawMessage{"top_k": []byte("3")} },
				},
			})
		})
	}
}
