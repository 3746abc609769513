package api

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestModelShowsWhatIsKnown asks for a model with all ways to pay for it, and for one that is over.
func TestModelShowsWhatIsKnown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, want := range map[string]string{
		"together/base": `"capabilities":["tools"],"price":{"input_usd_per_million":0.05,"cached_input_usd_per_million":0.025,` +
			`"output_usd_per_million":0.2,"batch":{"input_usd_per_million":0.025,"cached_input_usd_per_million":0.025,` +
			`"output_usd_per_million":0.1},"flex":null,"priority":null,"from":1}`,
		"groq/maker/lead": `"capabilities":[],"price":null,"lifecycle":{"state":"retired","shutdown_at":1,"replacement":"together/base"}`,
	} {
		got := r.get("/v1/models/" + name)
		if !json.Valid(got.body) || !strings.Contains(string(got.body), want) {
			t.Errorf("%s: %s\nwant %s", name, got.body, want)
		}
	}
}
