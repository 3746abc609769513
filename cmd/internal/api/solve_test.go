package api

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"dreamlab/tasks"
)

const solved = `{"answer":"42","answered_by":"lead","verified":true,"verified_by":"judged","attempts":[
	{"role":"base","alias":"base","provider":"p","model":"small","answer":"41","correct":null,"error":null},
	{"role":"lead","alias":"lead","provider":"p","model":"large","answer":"42","correct":null,"error":null}],
	"verdicts":[{"prefers":"lead","base_score":0.2,"lead_score":1.0,"reason":"right"},
		{"prefers":"lead","base_score":0.0,"lead_score":0.900,"reason":"right"}]}`

func TestSolve(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	asked := 0
	r.on(tasks.DreamSolve, func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
		asked++
		var in tasks.SolveInput
		if err := run.Decode(&in); err != nil {
			return nil, err
		}
		if in.Task == "fail" {
			return nil, tasks.Fail("insufficient_quota", "the budget is used up")
		}
		return &tasks.End{Result: json.RawMessage(solved)}, nil
	})
	const path, body = "/api/dream_lab/solve", `{"task":"6 times 7?","budget_usd":"0.50"}`
	key := map[string]string{"Idempotency-Key": "one"}
	first := r.do(request{method: "POST", path: path, body: body, header: key}).want(t, http.StatusOK, "")
	if first.text(t, "answer") != "42" || first.field(t, "cost_usd") != 0.0 || first.text(t, "status") != "succeeded" {
		t.Errorf("solved: %s", first.body)
	}
	again := r.do(request{method: "POST", path: path, body: body, header: key}).want(t, http.StatusOK, "")
	if again.text(t, "id") != first.text(t, "id") || asked != 1 {
		t.Errorf("the same key made %s and %s in %d runs", first.text(t, "id"), again.text(t, "id"), asked)
	}
	r.do(request{method: "POST", path: path, body: `{"task":"other"}`, header: key}).want(t, http.StatusConflict, "idempotency_conflict")
	later := r.do(request{method: "POST", path: path, body: body, header: map[string]string{"Prefer": "respond-async"}}).
		want(t, http.StatusAccepted, "")
	job := r.do(request{path: "/v1/jobs/" + later.text(t, "id"), header: map[string]string{"Prefer": "wait=20"}}).want(t, http.StatusOK, "")
	if job.text(t, "result", "answer") != "42" {
		t.Errorf("the job: %s", job.body)
	}
	r.post(path, `{"task":"fail"}`).want(t, http.StatusTooManyRequests, "insufficient_quota")
	for _, bad := range []string{`{}`, `{"task":" "}`, `{"task":7}`, `{"task":"a","budget_usd":-1}`, `{"task":"a","more":1}`, `[]`} {
		r.post(path, bad).want(t, http.StatusBadRequest, "invalid_request")
	}
}
