package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

// listed are the models that a command prints.
func listed(t *testing.T, args ...string) []modelLine {
	t.Helper()
	got := invoke(t, map[string]string{"DREAMLAB_DATA": t.TempDir()}, append([]string{"models", "--json"}, args...)...)
	var printed struct{ Models []modelLine }
	if err := json.Unmarshal([]byte(got.out), &printed); err != nil || got.code != exitOK {
		t.Fatalf("code %d: %v %s", got.code, err, got.errs)
	}
	return printed.Models
}

func TestModels(t *testing.T) {
	t.Parallel()
	for _, m := range listed(t, "--vendor", "groq,together", "--can", "tools, json_schema", "--sort", "input") {
		if !slices.Contains(m.Can, "json_schema") || m.State != "active" ||
			!strings.HasPrefix(m.Name, "groq/") && !strings.HasPrefix(m.Name, "together/") {
			t.Errorf("%+v is not what was asked for", m)
		}
	}
	for _, order := range []string{"input", "cached", "output", "batch"} {
		lines := listed(t, "--sort", order)
		rate := modelOrders()[order]
		if len(lines) < 10 || !slices.IsSortedFunc(lines, rate) || lines[0].Price == nil {
			t.Errorf("--sort %s: the order is wrong", order)
		}
	}
	if all, served := listed(t, "--all"), listed(t); len(all) <= len(served) {
		t.Errorf("%d of all, %d that are served", len(all), len(served))
	}
	got := invoke(t, nil, "models", "--vendor", "groq", "--all")
	for _, part := range []string{"0.0375/0.15", "retired 2026-08-16 → openai/gpt-oss-20b", "131072", "2025-08-05"} {
		if got.code != exitOK || !strings.Contains(got.out, part) {
			t.Errorf("code %d, %q is not shown:\n%s", got.code, part, got.out)
		}
	}
	for _, args := range [][]string{{"--sort", "taste"}, {"renew"}, {"--out", "x"}} {
		if got := invoke(t, nil, append([]string{"models"}, args...)...); got.code != exitUsage {
			t.Errorf("%v: code %d", args, got.code)
		}
	}
}

// lists is a vendor whose list has some models.
func lists(t *testing.T, ids ...string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var models []string
		for _, id := range ids {
			models = append(models, fmt.Sprintf(`{"id":%q,"object":"model","active":true,"context_window":4096}`, id))
		}
		fmt.Fprintf(w, `{"object":"list","data":[%s]}`, strings.Join(models, ","))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestRefresh compares a vendor's list, tells what is new, changed and gone, writes it as a
// file that the catalogue takes, and reports what is gone to the workers.
func TestRefresh(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"DREAMLAB_DATA": t.TempDir(), "GROQ_API_KEY": "k", "REDIS_URL": storetest.Redis(t),
		"GROQ_BASE_URL": lists(t, "openai/gpt-oss-20b", "brand/new"),
	}
	file, own := filepath.Join(t.TempDir(), "found.yaml"), filepath.Join(t.TempDir(), "own.yaml")
	team := "team: {lead: groq/openai/gpt-oss-120b, base: groq/openai/gpt-oss-20b}\n"
	if err := os.WriteFile(own, []byte(team), 0o600); err != nil {
		t.Fatal(err)
	}
	got := invoke(t, env, "models", "refresh", "--config", own, "--out", file)
	for _, part := range []string{"new      groq/brand/new", "changed  groq/openai/gpt-oss-20b", "gone     groq/openai/gpt-oss-120b"} {
		if got.code != exitOK || !strings.Contains(got.out, part) {
			t.Errorf("code %d, %q is not told:\n%s%s", got.code, part, got.out, got.errs)
		}
	}
	if err := os.WriteFile(own, []byte(team+"catalog: "+file+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := invoke(t, env, "models", "--config", own, "--all")
	for _, part := range []string{"groq/brand/new", "gone"} {
		if again.code != exitOK || !strings.Contains(again.out, part) {
			t.Errorf("code %d, %q is not shown:\n%s%s", again.code, part, again.out, again.errs)
		}
	}
	queue, err := redis.Open(env["REDIS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer queue.Close()
	gone, err := redis.NewGone(queue.Client).Models(t.Context(), time.Now())
	if err != nil || gone["groq/openai/gpt-oss-120b"].IsZero() || !gone["groq/openai/gpt-oss-20b"].IsZero() {
		t.Errorf("reported: %v, %v", gone, err)
	}
	if got := invoke(t, map[string]string{"DREAMLAB_DATA": t.TempDir()}, "models", "refresh"); got.code != exitFailed ||
		!strings.Contains(got.errs, "no vendor is configured") {
		t.Errorf("in the sandbox: code %d, %s", got.code, got.errs)
	}
}

func TestPrice(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "requests.jsonl")
	rows := `{"custom_id":"a","body":{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":100}}
{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}
`
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	got := invoke(t, nil, "price", file)
	for _, part := range []string{"2 requests", "groq/openai/gpt-oss-120b", "BATCH", "$0.0000"} {
		if got.code != exitOK || !strings.Contains(got.out, part) {
			t.Errorf("code %d, %q is not shown:\n%s%s", got.code, part, got.out, got.errs)
		}
	}
	var found priced
	printed := invoke(t, nil, "price", "--json", "--vendor", "groq", file)
	if err := json.Unmarshal([]byte(printed.out), &found); err != nil || found.Requests != 2 || len(found.Models) != 3 {
		t.Errorf("%v: %s", err, printed.out)
	}
	if got := invoke(t, nil, "price"); got.code != exitUsage {
		t.Errorf("without a file: code %d", got.code)
	}
	if err := os.WriteFile(file, []byte(rows+"{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := invoke(t, nil, "price", file); got.code != exitFailed || !strings.Contains(got.errs, "row 3") {
		t.Errorf("a bad row: code %d, %s", got.code, got.errs)
	}
}
