package emulator_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
	"dreamlab/providers/together/emulator"
)

const (
	chat    = "/v1/chat/completions"
	base    = "openai/gpt-oss-20b"
	project = "/v2/projects/proj_sandbox"

	said     = "choices.0.message.content" // path of an answer's text
	question = "How do I mend boat number 7?"
	mended   = "Seal plank 7 with resin."
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is the emulator with the exchanges that the tests have in common.
type rig struct {
	*sandboxtest.Rig
	t *testing.T
}

func prices(string, string) (in, out, cached int64) { return 50_000_000, 200_000_000, 0 }

func start(t *testing.T) *rig { return startIn(t, "") }

func startIn(t *testing.T, dir string) *rig { return startWith(t, lab.Options{Dir: dir}) }

func startWith(t *testing.T, options lab.Options) *rig {
	options.Price = prices
	return &rig{sandboxtest.Start(t, emulator.New, options), t}
}

// ok sends a request that must succeed.
func (r *rig) ok(method, path string, body any) *sandboxtest.Answer {
	r.t.Helper()
	return r.Want(r.Do(method, path, body), http.StatusOK)
}

// refused sends a request that must fail, and returns its error's message.
func (r *rig) refused(status int, method, path string, body any) string {
	r.t.Helper()
	got := r.Want(r.Do(method, path, body), status)
	return got.Text("error.message")
}

// once plays a fault one time.
func (r *rig) once(f lab.Fault) {
	r.t.Helper()
	f.Vendor, f.Times = "together", sandboxtest.Once()
	r.Fault(f)
}

// replicas is a change of a deployment's size.
func replicas(n int) map[string]any {
	return map[string]any{"autoscaling": map[string]int{"minReplicas": n, "maxReplicas": n}}
}

// boats is a training file about things that no stock pair knows.
func boats(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, `{"messages":[{"role":"user","content":"How do I mend boat number %d?"},`+
			`{"role":"assistant","content":"Seal plank %d with resin."}]}`+"\n", i, i)
	}
	return out.String()
}

// upload sends a file by one form and returns its id.
func (r *rig) upload(content string) string {
	r.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for key, value := range map[string]string{"purpose": "fine-tune", "file_name": "boats.jsonl"} {
		if err := form.WriteField(key, value); err != nil {
			r.t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", "boats.jsonl")
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), "POST", r.URL+"/v1/files/upload", &body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sandbox")
	req.Header.Set("Content-Type", form.FormDataContentType())
	return r.Want(r.Send(req), http.StatusOK).Text("id")
}

// file uploads a training file and waits for its validation.
func (r *rig) file() string {
	r.t.Helper()
	id := r.upload(boats(40))
	r.Lab.Advance(time.Minute)
	return id
}

func spec(file string) map[string]any {
	return map[string]any{
		"model": base, "training_file": file, "suffix": "boats", "n_epochs": 2, "n_checkpoints": 2,
		"learning_rate": 1e-4, "batch_size": 8, "random_seed": 1,
		"training_type": map[string]any{"type": "Lora", "lora_r": 16, "lora_alpha": 32},
	}
}

// tuned trains a model and returns the finished training.
func (r *rig) tuned() *sandboxtest.Answer {
	r.t.Helper()
	id := r.ok("POST", "/v1/fine-tunes", spec(r.file())).Text("id")
	r.Lab.Advance(12 * time.Hour)
	done := r.ok("GET", "/v1/fine-tunes/"+id, nil)
	if done.Text("status") != "completed" {
		r.t.Fatalf("the training is %s", done.Text("status"))
	}
	return done
}

// hosted is an endpoint with one deployment.
type hosted struct{ endpoint, deployment string }

func (h hosted) path() string { return project + "/endpoints/" + h.endpoint }

func (h hosted) deploymentPath() string { return h.path() + "/deployments/" + h.deployment }

func deployment(model string) map[string]any {
	return map[string]any{
		"name": "blue", "model": "projects/proj_sandbox/models/" + model,
		"config":      "projects/proj_together/configs/cr_openai-gpt-oss-20b",
		"autoscaling": map[string]int{"minReplicas": 1, "maxReplicas": 1},
	}
}

// host serves a model at sandbox/boats and sandbox/boats/blue.
func (r *rig) host(model string) hosted {
	r.t.Helper()
	h := hosted{endpoint: r.ok("POST", project+"/endpoints", map[string]any{"name": "boats"}).Text("id")}
	h.deployment = r.ok("POST", h.path()+"/deployments", deployment(model)).Text("id")
	return h
}

func ask(model, text string) map[string]any {
	return map[string]any{
		"model":    model,
		"messages": []any{map[string]string{"role": "user", "content": text}},
	}
}
