package emulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

// jobAsk is what a fine-tune is asked with
// (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tuning).
type jobAsk struct {
	Model      string `json:"model"`
	File       string `json:"training_file"`
	Validation string `json:"validation_file,omitempty"`
	Suffix     string `json:"suffix,omitempty"`
	Seed       *int64 `json:"seed,omitempty"`
	Type       string `json:"trainingType"`
	Hyper      *hyper `json:"hyperparameters,omitempty"`
	Method     struct {
		Type       string  `json:"type,omitempty"` // Defaults to supervised.
		Supervised *method `json:"supervised,omitempty"`
		DPO        *method `json:"dpo,omitempty"`
	} `json:"method"`
}

// method is how a fine-tune learns.
type method struct {
	Hyper hyper `json:"hyperparameters"`
}

type hyper struct {
	Epochs int      `json:"n_epochs"`
	Batch  int      `json:"batch_size,omitempty"`
	Rate   *float64 `json:"learning_rate_multiplier"`
	Beta   float64  `json:"beta,omitempty"`
}

// pairs tells whether the fine-tune learns from preference pairs.
func (a *jobAsk) pairs() bool { return a.Method.Type == "dpo" }

// hyper are the hyper-parameters of the method, which may stand beside it where it is supervised.
func (a *jobAsk) hyper() hyper {
	switch {
	case a.pairs() && a.Method.DPO != nil:
		return a.Method.DPO.Hyper
	case !a.pairs() && a.Method.Supervised != nil:
		return a.Method.Supervised.Hyper
	case !a.pairs() && a.Hyper != nil:
		return *a.Hyper
	}
	return hyper{}
}

// refusal says what is wrong with a method for a model, or nil.
func (a *jobAsk) refusal(base deployment) *lab.Failure {
	beta := a.hyper().Beta
	switch {
	case !slices.Contains([]string{"", "supervised", "dpo"}, a.Method.Type):
		return lab.Invalid("method", "The method '%s' is not supported.", a.Method.Type)
	case a.pairs() && !base.pairs:
		return lab.Invalid("method", "The model '%s' does not support the method dpo.", base.model)
	case a.pairs() && a.Hyper != nil:
		return lab.Invalid("hyperparameters", "The hyper-parameters of the method dpo stand in method.dpo.")
	case !a.pairs() && beta != 0, beta < 0 || beta > 2:
		return lab.Invalid("method", "beta is above 0 and at most 2, and only for the method dpo.")
	case a.hyper().Epochs < 1 || a.hyper().Epochs > 50:
		return lab.Invalid("hyperparameters", "n_epochs must be from 1 to 50")
	}
	return nil
}

// tunes are the routes of fine-tunes. Those of v1 take no type of training, so that there
// most models are refused; events and checkpoints are asked for by both methods.
func (e *emulator) tunes(mux *http.ServeMux) {
	for _, base := range []string{"/openai/v1/fine_tuning/jobs", "/openai/fine_tuning/jobs"} {
		mux.HandleFunc("POST "+base, versioned(lab.Take(e.vendor, e.createJob)))
		mux.HandleFunc("GET "+base, versioned(e.vendor.Answer(e.jobs)))
		for verb, change := range map[string]func(string) (work.Training, *lab.Failure){
			"cancel": e.account.Trainings.Cancel, "pause": e.account.Trainings.Pause, "resume": e.account.Trainings.Resume,
		} {
			mux.HandleFunc("POST "+base+"/{id}/"+verb, versioned(e.vendor.Answer(e.changeJob(change))))
		}
		mux.HandleFunc("GET "+base+"/{id}", versioned(e.vendor.Answer(e.ofJob(jobObject))))
		for _, method := range []string{"GET ", "POST "} {
			mux.HandleFunc(method+base+"/{id}/events", versioned(e.vendor.Answer(e.ofJob(jobEvents))))
			mux.HandleFunc(method+base+"/{id}/checkpoints", versioned(e.vendor.Answer(e.ofJob(jobCheckpoints))))
		}
	}
}

// brain is what a model that can be tuned knows.
func (e *emulator) brain(base string) *model.Model {
	for _, d := range e.deployed {
		if d.model == base {
			return d.brain
		}
	}
	return nil
}

// tunable finds a model that can be tuned by its name, or by that of a deployment.
func (e *emulator) tunable(named string) (deployment, bool) {
	for _, d := range e.deployed {
		if (d.model == named || d.name == named) && d.train > 0 {
			return d, true
		}
	}
	return deployment{}, false
}

// goodSuffix is what a suffix may be.
var goodSuffix = regexp.MustCompile(`^[A-Za-z0-9_-]{0,40}$`)

// minRows is how many rows a file has to have.
const minRows = 10

// jobTypes are the types of training, with their part of the price in percent.
var jobTypes = map[string]int64{"standard": 100, "globalstandard": 90, "developertier": 45, "developer": 45}

func (e *emulator) createJob(r *http.Request, ask *jobAsk) (any, *lab.Failure) {
	base, found := e.tunable(ask.Model)
	percent, typed := jobTypes[strings.ToLower(ask.Type)]
	switch {
	case !found, !typed: // what it says of a missing type, too
		return nil, lab.Invalid("model", "The base model '%s' does not support fine-tuning.", ask.Model)
	case !goodSuffix.MatchString(ask.Suffix):
		return nil, lab.Invalid("suffix", "The suffix must have at most 40 characters of A-Z, a-z, 0-9, - and _.")
	}
	if refused := ask.refusal(base); refused != nil {
		return nil, refused
	}
	for _, id := range []string{ask.File, ask.Validation} {
		if refused := e.rowsOf(id, ask.pairs()); id != "" && refused != nil {
			return nil, refused
		}
	}
	request, err := json.Marshal(ask)
	if err != nil { // what was read as JSON is JSON again
		panic(err)
	}
	id := lab.NewID("ftjob-")
	named := base.model + ".ft-" + lab.NewID("")
	if ask.Suffix != "" {
		named += "-" + ask.Suffix
	}
	made, refused := e.account.Trainings.Train(r, work.Training{
		ID: id, Base: base.model, File: ask.File, Pairs: ask.pairs(), Epochs: ask.hyper().Epochs, Rate: base.train * percent / 100,
		Model: named, Name: named, Request: request,
	})
	if refused != nil {
		return nil, refused
	}
	return jobObject(made, e.lab.Now()), nil
}

// rowsOf refuses a file that can not be trained on.
func (e *emulator) rowsOf(id string, pairs bool) *lab.Failure {
	if refused := e.account.Trainings.Trainable("training_file", id, pairs); refused != nil {
		return refused
	}
	f, refused := e.account.Files.File(id)
	if refused == nil && f.Report.Lines < minRows {
		refused = lab.Invalid("training_file", "The file %s has fewer than 10 rows.", id)
	}
	return refused
}

func (e *emulator) ofJob(object func(work.Training, time.Time) any) lab.Route {
	return func(r *http.Request) (any, *lab.Failure) {
		t, refused := e.account.Trainings.Training(r.PathValue("id"))
		if refused != nil {
			return nil, refused
		}
		return object(t, e.lab.Now()), nil
	}
}

// jobs lists fine-tunes, the newest first, by pages.
func (e *emulator) jobs(r *http.Request) (any, *lab.Failure) {
	list, now, query := e.account.Trainings.List(), e.lab.Now(), r.URL.Query()
	slices.Reverse(list)
	if after := query.Get("after"); after != "" {
		at := slices.IndexFunc(list, func(t work.Training) bool { return t.ID == after })
		list = list[at+1:]
	}
	size := min(lab.Between(query.Get("limit"), 1, 100, 20), len(list))
	object := func(t work.Training) any { return jobObject(t, now) }
	return map[string]any{
		"object": "list", "data": lab.Objects(list[:size], object), "has_more": size < len(list),
	}, nil
}

func (e *emulator) changeJob(change func(id string) (work.Training, *lab.Failure)) lab.Route {
	return func(r *http.Request) (any, *lab.Failure) {
		t, refused := change(r.PathValue("id"))
		if refused != nil {
			return nil, refused
		}
		return jobObject(t, e.lab.Now()), nil
	}
}

// jobStatus is Azure's word for where a fine-tune is.
var jobStatus = map[work.TrainingState]string{
	work.TrainingPending: "pending", work.TrainingQueued: "pending", work.TrainingRunning: "running",
	work.TrainingPacking: "running", work.TrainingSaving: "running", work.TrainingCancelling: "running",
	work.TrainingCancelled: "cancelled", work.TrainingFailed: "failed", work.TrainingRejected: "failed",
	work.TrainingSucceeded: "succeeded", work.TrainingPaused: "paused",
}

// askOf is what a fine-tune was asked with.
func askOf(t work.Training) (ask jobAsk) {
	if err := json.Unmarshal(t.Request, &ask); err != nil { // it was written by createJob
		panic(err)
	}
	return ask
}

// jobObject is a fine-tune; much of what OpenAI tells is null.
func jobObject(t work.Training, now time.Time) any {
	ask, state := askOf(t), t.State(now)
	object := map[string]any{
		"id": t.ID, "object": "fine_tuning.job", "status": jobStatus[state], "model": t.Base, "fine_tuned_model": nil,
		"training_file": t.File, "validation_file": lab.OrNil(ask.Validation), "result_files": nil,
		"organization_id": nil, "trained_tokens": nil, "created_at": t.Created.Unix(), "finished_at": nil,
		"estimated_finish": t.Ends.Unix(), "error": nil, "suffix": lab.OrNil(ask.Suffix), "seed": ask.Seed,
		"trainingType":    ask.Type,
		"hyperparameters": map[string]any{"n_epochs": ask.hyper().Epochs, "batch_size": -1, "learning_rate_multiplier": ask.hyper().Rate},
	}
	if ask.pairs() {
		object["method"] = ask.Method
	}
	if !state.Ended() {
		return object
	}
	object["finished_at"] = t.Finish().Unix()
	switch state {
	case work.TrainingSucceeded:
		object["fine_tuned_model"], object["trained_tokens"] = t.Name, t.Tokens
	case work.TrainingFailed, work.TrainingRejected:
		object["error"] = map[string]any{"code": "jobError", "message": t.Reason}
	}
	return object
}

func jobEvents(t work.Training, now time.Time) any {
	objects := []any{}
	for _, event := range slices.Backward(t.Events(now)) {
		level := "info"
		if event.Kind == work.EventFailed || event.Kind == work.EventRejected {
			level = "error"
		}
		objects = append(objects, map[string]any{
			"id": lab.NewID("ftevent-"), "object": "fine_tuning.job.event", "created_at": event.At.Unix(), "level": level,
			"type": "message", "message": event.Text, "data": map[string]any{"step": event.Step},
		})
	}
	return map[string]any{"object": "list", "data": objects, "has_more": false}
}

// kept is how many checkpoints are kept, the last ones.
const kept = 3

func jobCheckpoints(t work.Training, now time.Time) any {
	points := t.Checkpoints(t.Epochs, now)
	objects := []any{}
	for _, point := range slices.Backward(points[max(len(points)-kept, 0):]) {
		objects = append(objects, map[string]any{
			"id": "ftchkpt-" + lab.NewID(""), "object": "fine_tuning.job.checkpoint", "created_at": point.At.Unix(),
			"fine_tuning_job_id": t.ID, "fine_tuned_model_checkpoint": t.Name, "step_number": point.Step,
			"metrics": map[string]any{"step": point.Step},
		})
	}
	return map[string]any{"object": "list", "data": objects, "has_more": false}
}
