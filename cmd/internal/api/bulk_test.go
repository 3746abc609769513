package api

import (
	"context"
	"fmt"
	"testing"

	"dreamlab/handlers/bulk"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// TestBulk retries all that failed by a filter, and cancels jobs by their ids; what it
// cannot do is counted and told, and another tenant's jobs are as if there were none.
func TestBulk(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.on(tasks.JobBulk, bulk.Run(r.engine))
	broken := true
	r.on(tasks.ChatRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		r.mu.Lock()
		failing := broken
		r.mu.Unlock()
		if failing {
			return nil, tasks.Fail("content_filter", "no")
		}
		return r.echo(ctx, run)
	})
	var ids []string
	for range 5 {
		made := r.post("/v1/jobs", `{"kind":"chat","input":`+askWhole+`}`).want(t, 202, "").text(t, "id")
		if j := r.finished(made); j.State != job.StateFailed {
			t.Fatalf("%s: %s", j.ID, j.State)
		}
		ids = append(ids, made)
	}
	r.mu.Lock()
	broken = false
	r.mu.Unlock()
	act := func(body, key string) map[string]any {
		t.Helper()
		made := r.do(request{method: "POST", path: "/v1/jobs/bulk", body: body, key: key}).want(t, 202, "").text(t, "id")
		r.finished(made)
		return r.do(request{path: "/v1/jobs/" + made, key: key}).field(t, "result").(map[string]any)
	}
	other := act(fmt.Sprintf(`{"action":"cancel","ids":[%q]}`, ids[0]), r.other)
	if other["done"] != 0.0 || other["refused_total"] != 1.0 {
		t.Errorf("another tenant: %v", other)
	}
	retried := act(`{"action":"retry","filter":{"kind":"chat","status":"failed"}}`, "")
	if retried["matched"] != 5.0 || retried["done"] != 5.0 {
		t.Errorf("retried: %v", retried)
	}
	for _, id := range ids {
		if j := r.finished(id); j.State != job.StateSucceeded {
			t.Errorf("%s: %s", id, j.State)
		}
	}
	refused := act(fmt.Sprintf(`{"action":"retry","ids":[%q,"job_none"]}`, ids[0]), "")
	if refused["done"] != 0.0 || refused["refused_total"] != 2.0 || len(refused["refused"].([]any)) != 2 {
		t.Errorf("refused: %v", refused)
	}
	for _, body := range []string{
		`{"action":"retry"}`, `{"action":"retry","filter":{}}`, `{"action":"drop","ids":["job_x"]}`,
		`{"action":"retry","filter":{"status":"odd"}}`, `{"action":"retry","ids":["job_x"],"filter":{"kind":"chat"}}`,
	} {
		r.post("/v1/jobs/bulk", body).want(t, 400, "invalid_request")
	}
}
