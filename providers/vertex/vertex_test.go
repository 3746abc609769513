package vertex_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/providers"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/vertex"
	"dreamlab/providers/vertex/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const flash = "google/gemini-2.5-flash"

func start(t testing.TB) (http.Handler, func(time.Duration)) {
	l := newLab(t, lab.Options{})
	return emulator.New(l), l.Advance
}

func newLab(t testing.TB, options lab.Options) *lab.Lab {
	t.Helper()
	options.Credential = providertest.Key
	l, err := lab.New(options)
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

func settings(base string) map[string]string {
	return vertex.Vendor.Sandbox(base, providertest.Key)
}

func isToken(r *http.Request) bool { return r.URL.Path == "/token" }

func TestConformance(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Vendor: vertex.Vendor, Start: start, Settings: settings, Token: isToken, Model: flash,
		Lacks: map[string]func(*providers.Request){
			"logit_bias": func(r *providers.Request) { r.LogitBias = []byte(`{"1":2}`) },
			"max_tokens": func(r *providers.Request) {
				r.Model, r.MaxTokens = "meta/llama-4-maverick-17b-128e-instruct-maas", 8193
			},
		},
		Embeddings: "google/gemini-embedding-001",
	})
}

func TestOpenModelsConform(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Harness{
		Vendor: vertex.Vendor, Start: start, Settings: withOpenModels, Token: isToken,
		Model: "meta/llama-4-maverick-17b-128e-instruct-maas", Embeddings: "intfloat/multilingual-e5-small-maas",
		Batch: "meta/llama-4-maverick-17b-128e-instruct-maas", Tuning: tuning(), Quotas: quotas(),
		Lacks: map[string]func(*providers.Request){"max_tokens": func(r *providers.Request) { r.MaxTokens = 8193 }},
	})
}

// quotas are those of accelerators that serve, and of fine-tunes at once.
func quotas() []providertest.Quota {
	reads := func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/quotaInfos") }
	return []providertest.Quota{
		{
			Name: "CustomModelServingH100GPUsPerProjectPerRegion", Takes: 8, Reads: reads,
			Says: []string{"us-central1", "iam-admin/quotas?project=dreamlab-sandbox"},
		},
		{Name: "Global concurrent managed OSS model fine-tuning jobs per project", Training: true, Reads: reads},
	}
}

func tuning() *providertest.Tuning {
	return &providertest.Tuning{
		Base: "meta/llama-4-scout-17b-16e-instruct-maas", Unhostable: "openai/gpt-oss-20b-maas",
		Start:   providertest.Asks("POST", "/tuningJobs"),
		Uploads: []providertest.UploadStep{{Name: "object", Is: providertest.Asks("POST", "/o"), Found: true}},
		Deploys: []func(*http.Request) bool{providertest.Asks("POST", ":deploy")},
	}
}

func withOpenModels(base string) map[string]string {
	values := settings(base)
	values["GOOGLE_VERTEX_PUBLISHERS"] = "meta"
	return values
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"GOOGLE_VERTEX_PROJECT":          "no such/project",
		"GOOGLE_VERTEX_LOCATION":         "us/central",
		"GOOGLE_VERTEX_LOCATIONS":        "meta/",
		"GOOGLE_VERTEX_BASE_URL":         "nowhere",
		"GOOGLE_VERTEX_BATCH_BUCKET":     "bucket",
		"GOOGLE_STORAGE_BASE_URL":        "nowhere",
		"GOOGLE_VERTEX_TUNABLE_MODELS":   "meta/llama=llama",
		"GOOGLE_VERTEX_TUNING_LOCATION":  "global",
		"GOOGLE_VERTEX_MACHINES":         "meta/llama=a3-highgpu-8g",
		"GOOGLE_CREDENTIALS":             `{"type":"client"}`,
		"GOOGLE_APPLICATION_CREDENTIALS": t.TempDir() + "/absent.json",
	} {
		values := settings("http://127.0.0.1:1")
		if strings.HasPrefix(name, "GOOGLE_A") {
			delete(values, "GOOGLE_CREDENTIALS")
		}
		values[name] = value
		_, err := vertex.Vendor.Open(providers.Config{Values: values})
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), providertest.Key) {
			t.Errorf("%v, want an error that names %s", err, name)
		}
	}
}
