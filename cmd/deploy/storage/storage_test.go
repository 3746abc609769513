package storage

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestForward passes an event on with a token for the route, and has it sent again where that is
// worth it.
func TestForward(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lab, token, want int
		size             int
	}{
		"taken":            {lab: 202, token: 200, want: 204},
		"ignored":          {lab: 200, token: 200, want: 204},
		"never taken":      {lab: 400, token: 200, want: 204},
		"wrong account":    {lab: 401, token: 200, want: 503},
		"too many":         {lab: 429, token: 200, want: 503},
		"away":             {lab: 502, token: 200, want: 503},
		"without a token":  {lab: 202, token: 500, want: 503},
		"larger than ever": {lab: 202, token: 200, want: 204, size: maxEvent + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			called := false
			var lab *httptest.Server
			lab = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v1/events/storage" {
					if r.URL.Query().Get("audience") != lab.URL+"/v1/events/storage" || r.Header.Get("Metadata-Flavor") != "Google" {
						t.Errorf("a token was asked for by %s", r.URL)
					}
					w.WriteHeader(test.token)
					fmt.Fprint(w, "the.token.here\n")
					return
				}
				called = true
				body, err := io.ReadAll(r.Body)
				h := r.Header
				if err != nil || string(body) != `{"name":"x"}` || h.Get("Authorization") != "Bearer the.token.here" ||
					h.Get("Ce-Type") != "t" || h.Get("Content-Type") != "application/json" || h.Get("X-Other") != "" {
					t.Errorf("sent %s, %v, %v", body, h, err)
				}
				w.WriteHeader(test.lab)
			}))
			t.Cleanup(lab.Close)
			body := `{"name":"x"}`
			if test.size > 0 {
				body = strings.Repeat("x", test.size)
			}
			q := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
			q.Header.Set("Content-Type", "application/json")
			q.Header.Set("Ce-Type", "t")
			q.Header.Set("X-Other", "secret")
			w := httptest.NewRecorder()
			forwarder{target: lab.URL + "/v1/events/storage", metadata: lab.URL, client: lab.Client()}.ServeHTTP(w, q)
			if w.Code != test.want {
				t.Errorf("answered %d, want %d", w.Code, test.want)
			}
			if sent := test.token == 200 && test.size == 0; called != sent {
				t.Errorf("passed on: %v, want %v", called, sent)
			}
		})
	}
}
