package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

const trainingRow = `{"messages":[{"role":"user","content":"When?"},{"role":"assistant","content":"At nine."}]}` + "\n"

const trainingPair = `{"input":{"messages":[{"role":"user","content":"When?"}]},"preferred_output":[{"role":"assistant",` +
	`"content":"At nine."}],"non_preferred_output":[{"role":"assistant","content":"Never."}]}` + "\n"

// A fine-tune on preference pairs shows its method as OpenAI does.
func TestTrainingOnPairs(t *testing.T) {
	t.Parallel()
	r := trainable(t)
	body := fmt.Sprintf(`{"model":"together/preferring","training_file":%q,"method":{"type":"dpo","dpo":{"hyperparameters":`+
		`{"beta":0.2,"n_epochs":2}}}}`, r.file(trainingPair))
	made := r.post("/v1/fine_tuning/jobs", body).want(t, 200, "")
	for name, want := range map[string]any{"beta": 0.2, "n_epochs": 2.0, "batch_size": "auto", "learning_rate_multiplier": "auto"} {
		if got := made.field(t, "method", "dpo", "hyperparameters", name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if made.field(t, "method", "type") != "dpo" {
		t.Errorf("%s", made.body)
	}
	training, err := r.store.Training(t.Context(), r.tenant("one"), fmt.Sprint(made.field(t, "id")))
	must(t, err)
	var spec tasks.TrainingSpec
	must(t, json.Unmarshal(training.Spec, &spec))
	if spec.Method != tasks.MethodDPO || spec.Hyper.Beta != 0.2 {
		t.Errorf("spec %s", training.Spec)
	}
}

// trainable is a rig whose vendor fine-tunes the model base alone.
func trainable(t *testing.T) *rig {
	t.Helper()
	return newRig(t, func(o *Options) {
		o.Tunable = func(_ context.Context, provider, base string, method tasks.Method) error {
			switch {
			case provider == "groq":
				return tasks.Fail("unsupported_parameter", "groq has no fine-tuning")
			case base == "slow": // it is asked again by the job
				return &tasks.Failure{Code: "vendor_timeout", Message: "the vendor was too slow"}
			case method == tasks.MethodDPO && base == "base":
				refused := tasks.Fail("unsupported_parameter", "base is not trained on pairs")
				refused.Param = "method.type"
				return refused
			case base != "base" && base != "preferring":
				return tasks.Fail("model_not_found", "%s can not be fine-tuned", base)
			}
			return nil
		}
	})
}

// file keeps a training file of the tenant's.
func (r *rig) file(content string) string {
	r.t.Helper()
	file := learn.File{ID: db.NewID("file-"), Tenant: r.tenant("one"), Purpose: "fine-tune", Filename: "f",
		Bytes: int64(len(content)), SHA256: "x"}
	file.Object = blob.FileObject(file.ID)
	must(r.t, r.bucket.Create(r.t.Context(), file.Object, strings.NewReader(content)))
	kept, err := r.store.AddFile(r.t.Context(), file)
	must(r.t, err)
	return kept.ID
}

func (r *rig) tenant(name string) string {
	r.t.Helper()
	tenant, err := r.store.EnsureTenant(r.t.Context(), name)
	must(r.t, err)
	return tenant.ID
}

// What can not be trained is refused when it is asked for, by parameter and code.
func TestTrainingIsRefusedAtCreation(t *testing.T) {
	t.Parallel()
	r := trainable(t)
	good, bad := r.file(trainingRow), r.file("hello world\n"+trainingRow)
	for name, c := range map[string]struct{ model, file, more, code, param, says string }{
		"no fine-tuning":     {"groq/maker/lead", good, "", "unsupported_parameter", "model", "groq"},
		"unknown base":       {"together/nope", good, "", "model_not_found", "model", "nope"},
		"unknown name":       {"gpt-4o-mini-2024-07-18", good, "", "model_not_found", "model", "gpt-4o"},
		"no rows":            {"together/base", bad, "", "invalid_request", "training_file", "line 1: it is not JSON"},
		"no file":            {"together/base", "file-none", "", "not_found", "training_file", "file"},
		"no such validation": {"together/base", good, `,"validation_file":"file-none"`, "not_found", "validation_file", "file"},
		"bad validation": {"together/base", good, fmt.Sprintf(`,"validation_file":%q`, bad), "invalid_request",
			"validation_file", "line 1: it is not JSON"},
		"number":         {"together/base", good, `,"metadata":{"a":1}`, "invalid_request", "metadata", "strings"},
		"no preferences": {"together/base", good, `,"method":{"type":"dpo"}`, "unsupported_parameter", "method.type", "pairs"},
		"no pairs": {"together/preferring", good, `,"method":{"type":"dpo"}`, "invalid_request", "training_file",
			"line 1: it is a conversation: train on it by the method supervised"},
		"pairs": {"together/preferring", r.file(trainingPair), "", "invalid_request", "training_file", "line 1: it is a preference pair"},
		"many":  {"together/base", good, `,"metadata":` + pairs(17), "invalid_request", "metadata", "16"},
	} {
		body := fmt.Sprintf(`{"model":%q,"training_file":%q%s}`, c.model, c.file, c.more)
		got := r.post("/v1/fine_tuning/jobs", body)
		status := 400
		if c.code == "not_found" {
			status = 404
		}
		if got.status != status || got.field(t, "error", "code") != c.code || got.field(t, "error", "param") != c.param ||
			!strings.Contains(fmt.Sprint(got.field(t, "error", "message")), c.says) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if list := r.get("/v1/fine_tuning/jobs"); len(list.field(t, "data").([]any)) != 0 {
		t.Errorf("trainings are left: %s", list.body)
	}
}

func pairs(n int) string {
	all := map[string]string{}
	for i := range n {
		all[fmt.Sprint(i)] = "x"
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(text)
}

// TestTrainingWithValidation shows the file that a training is measured on.
func TestTrainingWithValidation(t *testing.T) {
	t.Parallel()
	r := trainable(t)
	file, validation := r.file(trainingRow), r.file(trainingRow+trainingRow)
	body := fmt.Sprintf(`{"model":"together/base","training_file":%q,"validation_file":%q}`, file, validation)
	made := r.post("/v1/fine_tuning/jobs", body).want(t, 200, "")
	if made.field(t, "validation_file") != validation || made.field(t, "training_file") != file {
		t.Errorf("%s", made.body)
	}
}

// An alias stands for the base of what it is served by, and metadata comes back.
func TestTrainingOfAnAlias(t *testing.T) {
	t.Parallel()
	r := trainable(t)
	file := r.file("\uFEFF" + strings.ReplaceAll(trainingRow, "\n", "\r\n\r\n"))
	for _, name := range []string{"first", "second"} {
		must(t, r.store.AddModel(t.Context(), learn.Model{Name: "together/" + name, Tenant: r.tenant("one"),
			Provider: "together", Base: "together/base", State: learn.ModelServing, Priced: "base"}))
	}
	for alias, model := range map[string]string{"plain": "together/base", "promoted": "together/first"} {
		_, err := r.store.SetRoute(t.Context(), learn.Route{Tenant: r.tenant("one"), Alias: alias,
			Targets: []learn.RouteTarget{{Model: model, Weight: 1}}})
		must(t, err)
	}
	for _, model := range []string{"plain", "promoted", "together/base", "base", "slow"} {
		got := r.post("/v1/fine_tuning/jobs", fmt.Sprintf(`{"model":%q,"training_file":%q,"metadata":{"a":"b"}}`, model, file))
		want := "together/base"
		if model == "slow" {
			want = "together/slow"
		}
		if got.status != 200 || got.field(t, "model") != want || got.field(t, "metadata", "a") != "b" {
			t.Errorf("%s: %d %s", model, got.status, got.body)
		}
	}
	got := r.post("/v1/fine_tuning/jobs", fmt.Sprintf(`{"model":"together/second","training_file":%q}`, file))
	if got.status != 400 || !strings.Contains(string(got.body), "fine-tune its base together/base") {
		t.Errorf("a tuned model: %d %s", got.status, got.body)
	}
}

// A cancel shows at once, and is carried out at the vendor at once.
func TestTrainingIsCancelledAtOnce(t *testing.T) {
	t.Parallel()
	r := trainable(t)
	reaped := make(chan tasks.ReapInput, 3)
	r.on(tasks.TuneStart, func(context.Context, *tasks.Run) (*tasks.End, error) {
		return &tasks.End{State: job.StateWaiting, After: 1 << 50}, nil
	})
	r.on(tasks.TuneReap, func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
		var in tasks.ReapInput
		err := run.Decode(&in)
		reaped <- in
		return &tasks.End{}, err
	})
	body := fmt.Sprintf(`{"model":"together/base","training_file":%q}`, r.file(trainingRow))
	var want, got []tasks.ReapInput
	for _, path := range []string{"/v1/fine_tuning/jobs/%s/cancel", "/v1/jobs/%s/cancel"} {
		made := r.post("/v1/fine_tuning/jobs", body)
		id, job := fmt.Sprint(made.field(t, "id")), fmt.Sprint(made.field(t, "dreamlab", "job"))
		name := id
		if strings.HasPrefix(path, "/v1/jobs") {
			name = job
		}
		r.post(fmt.Sprintf(path, name), "").want(t, 200, "")
		shown := r.get("/v1/fine_tuning/jobs/" + id)
		if shown.field(t, "status") != "cancelled" || shown.field(t, "error", "message") != nil {
			t.Errorf("%s: it is shown as %s", path, shown.body)
		}
		want, got = append(want, tasks.ReapInput{Tenant: r.tenant("one"), Training: id}), append(got, <-reaped)
	}
	if !slices.Equal(got, want) {
		t.Errorf("ended at the vendor: %+v, want %+v", got, want)
	}
}

func TestModelIsDeleted(t *testing.T) {
	t.Parallel()
	r := trainable(t)
	reaped := make(chan bool, 1)
	r.on(tasks.TuneReap, func(context.Context, *tasks.Run) (*tasks.End, error) {
		reaped <- true
		return &tasks.End{}, nil
	})
	const name = "together/acme/base:x:ft-1"
	must(t, r.store.AddModel(t.Context(), learn.Model{Name: name, Tenant: r.tenant("one"), Provider: "together",
		Base: "together/base", State: learn.ModelServing, Priced: "base"}))
	remove := func(name string) answer {
		return r.do(request{method: "DELETE", path: "/v1/models/" + name, key: r.admin})
	}
	alone := learn.Route{Tenant: r.tenant("one"), Alias: "mine", Targets: []learn.RouteTarget{{Model: name, Weight: 1}}}
	alone, err := r.store.SetRoute(t.Context(), alone)
	must(t, err)
	remove(name).want(t, 409, "invalid_request")
	alone.Targets = append(alone.Targets, learn.RouteTarget{Model: "together/base", Tier: 1})
	_, err = r.store.SetRoute(t.Context(), alone)
	must(t, err)
	got := remove(name)
	if got.status != 200 || got.field(t, "id") != name || got.field(t, "object") != "model" || got.field(t, "deleted") != true {
		t.Errorf("%d %s", got.status, got.body)
	}
	<-reaped
	r.get("/v1/models/"+name).want(t, 404, "model_not_found")
	remove(name).want(t, 404, "model_not_found")
	remove("together/base").want(t, 403, "forbidden")
	remove("mine").want(t, 403, "forbidden")
	r.do(request{method: "DELETE", path: "/v1/models/" + name}).want(t, 403, "forbidden")
}

func TestTuneOfAnUnknownAlias(t *testing.T) {
	t.Parallel()
	r := trainable(t)
	got := r.post("/v1/tunes", `{"alias":"nope"}`)
	got.want(t, 404, "model_not_found")
	if got.field(t, "error", "param") != "alias" {
		t.Errorf("%s", got.body)
	}
	got = r.post("/v1/tunes", `{"base":"groq/maker/lead"}`)
	if got.status != 400 || got.field(t, "error", "param") != "base" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// A second tune of an alias is refused with the id of the one that runs, also as a job; with the first one's key it is that
// one again.
func TestSecondTuneIsRefusedWithTheId(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	release := make(chan struct{})
	r.on(tasks.TuneCurate, func(ctx context.Context, _ *tasks.Run) (*tasks.End, error) {
		select {
		case <-release:
			return &tasks.End{}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	})
	keyed := request{method: "POST", path: "/v1/tunes", body: `{}`, header: map[string]string{"Idempotency-Key": "k"}}
	first := r.do(keyed).want(t, http.StatusAccepted, "").text(t, "id")
	for path, body := range map[string]string{"/v1/tunes": `{"min_examples":3}`, "/v1/jobs": `{"kind":"tune","input":{}}`} {
		refused := r.post(path, body).want(t, http.StatusConflict, "invalid_request")
		if message := refused.text(t, "error", "message"); !strings.Contains(message, first) {
			t.Errorf("%s is refused with %q, not with %s", path, message, first)
		}
	}
	if again := r.do(keyed).want(t, http.StatusAccepted, "").text(t, "id"); again != first {
		t.Errorf("the same key has the tune %s, not %s", again, first)
	}
	close(release)
}
