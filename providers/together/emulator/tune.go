package emulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// tuneStatus is Together's word for where a fine-tune is
// (https://docs.together.ai/reference/get-fine-tunes-id).
func tuneStatus(state work.TrainingState) string {
	return map[work.TrainingState]string{
		work.TrainingPending: "pending", work.TrainingQueued: "queued", work.TrainingRunning: "running",
		work.TrainingPacking: "compressing", work.TrainingSaving: "uploading",
		work.TrainingCancelling: "cancel_requested", work.TrainingCancelled: "cancelled",
		work.TrainingFailed: "error", work.TrainingRejected: "user_error",
		work.TrainingSucceeded: "completed",
	}[state]
}

// tunes answers for fine-tunes.
type tunes struct {
	lab       *lab.Lab
	vendor    lab.Vendor
	files     *work.Files
	trainings *work.Trainings
}

func (ts *tunes) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/fine-tunes/models/limits", tuneLimits)
	mux.HandleFunc("GET /v1/fine-tunes/models/supported", ts.vendor.Answer(tunable))
	mux.HandleFunc("POST /v1/fine-tunes/estimate-price", lab.Take(ts.vendor, ts.estimate))
	mux.HandleFunc("POST /v1/fine-tunes", lab.Take(ts.vendor, ts.create))
	mux.HandleFunc("GET /v1/fine-tunes", ts.vendor.Answer(ts.list))
	mux.HandleFunc("DELETE /v1/fine-tunes/{id}", ts.vendor.Answer(ts.delete))
	mux.HandleFunc("POST /v1/fine-tunes/{id}/cancel", ts.vendor.Answer(ts.cancel))
	ofTune := func(path string, object func(work.Training, time.Time) any) {
		mux.HandleFunc("GET /v1/fine-tunes/{id}"+path, ts.vendor.Answer(ts.of(object)))
	}
	ofTune("", withEvents)
	ofTune("/events", tuneEvents)
	ofTune("/checkpoints", tuneCheckpoints)
	ofTune("/metrics", tuneMetrics)
}

func (ts *tunes) create(r *http.Request, s *spec) (any, *lab.Failure) {
	s.fill()
	base, parent, refused := ts.basis(s)
	if refused == nil {
		refused = s.check()
	}
	if refused != nil {
		return nil, refused
	}
	if s.Validation != "" {
		if refused := ts.trainings.Trainable("validation_file", s.Validation, s.Method.pairs()); refused != nil {
			return nil, refused
		}
	}
	request, err := json.Marshal(s)
	if err != nil { // what was read as JSON is JSON again
		panic(err)
	}
	id := lab.NewID("ft-")
	t, refused := ts.trainings.Train(r, work.Training{
		ID: id, Base: base.ID, Parent: parent, File: s.File, Pairs: s.Method.pairs(), Epochs: s.Epochs, Rate: base.TrainNano,
		Model: lab.NewID(modelPrefix), Name: outputName(base.ID, s.Suffix, id), Request: request,
	})
	if refused != nil {
		return nil, refused
	}
	return tuneObject(t, ts.lab.Now()), nil
}

// outputName is the name of the model that a fine-tune makes.
func outputName(base, suffix, id string) string {
	base = base[strings.LastIndexByte(base, '/')+1:]
	return slug + "/" + base + ":" + cmp.Or(suffix, "tuned") + ":" + id
}

// basis finds what a fine-tune begins with: a model, or what another one made.
func (ts *tunes) basis(s *spec) (base entry, parent string, refused *lab.Failure) {
	if s.From != "" && s.Model != "" {
		return base, "", lab.Invalid("model", "model and from_checkpoint cannot both be given")
	}
	id := s.Model
	if s.From != "" {
		t, found := ts.completed(s.From)
		if !found {
			return base, "", lab.Absent("Checkpoint", s.From)
		}
		id, parent = t.Base, t.ID
	}
	base, found := findModel(id)
	if !found || !base.tunable() {
		return base, "", lab.Invalid("model", "Model %q is not available for fine-tuning. "+
			"See GET /fine-tunes/models/supported", id)
	}
	return base, parent, nil
}

// completed finds a fine-tune by any name that a checkpoint can have.
func (ts *tunes) completed(checkpoint string) (work.Training, bool) {
	now := ts.lab.Now()
	for _, t := range ts.trainings.List() {
		named := checkpoint == t.ID || checkpoint == t.Name ||
			strings.HasPrefix(checkpoint, t.ID+":") || strings.HasPrefix(checkpoint, t.Name+":")
		if named && t.State(now) == work.TrainingSucceeded {
			return t, true
		}
	}
	return work.Training{}, false
}

// of answers with what is to be said of one fine-tune.
func (ts *tunes) of(object func(work.Training, time.Time) any) lab.Route {
	return func(r *http.Request) (any, *lab.Failure) {
		t, refused := ts.trainings.Training(r.PathValue("id"))
		if refused != nil {
			return nil, refused
		}
		return object(t, ts.lab.Now()), nil
	}
}

// list lists all: the vendor has neither pages nor filters here.
func (ts *tunes) list(*http.Request) (any, *lab.Failure) {
	list, now := ts.trainings.List(), ts.lab.Now()
	slices.Reverse(list)
	object := func(t work.Training) any { return tuneObject(t, now) }
	return map[string]any{"data": lab.Objects(list, object)}, nil
}

func (ts *tunes) cancel(r *http.Request) (any, *lab.Failure) {
	t, refused := ts.trainings.Cancel(r.PathValue("id"))
	if refused != nil {
		return nil, refused
	}
	return tuneObject(t, ts.lab.Now()), nil
}

func (ts *tunes) delete(r *http.Request) (any, *lab.Failure) {
	id := r.PathValue("id")
	return map[string]any{"message": fmt.Sprintf("Fine-tune job %s deleted", id)}, ts.trainings.Delete(id)
}

func withEvents(t work.Training, now time.Time) any {
	object := tuneObject(t, now)
	object["events"] = eventObjects(t, now)
	return object
}

func tuneObject(t work.Training, now time.Time) map[string]any {
	s, state, done := specOf(t), t.State(now), t.Done(now)
	object := map[string]any{
		"id": t.ID, "job_id": t.ID, "object": "fine-tune", "user_id": userID, "status": tuneStatus(state),
		"model": t.Base, "suffix": s.Suffix, "training_file": s.File, "validation_file": s.Validation,
		"from_checkpoint": s.From, "created_at": stamp(t.Created), "updated_at": stamp(now),
		"n_epochs": s.Epochs, "n_checkpoints": s.Checkpoints, "n_evals": s.Evals, "batch_size": s.BatchSize,
		"learning_rate": s.LearningRate, "warmup_ratio": s.Warmup, "max_grad_norm": s.MaxGradNorm,
		"weight_decay": s.WeightDecay, "random_seed": s.Seed, "packing": s.Packing,
		"training_type": s.Kind, "training_method": s.Method, "token_count": t.Tokens,
		"total_price": t.Due(now), "total_steps": t.Steps(), "steps_completed": t.Steps() * done / 1000,
		"epochs_completed": int64(s.Epochs) * done / 1000, "evals_completed": 0, "queue_depth": 0,
		"trainingfile_numlines": t.Lines, "model_output_name": t.Name, "x_model_output_name": t.Name,
		"progress": map[string]any{
			"estimate_available": !state.Ended(),
			"seconds_remaining":  max(int64(t.Ends.Sub(now).Seconds()), 0),
		},
	}
	if !now.Before(t.Started) {
		object["started_at"] = stamp(t.Started)
	}
	if state == work.TrainingSucceeded {
		object["model_object_id"], object["model_object_name"] = t.Model, t.Name
		object["model_object_revision_id"] = revisionOf(t.Model)
	}
	return object
}
