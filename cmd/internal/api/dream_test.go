package api

import (
	"context"
	"net/http"
	"testing"

	"dreamlab/tasks"
)

// A dry run takes no dream's place, is refused by none, and is not listed as one.
func TestDryRunIsNoDream(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.on(tasks.DreamPlan, func(ctx context.Context, _ *tasks.Run) (*tasks.End, error) { // it runs until the test is over
		<-ctx.Done()
		return nil, ctx.Err()
	})
	dry := r.post("/v1/dreams", `{"dry_run":true}`).want(t, http.StatusAccepted, "")
	whole := r.post("/v1/dreams", `{}`).want(t, http.StatusAccepted, "")
	r.post("/v1/dreams", `{}`).want(t, http.StatusConflict, "dream_running")
	second := r.post("/v1/dreams", `{"dry_run":true}`).want(t, http.StatusAccepted, "")
	if dry.field(t, "dry_run") != true || whole.field(t, "dry_run") != false {
		t.Errorf("dry_run is not shown: %s %s", dry.body, whole.body)
	}
	for path, first := range map[string]string{
		"/v1/dreams": whole.text(t, "id"), "/v1/dreams?dry_run=false": whole.text(t, "id"),
		"/v1/dreams?dry_run=true": second.text(t, "id"),
	} {
		if a := r.get(path).want(t, http.StatusOK, ""); a.field(t, "first_id") != first {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	r.get("/v1/dreams?dry_run=yes").want(t, http.StatusBadRequest, "invalid_request")
}
