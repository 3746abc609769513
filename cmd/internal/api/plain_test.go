package api

import (
	"strings"
	"testing"

	"dreamlab/store/learn"
)

// TestBodiesAreNotEscaped sends what HTML would have to escape: JSON does not.
func TestBodiesAreNotEscaped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, body := range []string{
		`{"model":"assistant","messages":[],"<b>&":1}`, `{"model":"<b>&","messages":[{"role":"user","content":"x"}]}`,
	} {
		if got := r.post("/v1/chat/completions", body); !strings.Contains(string(got.body), "<b>&") {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}

func TestJobBounds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for field, value := range map[string]string{
		"max_attempts": "0", "max_attempts ": "21", "metadata": `{"a":"` + strings.Repeat("b", 513) + `"}`,
		"metadata ": `{"` + strings.Repeat("a", 65) + `":"b"}`,
	} {
		name := strings.TrimSpace(field)
		got := r.post("/v1/jobs", `{"kind":"dream","`+name+`":`+value+`}`)
		if got.status != 400 || got.text(t, "error", "param") != name {
			t.Errorf("%s %.20s: %d %s", name, value, got.status, got.body)
		}
	}
	fits := `{"kind":"dream","max_attempts":1,"metadata":{"a":"` + strings.Repeat("ü", 512) + `"}}`
	if got := r.post("/v1/jobs", fits); got.status != 202 || got.field(t, "max_attempts") != 1.0 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestTunedModelsCostWhatTheirBaseDoes shows the price under which calls of a
// tuned model are settled.
func TestTunedModelsCostWhatTheirBaseDoes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	tenant, err := r.store.EnsureTenant(t.Context(), "one")
	must(t, err)
	must(t, r.store.AddModel(t.Context(), learn.Model{
		Name: "together/tuned-1", Tenant: tenant.ID, Alias: "assistant", Provider: "together",
		Base: "together/base", State: "serving", Priced: "base",
	}))
	got := r.get("/v1/models/together/tuned-1")
	if got.status != 200 || got.field(t, "dreamlab", "context_window") != 1000.0 ||
		got.field(t, "dreamlab", "price", "input_usd_per_million") == nil {
		t.Errorf("%d %s", got.status, got.body)
	}
}
