package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"dreamlab/store/learn"
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

// TestStatusTellsOfTheTuneClock shows why there is no tune yet, to the tenant that it is about.
func TestStatusTellsOfTheTuneClock(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	must(t, r.store.NoteClock(t.Context(), learn.TaughtAlias{Tenant: s.tenant, Alias: "assistant"}, "no tune yet: 3 new rows of 100"))
	got := r.get("/api/dream_lab/status").want(t, http.StatusOK, "")
	if !strings.Contains(string(got.body), `"tune_clock":[{"alias":"assistant","says":"no tune yet: 3 new rows of 100","since":1`) {
		t.Errorf("status: %s", got.body)
	}
	other := r.do(request{path: "/api/dream_lab/status", key: r.other}).want(t, http.StatusOK, "")
	if clock := other.field(t, "tune_clock").([]any); len(clock) != 0 {
		t.Errorf("status of another tenant: %s", other.body)
	}
}
