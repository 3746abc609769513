package azure_test

import (
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
)

// spec is a batch of one line.
func spec(model string) providers.BatchSpec {
	return providers.BatchSpec{
		Name: "dl-1", Model: model, Lines: 1, Window: 24 * time.Hour,
		Requests: iter.Seq2[providers.BatchLine, error](func(yield func(providers.BatchLine, error) bool) {
			yield(providers.BatchLine{ID: "a", Request: request(model)}, nil)
		}),
	}
}

func batcher(t *testing.T, driver providers.Driver) providers.Batcher {
	t.Helper()
	batches, ok := driver.(providers.Batches)
	if !ok {
		t.Fatal("the driver takes no batches")
	}
	return batches.Batcher()
}

// A batch goes to the deployment that was named for it, in the words of its model, and
// begins without the mark of byte order that Azure refuses.
func TestBatchOnTheWire(t *testing.T) {
	t.Parallel()
	var file, made string
	driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/files"):
			part, _, err := r.FormFile("file")
			if err != nil {
				t.Error(err)
				return
			}
			text, err := io.ReadAll(part)
			if err != nil {
				t.Error(err)
			}
			file = string(text)
			answer(201, nil, `{"id":"file-1","status":"pending"}`)(w, r)
		case strings.HasSuffix(r.URL.Path, "/files/file-1"):
			answer(200, nil, `{"id":"file-1","status":"processed"}`)(w, r)
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/batches"):
			var body map[string]any
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			made, _ = body["endpoint"].(string)
			answer(200, nil, `{"id":"batch_1","status":"Validating","created_at":"2026-08-14T10:00:00Z","expires_at":"2026-08-15T10:00:00Z",`+
				`"request_counts":{"total":null,"completed":null,"failed":null}}`)(w, r)
		}
	}), map[string]string{"AZURE_OPENAI_DEPLOYMENTS": "fast=gpt-5-nano", "AZURE_OPENAI_BATCH_DEPLOYMENTS": "fast=nightly"})
	batch, err := batcher(t, driver).Submit(t.Context(), spec("fast"))
	if err != nil || batch.State != providers.BatchQueued || batch.Created.Year() != 2026 {
		t.Errorf("submitted %+v, %v", batch, err)
	}
	if made != "/chat/completions" || !strings.HasPrefix(file, `{"custom_id":"a","method":"POST","url":"/v1/chat/completions",`) ||
		!strings.Contains(file, `"model":"nightly"`) || !strings.Contains(file, `"max_completion_tokens":50`) {
		t.Errorf("the endpoint is %s, the file %s", made, file)
	}
}

// Without a deployment for batches there are none.
func TestBatchNeedsItsDeployment(t *testing.T) {
	t.Parallel()
	handler, _ := start(t)
	b := batcher(t, connect(t, handler, nil))
	if _, err := b.Batchable(t.Context(), "gpt-4.1-mini"); providers.KindOf(err) != providers.KindModelGone {
		t.Errorf("got %v", err)
	}
}

// Azure's list may call its items by another name.
func TestFindInAzuresList(t *testing.T) {
	t.Parallel()
	driver := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/files") {
			answer(200, nil, `{"data":[{"id":"file-1","filename":"dl-1.jsonl"}]}`)(w, r)
			return
		}
		answer(200, nil, `{"value":[{"id":"batch_1","input_file_id":"file-1","status":"completed","created_at":"2026-08-14T10:00:00Z"}]}`)(w, r)
	}), nil)
	found, ok, err := batcher(t, driver).Find(t.Context(), spec("fast"), time.Time{})
	if err != nil || !ok || found.ID != "batch_1" || found.State != providers.BatchEnded {
		t.Errorf("found %v %+v, %v", ok, found, err)
	}
}

// A batch beyond the enqueued tokens is made and then fails, with nothing billed.
func TestTooManyEnqueuedTokens(t *testing.T) {
	t.Parallel()
	driver := connect(t, answer(200, nil, `{"id":"batch_1","status":"failed","created_at":1,"errors":{"data":[{"code":"token_limit_exceeded",`+
		`"message":"Enqueued token limit reached for gpt-5-nano in organization o. Limit: 10 enqueued tokens."}]}}`), nil)
	batch, err := batcher(t, driver).Poll(t.Context(), providers.Handle(`{"id":"batch_1","name":"dl-1"}`))
	if err != nil || batch.State != providers.BatchFailed || !strings.Contains(batch.Reason, "Enqueued token limit") {
		t.Errorf("got %+v, %v", batch, err)
	}
}
