package api

import (
	"fmt"
	"strings"
	"testing"

	"dreamlab/store/learn"
)

// compareAll stores a comparison for each outcome, of experiences that it makes, in this order: won and judged,
// lost and checked, a tie on which the orders disagreed.
func (r *rig) compareAll(s seeded) (ids []string) {
	r.t.Helper()
	for i, p := range []learn.Comparison{
		{Outcome: learn.Win, Judged: true, Agreed: true, Orders: []learn.Judgement{{Outcome: learn.Win}, {Outcome: learn.Win}}},
		{Outcome: learn.Loss, Checked: true, IncumbentHit: true, Regression: true},
		{Outcome: learn.Tie, Judged: true},
	} {
		e := learn.Experience{
			ID: fmt.Sprintf("exp_%032d", i+1), Tenant: s.tenant, External: fmt.Sprint("compared ", i), Alias: "assistant",
			Origin: learn.OriginImport, Prompt: []byte(`[]`), Answer: []byte(`{}`),
		}
		e.Seal()
		must(r.t, r.store.AddExperience(r.t.Context(), e))
		p.Experience, p.Said = e.ID, &learn.Said{Candidate: "yes", Incumbent: "no", Reasons: []string{"one", "two"}}
		must(r.t, r.store.AddComparison(r.t.Context(), s.tenant, "evl_compared", p))
		ids = append(ids, e.ID)
	}
	must(r.t, r.store.AddEvaluation(r.t.Context(), learn.Evaluation{ID: "evl_compared", Tenant: s.tenant, Alias: "assistant"}))
	return ids
}

// The comparisons of an evaluation are listed in pages and by filters, with what was said until it is forgotten.
func TestComparisons(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ids := r.compareAll(r.seed())
	const route = "/v1/evaluations/evl_compared/comparisons?order=asc"
	for query, want := range map[string][]string{
		"": ids, "&limit=1&after=" + ids[0]: ids[1:2], "&outcome=tie": ids[2:], "&lost=true": ids[1:2],
		"&lost=false": {ids[0], ids[2]}, "&checked=true": ids[1:2], "&disagreed=true": ids[2:],
		"&checked=false&disagreed=false": ids[:1], "&outcome=win&lost=true": {},
	} {
		got := []string{}
		for _, row := range r.get(route+query).want(t, 200, "").field(t, "data").([]any) {
			got = append(got, row.(map[string]any)["id"].(string))
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q finds %v, want %v", query, got, want)
		}
	}
	for _, wrong := range []string{"&outcome=won", "&lost=1", "&after=evl_1"} {
		r.get(route+wrong).want(t, 400, "invalid_request")
	}
	r.get(route+"&after=exp_none").want(t, 404, "not_found")
	r.do(request{path: route, key: r.other}).want(t, 404, "not_found")
	won := r.get(route+"&outcome=win").want(t, 200, "").body
	for _, part := range []string{`"answer":"yes"`, `"shown_first":"incumbent"`, `"reason":"two"`, `"agreed":true`, `"check":null`} {
		if !strings.Contains(string(won), part) {
			t.Errorf("%s has no %s", won, part)
		}
	}
	r.do(request{method: "DELETE", path: "/v1/conversations/compared%200"}).want(t, 200, "")
	won = r.get(route+"&outcome=win").want(t, 200, "").body
	if !strings.Contains(string(won), `"answer":null`) || strings.Contains(string(won), `"reason":"two"`) {
		t.Errorf("it was forgotten: %s", won)
	}
}

// A repetition may be bounded, and is only of what there is.
func TestRepeatEvaluation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	path := "/v1/evaluations/" + s.evaluation + "/repeat"
	job := r.post(path, `{"budget_usd":0.5}`).want(t, 202, "")
	if kind := job.text(t, "kind"); kind != "tune" {
		t.Errorf("the job is of kind %s", kind)
	}
	r.post(path, "").want(t, 202, "")
	r.post(path, `{"budget_usd":-1}`).want(t, 400, "invalid_request")
	r.post(path, `{"judge":"lead"}`).want(t, 400, "invalid_request")
	r.post("/v1/evaluations/evl_none/repeat", "").want(t, 404, "not_found")
	r.do(request{method: "POST", path: path, key: r.other}).want(t, 404, "not_found")
}
