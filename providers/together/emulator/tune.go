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

func (e *emulator) createTune(r *http.Request, s *spec) (any, *lab.Failure) {
	s.fill()
	base, parent, refused := e.basis(s)
	if refused == nil {
		refused = s.check()
	}
	if refused != nil {
		return nil, refused
	}
	request, err := json.Marshal(s)
	if err != nil { // what was read as JSON is JSON again
		panic(err)
	}
	id := lab.NewID("ft-")
	t, refused := e.account.Train(r, work.Training{
		ID: id, Base: base.ID, Parent: parent, File: s.File, Epochs: s.Epochs, Rate: base.TrainNano,
		Model: lab.NewID(modelPrefix), Name: outputName(base.ID, s.Suffix, id), Request: request,
	})
	if refused != nil {
		return nil, refused
	}
	return tuneObject(t, e.lab.Now()), nil
}

// outputName is the name of the model that a fine-tune makes.
func outputName(base, suffix, id string) string {
	base = base[strings.LastIndexByte(base, '/')+1:]
	return slug + "/" + base + ":" + cmp.Or(suffix, "tuned") + ":" + id
}

// basis finds what a fine-tune begins with: a model, or what another one made.
func (e *emulator) basis(s *spec) (base entry, parent string, refused *lab.Failure) {
	if s.From != "" && s.Model != "" {
		return base, "", lab.Invalid("model", "model and from_checkpoint cannot both be given")
	}
	id := s.Model
	if s.From != "" {
		t, found := e.completed(s.From)
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
func (e *emulator) completed(checkpoint string) (work.Training, bool) {
	now := e.lab.Now()
	for _, t := range e.account.Trainings() {
		named := checkpoint == t.ID || checkpoint == t.Name ||
			strings.HasPrefix(checkpoint, t.ID+":") || strings.HasPrefix(checkpoint, t.Name+":")
		if named && t.State(now) == work.TrainingSucceeded {
			return t, true
		}
	}
	return work.Training{}, false
}

// ofTune answers with what is to be said of one fine-tune.
func (e *emulator) ofTune(object func(work.Training, time.Time) any) lab.Route {
	return func(r *http.Request) (any, *lab.Failure) {
		t, refused := e.account.Training(r.PathValue("id"))
		if refused != nil {
			return nil, refused
		}
		return object(t, e.lab.Now()), nil
	}
}

// listTunes lists all: the vendor has neither pages nor filters here.
func (e *emulator) listTunes(*http.Request) (any, *lab.Failure) {
	list, now := e.account.Trainings(), e.lab.Now()
	slices.Reverse(list)
	object := func(t work.Training) any { return tuneObject(t, now) }
	return map[string]any{"data": lab.Objects(list, object)}, nil
}

func (e *emulator) cancelTune(r *http.Request) (any, *lab.Failure) {
	t, refused := e.account.Cancel(r.PathValue("id"))
	if refused != nil {
		return nil, refused
	}
	return tuneObject(t, e.lab.Now()), nil
}

func (e *emulator) deleteTune(r *http.Request) (any, *lab.Failure) {
	id := r.PathValue("id")
	return map[string]any{"message": fmt.Sprintf("Fine-tune job %s deleted", id)}, e.account.DeleteTraining(id)
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
