package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReconcile holds books that a server tells against an export.
func TestReconcile(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from := r.URL.Query().Get("from"); from != "1769817600" || r.URL.Query().Get("interval") != "hour" {
			http.Error(w, "asked for "+r.URL.RawQuery, http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"data":[{"group":"acme/m","start":1769821200,"calls":1,"settled":1,"input_tokens":5,"output_tokens":6},`+
			`{"group":"acme/m","start":1769824800,"calls":1,"settled":0.5,"input_tokens":5,"output_tokens":6},`+
			`{"group":"other/m","start":1769824800,"calls":9,"settled":9,"input_tokens":9,"output_tokens":9}]}`)
	}))
	t.Cleanup(server.Close)
	env := map[string]string{"DREAMLAB_URL": server.URL, "DREAMLAB_KEY": "dl-test"}
	for cost, c := range map[string]struct {
		code int
		says string
	}{"1.5": {0, ""}, "1.505": {0, ""}, "1.75": {exitFailed, "cost_usd"}} {
		file := filepath.Join(t.TempDir(), "export.csv")
		if err := os.WriteFile(file, []byte("date,model,requests,cost\n2026-01-31,m,2,"+cost+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		got := invoke(t, env, "usage", "reconcile", file, "--vendor", "acme")
		if got.code != c.code || !strings.Contains(got.out, c.says) {
			t.Errorf("a cost of %s: code %d\n%s%s", cost, got.code, got.out, got.errs)
		}
	}
	if got := invoke(t, env, "usage", "reconcile", "none.csv", "--vendor", "acme", "--tolerance", "much"); got.code != exitUsage {
		t.Errorf("code %d: %s", got.code, got.errs)
	}
}

// TestReconcileByAPI holds the books against what a vendor tells by its API, of which a page is missing
// in the books.
func TestReconcileByAPI(t *testing.T) {
	t.Parallel()
	const day = 1769817600 // 2026-01-31
	answers := map[string]string{
		"/v1/usage": `{"data":[{"group":"acme/m","start":1769821200,"calls":2,"settled":1.5,"input_tokens":10,"output_tokens":12}]}`,
		"/v1/organization/costs": fmt.Sprintf(`{"data":[{"start_time":%d,"results":[
			{"amount":{"value":"1.0","currency":"usd"},"line_item":"m-2025-08-07, input"},
			{"amount":{"value":0.5,"currency":"usd"},"line_item":"m-2025-08-07, output"},
			{"amount":{"value":0,"currency":"usd"},"line_item":"free, input"}]}],"has_more":true,"next_page":"second"}`, day),
		"/v1/organization/costs?second": fmt.Sprintf(`{"data":[{"start_time":%d,"results":[
			{"amount":{"value":2e-1,"currency":"usd"},"line_item":"other, input"}]}],"has_more":false,"next_page":null}`, day),
		"/v1/organization/usage/completions": fmt.Sprintf(`{"data":[{"start_time":%d,"results":[
			{"model":"m-2025-08-07","num_model_requests":3,"input_tokens":10,"output_tokens":12}]}]}`, day),
		"/v1/organization/usage/embeddings": `{"data":[]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if page := r.URL.Query().Get("page"); page != "" {
			path += "?" + page
		}
		if strings.Contains(path, "organization") && r.Header.Get("Authorization") != "Bearer admin" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, answers[path])
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "dreamlab.yaml")
	text := "servers:\n- {name: acme, base_url: " + server.URL + "/v1, admin_key_env: ACME_ADMIN_KEY, models: [m]}\n" +
		"team: {lead: acme/m, base: acme/m}\nroutes: {assistant: [{model: acme/m}], base: [{model: acme/m}], lead: [{model: acme/m}]}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"DREAMLAB_URL": server.URL, "DREAMLAB_KEY": "dl-test", "ACME_ADMIN_KEY": "admin"}
	command := []string{"usage", "reconcile", "--config", file, "--vendor", "acme", "--from", "2026-01-31", "--to", "2026-01-31", "--json"}
	got := invoke(t, env, command...)
	for _, says := range []string{`"what":"calls","books":"2","vendor":"3"`, `"model":"other","what":"only in the export","books":"","vendor":"0.2"`} {
		if got.code != exitFailed || !strings.Contains(got.out, says) {
			t.Errorf("code %d, no %s in\n%s%s", got.code, says, got.out, got.errs)
		}
	}
	if strings.Contains(got.out, "cost_usd") || strings.Contains(got.out, "free") {
		t.Errorf("it differs in what is the same: %s", got.out)
	}
	env["ACME_ADMIN_KEY"] = "wrong"
	if got := invoke(t, env, command...); got.code == 0 || strings.Contains(got.errs, "wrong") {
		t.Errorf("code %d: %s", got.code, got.errs)
	}
	delete(env, "ACME_ADMIN_KEY")
	if got := invoke(t, env, command...); got.code != exitUsage || !strings.Contains(got.errs, "admin_key_env") {
		t.Errorf("code %d: %s", got.code, got.errs)
	}
	command[5] = "nobody"
	if got := invoke(t, env, command...); got.code != exitUsage || !strings.Contains(got.errs, "not configured") {
		t.Errorf("code %d: %s", got.code, got.errs)
	}
}

// TestReconcileByCostExplorer holds the books of AWS's vendors against what Cost Explorer tells: of
// Bedrock by the model that a usage type is of, of SageMaker by the day.
func TestReconcileByCostExplorer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/v1/usage" {
			fmt.Fprint(w, `{"data":[{"group":"bedrock/us.meta.llama4-scout-17b-instruct-v1:0","start":1769821200,"calls":2,"settled":1.5},
				{"group":"sagemaker/one","start":1769821200,"calls":2,"settled":1},{"group":"sagemaker/two","start":1769821200,"settled":1}]}`)
			return
		}
		fmt.Fprint(w, `{"ResultsByTime":[{"TimePeriod":{"Start":"2026-01-31","End":"2026-02-01"},"Groups":[
			{"Keys":["USE1-Llama4-Scout-17B-input-tokens"],"Metrics":{"UnblendedCost":{"Amount":"0.5","Unit":"USD"}}},
			{"Keys":["USE1-Llama4-Scout-17B-output-tokens"],"Metrics":{"UnblendedCost":{"Amount":"1.0","Unit":"USD"}}}]}]}`)
	}))
	t.Cleanup(server.Close)
	env := map[string]string{
		"DREAMLAB_URL": server.URL, "DREAMLAB_KEY": "dl-test", "GROQ_API_KEY": "k", "TOGETHER_API_KEY": "k",
		"BEDROCK_REGION": "us-east-1", "SAGEMAKER_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL_COST_EXPLORER": server.URL,
	}
	for vendor, c := range map[string]struct {
		code int
		says string
	}{"bedrock": {0, "[]"}, "sagemaker": {exitFailed, `"model":"all machines","what":"cost_usd","books":"2","vendor":"1.5"`}} {
		got := invoke(t, env, "usage", "reconcile", "--vendor", vendor, "--from", "2026-01-31", "--to", "2026-01-31", "--json")
		if got.code != c.code || !strings.Contains(got.out, c.says) {
			t.Errorf("%s: code %d, no %s in\n%s%s", vendor, got.code, c.says, got.out, got.errs)
		}
	}
}
