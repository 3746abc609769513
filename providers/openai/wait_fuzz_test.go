package openai

import (
	"net/http"
	"testing"
	"time"
)

// FuzzRetryAfter reads how long a vendor asks to wait, from every place in which it may say so: never less than nothing, and
// never more than a day.
func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"2", "0.5", "-1", "2m59.56s", "659.99ms", "22 seconds", "1e999", "NaN", "-5m", "2562048h",
		"Sun, 06 Nov 1994 08:49:37 GMT", "Please try again in 7.66s.", "retry in 1 hour", `{"retryDelay": "30.5s"}`,
		`{"retryDelay": "99999999999999999999s"}`, "1.2.3 seconds", "9999999999999 hours"} {
		f.Add(text, 429)
	}
	now := time.Unix(1_700_000_000, 0)
	f.Fuzz(func(t *testing.T, text string, status int) {
		for _, failure := range []Failure{
			{Header: http.Header{"Retry-After": {text}}}, {Header: http.Header{"Retry-After-Ms": {text}}},
			{Header: http.Header{"X-Ratelimit-Reset": {text}, "X-Ratelimit-Remaining": {"0"}}},
			{Message: text}, {Body: []byte(text)},
		} {
			failure.Status = status
			if wait, ok := retryAfter(failure, now); wait < 0 || wait > maxWait || !ok && wait != 0 {
				t.Fatalf("%q is a wait of %v, %t", text, wait, ok)
			}
		}
	})
}
