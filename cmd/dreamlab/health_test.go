package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHealth asks servers in each state that a health check meets.
func TestHealth(t *testing.T) {
	t.Parallel()
	server := func(status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if r.Header.Get("Authorization") != "" {
				t.Error("a health check sent a key")
			}
			if r.URL.Path == "/readyz" {
				w.WriteHeader(status)
			}
			_, _ = w.Write([]byte(`{"status":"x","dependencies":{"queue":{"state":"up"}}}`))
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	up, unready := server(http.StatusOK), server(http.StatusServiceUnavailable)
	_, port, _ := strings.Cut(up, ":")
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"ready":             {[]string{"--addr", up}, exitOK},
		"listens anywhere":  {[]string{"--addr", "0.0.0.0:" + port}, exitOK},
		"unready":           {[]string{"--addr", unready}, exitFailed},
		"unready but alive": {[]string{"--addr", unready, "--live"}, exitOK},
		"nobody listens":    {[]string{"--addr", "127.0.0.1:1"}, exitUnreachable},
		"no address":        {[]string{"--addr", "here"}, exitUsage},
	} {
		env := map[string]string{"DREAMLAB_DATA": t.TempDir(), "DREAMLAB_KEY": "dl-secret"}
		if got := invoke(t, env, append([]string{"health"}, c.args...)...); got.code != c.code {
			t.Errorf("%s: code %d, want %d: %s", name, got.code, c.code, got.errs)
		}
	}
	if got := invoke(t, nil, "health", "--addr", up); got.out != "queue: up\n" {
		t.Errorf("it shows %q", got.out)
	}
}
