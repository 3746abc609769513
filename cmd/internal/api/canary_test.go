package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/canary"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/money"
)

// canary places a canary of the tuned model on the alias assistant.
func (r *rig) canary(s seeded) canary.Canary {
	r.t.Helper()
	return r.place(s, func(*canary.Canary) {})
}

// place is canary with a change.
func (r *rig) place(s seeded, change func(*canary.Canary)) canary.Canary {
	r.t.Helper()
	route, err := r.store.Route(r.t.Context(), s.tenant, "assistant")
	must(r.t, err)
	c := canary.Canary{
		ID: db.NewID("can_"), Tenant: s.tenant, Alias: "assistant", Tune: s.tune, Candidate: s.model,
		Champion: route.Targets[0].Model, State: canary.Running, Reason: "it passed its exam",
		Plan: canary.Plan{Steps: []int{5, 50, 100}, Step: time.Hour, Hold: time.Hour, Alpha: 0.05, Margin: 0.1},
		Route: canary.Route{
			Before: route.Targets, After: []learn.RouteTarget{{Model: s.model, Weight: 1}}, Version: route.Version, Origin: route.Origin,
		},
	}
	change(&c)
	must(r.t, r.store.Tx(r.t.Context(), db.Synced, func(q *store.Queries) (err error) {
		c, err = store.PlaceCanary(context.WithoutCancel(r.t.Context()), q, c)
		return err
	}))
	return c
}

// TestCanaryByHand pauses, resumes, promotes and aborts a canary, each where it fits, by an admin alone.
func TestCanaryByHand(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	act := func(action, key string) answer {
		return r.do(request{method: "POST", path: "/v1/routes/assistant/canary", body: `{"action":"` + action + `"}`, key: key})
	}
	act("abort", r.admin).want(t, 409, "invalid_request") // none runs
	first := r.get("/v1/routes/assistant").field(t, "version").(float64)
	r.canary(s)
	shown := r.get("/v1/routes/assistant")
	if shown.field(t, "canary", "model") != s.model || shown.field(t, "canary", "share") != 0.05 ||
		shown.field(t, "canary", "status") != "running" || shown.field(t, "canary", "seen", "win_rate") != 0.5 {
		t.Errorf("%s", shown.body)
	}
	act("pause", r.key).want(t, 403, "forbidden")
	act("resume", r.admin).want(t, 409, "invalid_request")
	act("grow", r.admin).want(t, 400, "invalid_request")
	for _, step := range []struct {
		action, status string
		share          float64
	}{{"pause", "paused", 0.05}, {"resume", "running", 0.05}, {"promote", "watching", 1}} {
		if a := act(step.action, r.admin).want(t, 200, ""); a.field(t, "canary", "status") != step.status ||
			a.field(t, "canary", "share") != step.share {
			t.Errorf("%s: %s", step.action, a.body)
		}
	}
	preview := r.do(request{method: "POST", path: "/v1/routes/assistant/canary?preview=true", body: `{"action":"abort"}`, key: r.admin})
	if preview.want(t, 200, "").field(t, "version") != first || preview.field(t, "now", "canary", "status") != "watching" {
		t.Errorf("%s", preview.body)
	}
	back := act("abort", r.admin).want(t, 200, "")
	if back.field(t, "canary") != nil || back.field(t, "version") != first+3 || strings.Contains(string(back.body), `"canary":"can_`) &&
		len(back.field(t, "targets").([]any)) != 1 {
		t.Errorf("%s", back.body)
	}
	act("abort", r.admin).want(t, 409, "invalid_request")
	audit := r.do(request{path: "/v1/audit", key: r.admin})
	if !strings.Contains(string(audit.body), "/canary") {
		t.Errorf("%s", audit.body)
	}
}

// TestRouteByHandEndsItsCanary: a rollback in the midst of a canary leads to what was before it, and a
// canary whose route was changed can not be moved.
func TestRouteByHandEndsItsCanary(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	before := r.get("/v1/routes/assistant").field(t, "targets")
	r.canary(s)
	back := r.do(request{method: "POST", path: "/v1/routes/assistant/rollback", key: r.admin}).want(t, 200, "")
	if got := back.field(t, "targets").([]any); len(got) != len(before.([]any)) || back.field(t, "canary") != nil {
		t.Errorf("%s", back.body)
	}
	r.do(request{
		method: "POST", path: "/v1/routes/assistant/canary", body: `{"action":"promote"}`, key: r.admin,
	}).want(t, 409, "invalid_request")
}

// TestShadowIsShown: a canary in its shadow stands on its route without a share, with its pairs and what they
// cost, and is moved by hand as one in its steps is.
func TestShadowIsShown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	version := r.get("/v1/routes/assistant").field(t, "version")
	r.place(s, func(c *canary.Canary) {
		c.State, c.Step = canary.Shadow, canary.BeforeSteps
		c.Plan.Pairs = canary.PairPlan{Share: 0.1, Shadow: 50, Budget: int64(money.Dollar)}
		c.Seen.Judged = canary.Judged{Wins: 3, Ties: 2, Losses: 1}
	})
	shown := r.get("/v1/routes/assistant")
	for _, want := range []struct {
		value any
		at    []string
	}{
		{version, []string{"version"}}, {"shadow", []string{"canary", "status"}}, {0.0, []string{"canary", "share"}},
		{0.0, []string{"canary", "step"}}, {6.0, []string{"canary", "pairs", "judged"}},
		{1.0, []string{"canary", "pairs", "budget_usd"}}, {0.0, []string{"canary", "pairs", "spent_usd"}},
	} {
		if got := shown.field(t, want.at...); got != want.value {
			t.Errorf("%v is %v, want %v", want.at, got, want.value)
		}
	}
	act := func(action string) answer {
		return r.do(request{method: "POST", path: "/v1/routes/assistant/canary", body: `{"action":"` + action + `"}`, key: r.admin})
	}
	for _, step := range [][2]string{{"pause", "paused"}, {"resume", "shadow"}, {"promote", "watching"}} {
		if a := act(step[0]).want(t, 200, ""); a.field(t, "canary", "status") != step[1] {
			t.Errorf("%s: %s", step[0], a.body)
		}
	}
	if back := act("abort").want(t, 200, ""); back.field(t, "canary") != nil {
		t.Errorf("%s", back.body)
	}
}
