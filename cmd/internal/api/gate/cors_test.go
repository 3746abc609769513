package gate

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestOtherSites answers a listed site alone, for the routes of clients alone, and never allows cookies.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	const site = "https://lab.example"
	api := CORS([]string{site}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for name, tc := range map[string]struct {
		method, path, origin, asks string
		status                     int
		allowed                    string
	}{
		"preflight":                 {"OPTIONS", "/v1/chat/completions", site, "POST", http.StatusNoContent, site},
		"call":                      {"POST", "/v1/chat/completions", site, "", http.StatusTeapot, site},
		"no preflight":              {"OPTIONS", "/v1/models", site, "", http.StatusTeapot, site},
		"another site":              {"OPTIONS", "/v1/models", "https://lab.example.evil", "GET", http.StatusTeapot, ""},
		"another scheme":            {"GET", "/v1/models", "http://lab.example", "", http.StatusTeapot, ""},
		"no site at all":            {"GET", "/v1/models", "null", "", http.StatusTeapot, ""},
		"no browser":                {"GET", "/v1/models", "", "", http.StatusTeapot, ""},
		"pages, which take cookies": {"OPTIONS", "/app/keys", site, "POST", http.StatusTeapot, ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, nil)
		r.Header.Set("Origin", tc.origin)
		r.Header.Set("Access-Control-Request-Method", tc.asks)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		header := w.Header()
		if w.Code != tc.status || header.Get("Access-Control-Allow-Origin") != tc.allowed ||
			header.Get("Access-Control-Allow-Credentials") != "" || (header.Get("Vary") == "Origin") != (tc.path[:3] == "/v1") {
			t.Errorf("%s: %d %v", name, w.Code, header)
		}
	}
	plain := http.NotFoundHandler()
	w := httptest.NewRecorder()
	CORS(nil, plain).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/models", nil))
	if w.Header().Get("Vary") != "" {
		t.Error("it is not off by default")
	}
}
