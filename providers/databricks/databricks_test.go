package databricks_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers"
	"dreamlab/providers/databricks"
	"dreamlab/providers/databricks/emulator"
	"dreamlab/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = providertest.OnLab(emulator.New)

func values(base string) map[string]string { return databricks.Vendor.Sandbox(base, providertest.Key) }

func TestConformance(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Vendor: databricks.Vendor, Start: start, Settings: values, Model: "databricks-meta-llama-3-1-8b-instruct",
		Embeddings: "databricks-gte-large-en",
		Tuning: &providertest.Tuning{
			Base: "databricks-meta-llama-3-1-8b-instruct", Unhostable: "databricks-gpt-oss-120b",
			Start:   providertest.Asks("POST", "/jobs/runs/submit"),
			Uploads: []providertest.UploadStep{{Name: "put", Is: providertest.Asks("PUT", ".jsonl"), Found: true}},
			Deploys: []func(*http.Request) bool{providertest.Asks("POST", "/serving-endpoints")},
		},
		Lacks: map[string]func(*providers.Request){
			"min_p": func(r *providers.Request) { r.Options = map[string]json.RawMessage{"min_p": []byte("0.1")} },
		},
	})
}
