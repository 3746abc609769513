package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"dreamlab/providers/completion"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

const askVectors = `{"model":"together/base","input":["one","two"]}`

// vectorize scripts the worker of embeddings, and counts its runs.
func (r *rig) vectorize() (runs func() int) {
	var seen []string
	r.on(tasks.EmbedRun, func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
		r.mu.Lock()
		seen = append(seen, string(run.Job.Input))
		r.mu.Unlock()
		if strings.Contains(string(run.Job.Input), "refuse") {
			return nil, tasks.Fail("unsupported_parameter", "the vendor has no embeddings")
		}
		var texts []string
		if err := json.Unmarshal(completion.EncodeVectors([][]float32{{0.5, -1}, {2, 0.1}}), &texts); err != nil {
			return nil, err
		}
		return &tasks.End{Result: json.RawMessage(`{"object":"list","data":[{"object":"embedding","index":0,"embedding":"` + texts[0] +
			`"},{"object":"embedding","index":1,"embedding":"` + texts[1] + `"}],"model":"together/base",` +
			`"usage":{"prompt_tokens":2,"total_tokens":2},"dreamlab":{"job":"` + run.Job.ID + `","provider":"together","model":"base",` +
			`"calls":1,"cost_usd":0.000001,"cache":"bypass","vendor_ms":1}}`)}, nil
	})
	return func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(seen)
	}
}

func TestEmbeddings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	runs := r.vectorize()
	a := r.post("/v1/embeddings", askVectors).want(t, 200, "")
	if !strings.Contains(string(a.body), `"embedding":[0.5,-1]},{"object":"embedding","index":1,"embedding":[2,0.1]}`) {
		t.Errorf("got %s", a.body)
	}
	wantHeaders(t, a.header, map[string]string{
		"X-Dreamlab-Provider": "together", "X-Dreamlab-Model": "base", "X-Dreamlab-Calls": "1", "X-Dreamlab-Cache": "bypass",
		"X-Dreamlab-Cost-Usd": "0.000001", "X-Dreamlab-Job": a.text(t, "dreamlab", "job"),
	})
	a = r.post("/v1/embeddings", `{"model":"together/base","input":"x","encoding_format":"base64"}`).want(t, 200, "")
	if !strings.Contains(string(a.body), `"embedding":"AAAAPwAAgL8="`) {
		t.Errorf("got %s", a.body)
	}
	job := r.get("/v1/jobs/"+a.text(t, "dreamlab", "job")).want(t, 200, "")
	if job.text(t, "kind") != "embed" || job.text(t, "input", "model") != "together/base" {
		t.Errorf("the job is %s", job.body)
	}
	if runs() != 2 {
		t.Errorf("%d runs", runs())
	}
}

func TestEmbeddingsAreGivenAgainByTheirKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	runs := r.vectorize()
	send := func(body string) answer {
		return r.do(request{method: "POST", path: "/v1/embeddings", body: body, header: map[string]string{"Idempotency-Key": "k"}})
	}
	first := send(askVectors).want(t, 200, "")
	second := send(askVectors).want(t, 200, "")
	if string(first.body) != string(second.body) || runs() != 1 {
		t.Errorf("%d runs, %s and %s", runs(), first.body, second.body)
	}
	wantHeaders(t, second.header, map[string]string{"Idempotent-Replayed": "true"})
	send(strings.Replace(askVectors, "two", "three", 1)).want(t, 409, "idempotency_conflict")
}

func TestEmbeddingsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.vectorize()
	for body, code := range map[string]string{
		`{"model":"together/base","input":["refuse"]}`: "unsupported_parameter",
		`{"model":"together/base","input":[7]}`:        "unsupported_parameter",
		`{"model":"together/base","input":"a","x":1}`:  "invalid_request",
	} {
		r.post("/v1/embeddings", body).want(t, 400, code)
	}
	r.post("/v1/embeddings", `{"model":"gpt-9","input":"a"}`).want(t, 404, "model_not_found")
}

// An answer that nobody waits for any longer is not paid for.
func TestEmbeddingsWhoseClientLeavesAreCancelled(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	began, ended := make(chan string, 1), make(chan error, 1)
	r.on(tasks.EmbedRun, func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		began <- run.Job.ID
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return &tasks.End{State: job.StateCancelled}, nil
	})
	ctx, leave := context.WithCancel(t.Context())
	asked := r.build(request{method: "POST", path: "/v1/embeddings", body: askVectors}).WithContext(ctx)
	go func() {
		<-began
		leave()
	}()
	if res, err := http.DefaultClient.Do(asked); err == nil {
		must(t, res.Body.Close())
		t.Error("the request was answered")
	}
	if cause := <-ended; !errors.Is(cause, tasks.ErrCancelled) {
		t.Errorf("the work ended by %v", cause)
	}
}
