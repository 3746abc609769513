package emulator

import (
	"fmt"
	"net/http"
	"time"
)

// event is a line of a tune's log.
type event struct {
	at    time.Time
	kind  string
	level string
	words string
	step  int64
}

// story is all that happens to a tune that nobody disturbs, in order.
func (t *tune) story() []event {
	list := []event{
		{t.Created, "job_pending", "info", "Fine-tune request created", 0},
		{t.Started, "job_start", "info", "Job started", 0},
		{t.Started.Add(time.Second), "model_downloading", "info", "Downloading model", 0},
		{t.Started.Add(2 * time.Second), "model_download_complete", "info", "Model downloaded", 0},
		{t.Started.Add(3 * time.Second), "training_data_downloading", "info", "Downloading training data", 0},
		{t.Started.Add(4 * time.Second), "training_data_download_complete", "info", "Data downloaded", 0},
		{t.Started.Add(5 * time.Second), "training_start", "info", "Training started", 0},
	}
	epochs := t.Spec.Epochs
	for n := range epochs {
		at := t.Started.Add(t.Trained.Sub(t.Started) * time.Duration(n+1) / time.Duration(epochs))
		words := fmt.Sprintf("Epoch %d of %d complete", n+1, epochs)
		step := t.steps() * int64(n+1) / int64(epochs)
		list = append(list, event{at, "epoch_complete", "info", words, step})
	}
	return append(list,
		event{t.Trained, "checkpoint_save", "info", "Checkpoint saved", t.steps()},
		event{t.Trained, "training_complete", "info", "Training complete", t.steps()},
		event{t.Trained, "model_compressing", "info", "Compressing the model", t.steps()},
		event{t.Uploading, "model_compression_complete", "info", "Model compressed", t.steps()},
		event{t.Uploading, "model_uploading", "info", "Uploading the model", t.steps()},
		event{t.Ends, "model_upload_complete", "info", "Model uploaded", t.steps()},
		event{t.Ends, "job_complete", "info", "Job finished", t.steps()},
	)
}

// events lists what has happened to a tune, oldest first.
func (t *tune) events(now time.Time) []any {
	last, closing := t.last(now)
	objects := []any{}
	for _, ev := range t.story() {
		if ev.at.After(last) || closing != nil && ev.kind == "job_complete" {
			break
		}
		objects = append(objects, t.eventObject(ev))
	}
	for _, ev := range closing {
		objects = append(objects, t.eventObject(ev))
	}
	return objects
}

// last is how far the story went, and what ended it otherwise.
func (t *tune) last(now time.Time) (time.Time, []event) {
	switch t.status(now) {
	case statusCancelling:
		return t.Cancel, []event{{t.Cancel, "cancel_requested", "info", "Cancellation requested", 0}}
	case statusCancelled:
		return t.Cancel, []event{
			{t.Cancel, "cancel_requested", "info", "Cancellation requested", 0},
			{t.Cancel.Add(tuneCancelling), "job_stopped", "info", "Job cancelled", 0},
		}
	case statusError:
		return t.Ends, []event{
			{t.Ends, "job_error", "error", t.Words, 0},
			{t.Ends, "refund", "info", "The job was refunded", 0},
		}
	case statusUserError:
		return t.Ends, []event{{t.Ends, "job_user_error", "error", t.Words, 0}}
	}
	return now, nil
}

func (t *tune) eventObject(ev event) any {
	return map[string]any{
		"object": "fine-tune-event", "created_at": stamp(ev.at), "level": ev.level, "message": ev.words,
		"type": ev.kind, "step": ev.step, "total_steps": t.steps(), "token_count": t.Tokens, "param_count": 0,
		"wandb_url": "", "checkpoint_path": "", "model_path": "", "training_offset": 0, "hash": "",
	}
}

func (e *emulator) tuneEvents(w http.ResponseWriter, r *http.Request) {
	e.withTune(w, r, func(t *tune, now time.Time) any {
		return map[string]any{"data": t.events(now)}
	})
}

// tuneCheckpoints lists the saved states, which are spread evenly over the
// training.
func (e *emulator) tuneCheckpoints(w http.ResponseWriter, r *http.Request) {
	e.withTune(w, r, func(t *tune, now time.Time) any {
		objects := []any{}
		count := t.Spec.Checkpoints
		for n := range count {
			at := t.Started.Add(t.Trained.Sub(t.Started) * time.Duration(n+1) / time.Duration(count))
			step := t.steps() * int64(n+1) / int64(count)
			last, _ := t.last(now)
			if at.After(last) || at.After(t.Ends) {
				break
			}
			objects = append(objects, t.checkpoint(step, at, n == count-1, now))
		}
		return map[string]any{"data": objects}
	})
}

func (t *tune) checkpoint(step int64, at time.Time, final bool, now time.Time) any {
	object := map[string]any{
		"step": step, "created_at": stamp(at), "path": fmt.Sprintf("s3://sandbox/%s/%d", t.ID, step),
		"checkpoint_type": "Intermediate", "checkpoint": "adapter",
	}
	if final {
		object["checkpoint_type"] = "Final Merged"
		object["checkpoint"] = "model"
		if t.status(now) == statusCompleted {
			object["object_id"], object["object_revision_id"] = t.ModelID, t.Revision
		}
	}
	return object
}

// maxMetrics bounds the points of a curve.
const maxMetrics = 100

// tuneMetrics answers a loss that falls as losses do: it is for drawing.
func (e *emulator) tuneMetrics(w http.ResponseWriter, r *http.Request) {
	e.withTune(w, r, func(t *tune, now time.Time) any {
		done := t.steps() * t.share(now) / 1000
		points := []any{}
		stride := max(done/maxMetrics, 1)
		for step := stride; step <= done; step += stride {
			points = append(points, map[string]any{
				"train/global_step": step, "train/loss": 0.5 + 1.5/float64(1+step),
				"train/learning_rate": *t.Spec.LearningRate, "train/grad_norm": 1.0,
			})
		}
		return map[string]any{"metrics": points}
	})
}
