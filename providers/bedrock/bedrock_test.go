package bedrock_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/bedrock"
	"dreamlab/providers/bedrock/emulator"
	"dreamlab/providers/bill"
	"dreamlab/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = providertest.OnLab(emulator.New)

const importRole = "arn:aws:iam::123456789012:role/imports"

func settings(base string) map[string]string {
	values := bedrock.Vendor.Sandbox(base, providertest.Key)
	values["BEDROCK_IMPORT_ROLE_ARN"] = importRole
	return values
}

// folder puts weights into S3.
func folder(t *testing.T, base string, client *http.Client, files map[string]io.Reader) string {
	t.Helper()
	value := func(env string) string { return settings(base)[env] }
	bucket, err := amazon.NewBucket(amazon.Folder{
		Vendor: "bedrock", Env: "test", URI: "s3://models/tuned", Base: base + "/s3", Secrets: func() []string { return nil },
	}, amazon.NewKey(value, "us-east-1", nil), providers.Config{HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		data, err := io.ReadAll(content)
		if err == nil {
			err = bucket.Put(t.Context(), name, amazon.File{Content: bytes.NewReader(data), Size: int64(len(data))})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return bucket.URI("")
}

// bearing asks with an API key instead of an access key.
func bearing(base string) map[string]string {
	values := settings(base)
	delete(values, "AWS_ACCESS_KEY_ID")
	delete(values, "AWS_SECRET_ACCESS_KEY")
	delete(values, "BEDROCK_BATCH_ROLE_ARN") // batches go through S3, which takes access keys alone
	delete(values, "BEDROCK_BATCH_S3_URI")
	values["AWS_BEARER_TOKEN_BEDROCK"] = providertest.Key
	return values
}

const scout = "us.meta.llama4-scout-17b-instruct-v1:0"

// importedModels is the quota of what is imported.
func importedModels() []providertest.Quota {
	return []providertest.Quota{{
		Name: "Imported models per account", Says: []string{"us-east-1", "servicequotas/home/services/bedrock"},
		Reads: func(r *http.Request) bool {
			return strings.HasPrefix(r.Header.Get("X-Amz-Target"), "ServiceQuotasV20190624.")
		},
	}}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	two, three, seed, much, no := 2, 3, int64(4), 0.5, false
	for name, with := range map[string]func(string) map[string]string{"signed": settings, "API key": bearing} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			batch := ""
			var bills func(providers.Driver, string, string, providers.Config) (bill.Biller, error)
			var quotas []providertest.Quota
			if name == "signed" {
				batch = scout
				bills = func(d providers.Driver, _, _ string, _ providers.Config) (bill.Biller, error) {
					return d.(bill.Biller), nil
				}
				quotas = importedModels()
			}
			providertest.Run(t, providertest.Harness{
				Vendor: bedrock.Vendor, Start: start, Settings: with, Bills: bills, Quotas: quotas,
				Importing: &providertest.Importing{
					Base: "us.meta.llama3-1-8b-instruct-v1:0", Unhostable: scout, Folder: folder,
					Creates: []func(*http.Request) bool{providertest.Asks("POST", "/model-import-jobs")},
				},
				Model: scout, Embeddings: "amazon.titan-embed-text-v2:0", Batch: batch,
				Lacks: map[string]func(*providers.Request){
					"n":                   func(r *providers.Request) { r.N = &two },
					"seed":                func(r *providers.Request) { r.Seed = &seed },
					"logprobs":            func(r *providers.Request) { r.Logprobs = true },
					"top_logprobs":        func(r *providers.Request) { r.TopLogprobs = &three },
					"logit_bias":          func(r *providers.Request) { r.LogitBias = []byte(`{"1":2}`) },
					"frequency_penalty":   func(r *providers.Request) { r.FrequencyPenalty = &much },
					"presence_penalty":    func(r *providers.Request) { r.PresencePenalty = &much },
					"parallel_tool_calls": func(r *providers.Request) { r.ParallelToolCalls = &no },
					"user":                func(r *providers.Request) { r.User = "<ann>" },
					"messages.name":       func(r *providers.Request) { r.Messages[0].Name = "ann" },
					"response_format":     func(r *providers.Request) { r.ResponseFormat = []byte(`{"type":"json_object"}`) },
					"top_k":               func(r *providers.Request) { r.Options = map[string]json.RawMessage{"top_k": []byte("4")} },
					"tools":               func(r *providers.Request) { r.Tools = []byte(`[{"type":"web_search"}]`) },
					"messages.content": func(r *providers.Request) {
						r.Messages[0].Content = []byte(`[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]`)
					},
				},
			})
		})
	}
}

// connect opens the driver over a server that answers by the handler.
func connect(t *testing.T, handler http.Handler) providers.Driver {
	t.Helper()
	return openWith(t, settings(serve(t, handler)))
}

// serve serves a handler until the test ends.
func serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func openWith(t testing.TB, values map[string]string) providers.Driver {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	driver, err := bedrock.Vendor.Open(providers.Config{Values: values, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

// answer serves a fixed answer.
func answer(status int, header map[string]string, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		if _, err := io.WriteString(w, body); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
}

func request(text string) *providers.Request {
	return &providers.Request{Model: scout, Messages: []providers.Message{providers.TextMessage("user", text)}}
}

func ignore(providers.Chunk) error { return nil }

func TestSettings(t *testing.T) {
	t.Parallel()
	for want, values := range map[string]map[string]string{
		"BEDROCK_REGION":                   {"AWS_BEARER_TOKEN_BEDROCK": "k"},
		"AWS_BEARER_TOKEN_BEDROCK":         {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "id"},
		"BEDROCK_SERVICE_TIER":             {"AWS_REGION": "us-east-1", "BEDROCK_SERVICE_TIER": "fast"},
		"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": {"AWS_REGION": "us-east-1", "AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "x"},
		"AWS_ENDPOINT_URL_BEDROCK":         {"AWS_REGION": "us-east-1", "AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_ENDPOINT_URL_BEDROCK": "x"},
		"set it to a region":               {"BEDROCK_REGION": "evil.example/", "AWS_BEARER_TOKEN_BEDROCK": "k"},
	} {
		_, err := bedrock.Vendor.Open(providers.Config{Values: values})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want an error that names %s", values, err, want)
		}
	}
}
