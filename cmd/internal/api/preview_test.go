package api

import (
	"encoding/json"
	"testing"

	"dreamlab/store/learn"
)

// TestPreviews tells what undoing a dream and rolling a route back would change, and changes
// nothing.
func TestPreviews(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	undo := "/v1/dreams/" + s.dream + "/undo"
	preview := r.post(undo+"?preview=true", "").want(t, 200, "")
	for field, want := range map[string]string{
		"reflections": s.reflection, "memories": "mem_1", "examples": s.example, "datasets": s.dataset, "models": s.model,
	} {
		if got := preview.field(t, field).([]any); len(got) != 1 || got[0] != want {
			t.Errorf("%s are %v, want %s", field, got, want)
		}
	}
	if n := preview.field(t, "experiences"); n != 1.0 {
		t.Errorf("%v experiences", n)
	}
	if a := r.get("/v1/dreams/" + s.dream); a.field(t, "undone_at") != nil {
		t.Errorf("the preview undid the dream: %s", a.body)
	}
	r.get("/v1/reflections/"+s.reflection).want(t, 200, "")
	if serving := preview.field(t, "serving").([]any); len(serving) != 0 {
		t.Errorf("%v serve", serving)
	}
	r.do(request{method: "POST", path: undo + "?preview=true", key: r.other}).want(t, 404, "not_found")
	r.post(undo+"?preview=yes", "").want(t, 400, "invalid_request")

	targets := `{"targets":[{"model":"together/tuned","weight":1,"tier":0}]}`
	r.do(request{method: "PUT", path: "/v1/routes/assistant", body: targets, key: r.admin}).want(t, 200, "")
	back := request{method: "POST", path: "/v1/routes/assistant/rollback?preview=true", key: r.admin}
	would := r.do(back).want(t, 200, "")
	if would.field(t, "version") != 1.0 || would.field(t, "now", "version") != 2.0 {
		t.Errorf("%s", would.body)
	}
	if version := r.get("/v1/routes/assistant").field(t, "version"); version != 2.0 {
		t.Errorf("the preview made version %v", version)
	}
	back.key = r.key
	r.do(back).want(t, 403, "forbidden")
}

// TestUndoNamesTheModelsThatHoldIt tells which models learned from what is withdrawn, and which of them serve; told again
// the answer is the same, and another view of the dream does not have it.
func TestUndoNamesTheModelsThatHoldIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	must(t, r.store.SetModelState(t.Context(), s.model, learn.ModelServing))
	for range 2 {
		undone := r.post("/v1/dreams/"+s.dream+"/undo", "").want(t, 200, "")
		for _, field := range []string{"models", "serving"} {
			if got := undone.field(t, field).([]any); len(got) != 1 || got[0] != s.model {
				t.Errorf("%s are %v, want %s", field, got, s.model)
			}
		}
	}
	shown := map[string]any{}
	must(t, json.Unmarshal(r.get("/v1/dreams/"+s.dream).want(t, 200, "").body, &shown))
	if _, told := shown["models"]; told {
		t.Errorf("a dream tells of models: %v", shown["models"])
	}
}
