package api

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestReadyTriesAWrite has the database answer reads alone.
func TestReadyTriesAWrite(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.get("/readyz").want(t, 200, "")
	if _, err := r.store.Driver().Exec(t.Context(), "CREATE TRIGGER no_writes BEFORE UPDATE ON write_probe "+
		"BEGIN SELECT RAISE(ABORT, 'read-only'); END"); err != nil {
		t.Fatal(err)
	}
	ready := r.get("/readyz").want(t, 503, "")
	if ready.text(t, "dependencies", "database", "state") != "down" || ready.text(t, "status") != "unready" {
		t.Errorf("ready says %s", ready.body)
	}
}

// TestReadyShowsDetailsToItsOwn hides what the API depends on from a page in a
// browser whose name was led here.
func TestReadyShowsDetailsToItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, tc := range []struct {
		host, key string
		shown     bool
	}{
		{"127.0.0.1", "", true}, {"localhost:1", "", true}, {"10.1.2.3:8080", "", true},
		{"rebound.example", "", false}, {"rebound.example", "dl-wrong", false}, {"lab.example", r.key, true},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/readyz", nil)
		must(t, err)
		req.Host = tc.host
		if tc.key != "" {
			req.Header.Set("Authorization", "Bearer "+tc.key)
		}
		reply, err := client.Do(req)
		must(t, err)
		body, err := io.ReadAll(reply.Body)
		must(t, errors.Join(err, reply.Body.Close()))
		if reply.StatusCode != 200 || strings.Contains(string(body), `"queue"`) != tc.shown {
			t.Errorf("%+v: %d %s", tc, reply.StatusCode, body)
		}
	}
}
