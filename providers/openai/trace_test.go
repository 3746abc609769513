package openai

import (
	"encoding/json"
	"net/http"
	"testing"

	"dreamlab/providers"
)

// TestTraceOnTheWire holds that the vendor is sent the request's own trace.
func TestTraceOnTheWire(t *testing.T) {
	t.Parallel()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	req := &providers.Request{
		Model: "m", Messages: []providers.Message{{Role: "user", Content: json.RawMessage(`"a"`)}},
	}
	for _, want := range []string{trace, ""} {
		client := serve(t, Dialect{Key: "sandbox"}, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Traceparent"); got != want {
				t.Errorf("the vendor is sent the trace %q, want %q", got, want)
			}
			body(200, "application/json", whole)(w, r)
		})
		if _, err := client.Chat(providers.WithTrace(t.Context(), want), req, nil); err != nil {
			t.Error(err)
		}
	}
}
