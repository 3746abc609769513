package api

import (
	"strings"
	"testing"
)

// TestAgedIsTold shows what learned from conversations that were deleted for their age: the dataset without its content.
func TestAgedIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	for _, path := range []string{"/v1/datasets/" + s.dataset, "/v1/tunes/" + s.tune} {
		if at := r.get(path).want(t, 200, "").field(t, "aged_at"); at != nil {
			t.Errorf("%s: aged at %v", path, at)
		}
	}
	for _, table := range []string{"datasets", "tunes", "models"} {
		_, err := r.store.Exec(t.Context(), `UPDATE `+table+` SET aged = 1700000000000000`)
		must(t, err)
	}
	for _, path := range []string{"/v1/datasets/" + s.dataset, "/v1/tunes/" + s.tune} {
		if at := r.get(path).want(t, 200, "").field(t, "aged_at"); at != 1700000000.0 {
			t.Errorf("%s: aged at %v", path, at)
		}
	}
	if a := r.get("/v1/models/"+s.model).want(t, 200, ""); !strings.Contains(string(a.body), `"aged_at":1700000000`) {
		t.Errorf("the model: %s", a.body)
	}
	gone := r.get("/v1/datasets/"+s.dataset+"/content").want(t, 404, "not_found")
	if !strings.Contains(string(gone.body), "experience_retention") {
		t.Errorf("the content: %s", gone.body)
	}
}
