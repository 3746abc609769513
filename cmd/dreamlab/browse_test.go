package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// jobServer is a server with 245 jobs, which it lists in pages.
func jobServer(t *testing.T) map[string]string {
	t.Helper()
	const all = 245
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		limit, err := strconv.Atoi(query.Get("limit"))
		if err != nil || limit < 1 || limit > 100 || query.Get("status") != "failed" || query.Has("kind") {
			t.Errorf("asked for %s", r.URL)
		}
		from, _ := strconv.Atoi(strings.TrimPrefix(query.Get("after"), "job_"))
		rows := []map[string]string{}
		for n := from + 1; n <= min(from+limit, all); n++ {
			rows = append(rows, map[string]string{"id": fmt.Sprintf("job_%d", n)})
		}
		last := fmt.Sprintf("job_%d", min(from+limit, all))
		page := map[string]any{"object": "list", "data": rows, "has_more": from+limit < all, "last_id": last}
		if err := json.NewEncoder(w).Encode(page); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return map[string]string{"DREAMLAB_URL": server.URL, "DREAMLAB_KEY": "dl-x"}
}

func TestPages(t *testing.T) {
	t.Parallel()
	env := jobServer(t)
	for limit, want := range map[string]int{"0": 245, "1": 1, "100": 100, "240": 240, "245": 245, "1000": 245} {
		got := invoke(t, env, "job", "list", "--status", "failed", "-n", limit, "-o", "jsonl")
		rows := strings.Fields(got.out)
		if got.code != exitOK || len(rows) != want || len(slices.Compact(slices.Sorted(slices.Values(rows)))) != want {
			t.Errorf("-n %s: %d rows, code %d, %s", limit, len(rows), got.code, got.errs)
		}
		if more := strings.Contains(got.errs, "there are more"); more != (want < 245) {
			t.Errorf("-n %s says %q", limit, got.errs)
		}
	}
	var page struct {
		Data    []struct{ ID string }
		HasMore bool   `json:"has_more"`
		LastID  string `json:"last_id"`
	}
	got := invoke(t, env, "job", "list", "--status", "failed", "-n", "110", "--after", "job_100", "--json")
	err := json.Unmarshal([]byte(got.out), &page)
	if err != nil || len(page.Data) != 110 || page.Data[0].ID != "job_101" || page.LastID != "job_210" || !page.HasMore {
		t.Errorf("the whole: %v, %d rows, last %s", err, len(page.Data), page.LastID)
	}
	if got := invoke(t, env, "job", "list", "-n", "-1"); got.code != exitUsage {
		t.Errorf("-n -1: %+v", got)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]routeTarget{
		"groq/a":        {Model: "groq/a", Weight: 100},
		"groq/a=9":      {Model: "groq/a", Weight: 9},
		"groq/a=9@2":    {Model: "groq/a", Weight: 9, Tier: 2},
		"own/a=b@c=1@0": {Model: "own/a=b@c", Weight: 1},
	} {
		if got, err := parseTarget(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"=1", "groq/a=", "groq/a=x", "groq/a=1@", "groq/a=1@x"} {
		if got, err := parseTarget(text); exitCode(err) != exitUsage {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}
