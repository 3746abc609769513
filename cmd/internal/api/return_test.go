package api

import (
	"strings"
	"testing"
)

// TestUsageTellsWhatExamplesReturn shows the points of the seed's tune, whose exam came out at 51.25 %.
func TestUsageTellsWhatExamplesReturn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.seed()
	got := r.get("/v1/usage").want(t, 200, "")
	want := `"returns":[{"source":"recorded","rows":1,"tunes":1,"cost_usd":0,"points":1.25,"usd_per_point":0}]`
	if !strings.Contains(string(got.body), want) {
		t.Errorf("usage: %s", got.body)
	}
	if other := r.do(request{path: "/v1/usage", key: r.other}).want(t, 200, ""); !strings.Contains(string(other.body), `"returns":[]`) {
		t.Errorf("usage of another tenant: %s", other.body)
	}
}
