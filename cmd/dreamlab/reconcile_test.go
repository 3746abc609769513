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
