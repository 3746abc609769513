package gate

import (
	"net/http"
	"slices"
	"strings"
)

// What pages of other sites may send and read, beside what any page may.
const (
	corsMethods = "GET, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Traceparent, X-Api-Key, X-Request-Id, " +
		"Anthropic-Version, Anthropic-Beta, OpenAI-Organization, OpenAI-Project"
	corsShown = "X-Request-Id, Retry-After, Location"
)

// CORS lets pages of the listed sites ask the routes of clients from a browser
// (https://fetch.spec.whatwg.org/#http-cors-protocol). They send a key by themselves: cookies are not
// allowed, and the routes take none. The answers to all others are as before.
func CORS(sites []string, next http.Handler) http.Handler {
	if len(sites) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") {
			next.ServeHTTP(w, r)
			return
		}
		header, site := w.Header(), r.Header.Get("Origin")
		header.Add("Vary", "Origin")
		if !slices.Contains(sites, site) {
			next.ServeHTTP(w, r)
			return
		}
		header.Set("Access-Control-Allow-Origin", site)
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			header.Set("Access-Control-Expose-Headers", corsShown)
			next.ServeHTTP(w, r)
			return
		}
		header.Set("Access-Control-Allow-Methods", corsMethods)
		header.Set("Access-Control-Allow-Headers", corsHeaders)
		header.Set("Access-Control-Max-Age", "7200") // Chromium's most
		w.WriteHeader(http.StatusNoContent)
	})
}
