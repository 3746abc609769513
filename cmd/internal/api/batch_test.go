package api

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks/lines"
)

// addBatch puts a batch into the store that is under way, with its file.
func (s seeded) addBatch(ctx context.Context, q *store.Queries) error {
	_, err := q.AddFile(ctx, learn.File{ID: s.requests, Tenant: s.tenant, Filename: "b", Purpose: "batch",
		Object: blob.FileObject(s.requests)})
	if err != nil {
		return err
	}
	return q.AddBatch(ctx, batch.Batch{
		ID: s.batch, Tenant: s.tenant, Job: db.NewID("job_"), File: s.requests, Endpoint: lines.Endpoint, Window: day,
		Status: batch.InProgress, Spec: plainjson.Of(batch.Spec{Provider: "groq", Target: "lead"}), Metadata: []byte(`{"a":"b"}`),
	})
}

// What can not be a batch is refused when it is asked for, by parameter and code.
func TestBatchIsRefusedAtCreation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	training := r.file(trainingRow)
	requests := learn.File{ID: db.NewID("file-"), Tenant: r.tenant("one"), Purpose: "batch", Filename: "f", SHA256: "x"}
	requests.Object = blob.FileObject(requests.ID)
	_, err := r.store.AddFile(t.Context(), requests)
	must(t, err)
	for name, c := range map[string]struct{ file, endpoint, more, code, param, says string }{
		"no file":         {"", "/v1/chat/completions", "", "invalid_request", "input_file_id", "purpose batch"},
		"unknown file":    {"file-none", "/v1/chat/completions", "", "not_found", "input_file_id", "file"},
		"another purpose": {training, "/v1/chat/completions", "", "invalid_request", "input_file_id", "fine-tune"},
		"endpoint":        {requests.ID, "/v1/embeddings", "", "invalid_request", "endpoint", "/v1/chat/completions"},
		"window":          {requests.ID, "/v1/chat/completions", `,"completion_window":"1h"`, "invalid_request", "completion_window", "24h"},
		"metadata":        {requests.ID, "/v1/chat/completions", `,"metadata":` + pairs(17), "invalid_request", "metadata", "16"},
		"field":           {requests.ID, "/v1/chat/completions", `,"windo":"1h"`, "invalid_request", "windo", "windo"},
	} {
		got := r.post("/v1/batches", fmt.Sprintf(`{"input_file_id":%q,"endpoint":%q%s}`, c.file, c.endpoint, c.more))
		status := 400
		if c.code == "not_found" {
			status = 404
		}
		if got.status != status || got.field(t, "error", "code") != c.code || got.field(t, "error", "param") != c.param ||
			!strings.Contains(fmt.Sprint(got.field(t, "error", "message")), c.says) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// A batch goes through OpenAI's states, and one that is over is not cancelled.
func TestBatchIsShown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	get := func() answer { return r.do(request{path: "/v1/batches/" + s.batch}) }
	if got := get(); got.field(t, "status") != "in_progress" || got.field(t, "dreamlab", "served_by") != "vendor" ||
		got.field(t, "metadata", "a") != "b" || got.field(t, "completion_window") != "24h" {
		t.Errorf("got %s", got.body)
	}
	got := r.do(request{method: "POST", path: "/v1/batches/" + s.batch + "/cancel"})
	if got.status != 200 || got.field(t, "status") != "cancelling" || got.field(t, "cancelling_at") == nil {
		t.Errorf("got %d %s", got.status, got.body)
	}
	b, err := r.store.Batch(t.Context(), s.tenant, s.batch)
	must(t, err)
	b.Status, b.Total, b.Completed, b.Failed = batch.Cancelled, 9, 7, 2
	must(t, r.store.SetBatch(t.Context(), b))
	if got := get(); got.field(t, "status") != "cancelled" || got.field(t, "cancelled_at") == nil ||
		fmt.Sprint(got.field(t, "request_counts", "completed")) != "7" {
		t.Errorf("got %s", got.body)
	}
	got = r.do(request{method: "POST", path: "/v1/batches/" + s.batch + "/cancel"})
	if got.status != 409 {
		t.Errorf("it is over: %d %s", got.status, got.body)
	}
}
