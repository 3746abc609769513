package emulator

import (
	"fmt"
	"time"

	"dreamlab/providers/sandbox/work"
)

// eventType is Together's word for what an event is about.
func eventType(kind work.EventKind) string {
	return map[work.EventKind]string{
		work.EventCreated: "job_pending", work.EventStarted: "job_start",
		work.EventModelAsked: "model_downloading", work.EventModelLoaded: "model_download_complete",
		work.EventDataAsked:  "training_data_downloading",
		work.EventDataLoaded: "training_data_download_complete",
		work.EventTraining:   "training_start", work.EventEpoch: "epoch_complete",
		work.EventCheckpoint: "checkpoint_save", work.EventTrained: "training_complete",
		work.EventPacking: "model_compressing", work.EventPacked: "model_compression_complete",
		work.EventSaving: "model_uploading", work.EventSaved: "model_upload_complete",
		work.EventSucceeded: "job_complete", work.EventCancelling: "cancel_requested",
		work.EventCancelled: "job_stopped", work.EventFailed: "job_error",
		work.EventRefunded: "refund", work.EventRejected: "job_user_error",
	}[kind]
}

func eventObjects(t work.Training, now time.Time) []any {
	objects := []any{}
	for _, event := range t.Events(now) {
		level := "info"
		if event.Kind == work.EventFailed || event.Kind == work.EventRejected {
			level = "error"
		}
		objects = append(objects, map[string]any{
			"object": "fine-tune-event", "created_at": stamp(event.At), "level": level, "message": event.Text,
			"type": eventType(event.Kind), "step": event.Step, "total_steps": t.Steps(),
			"token_count": t.Tokens, "param_count": 0, "wandb_url": "", "checkpoint_path": "",
			"model_path": "", "training_offset": 0, "hash": "",
		})
	}
	return objects
}

func tuneEvents(t work.Training, now time.Time) any {
	return map[string]any{"data": eventObjects(t, now)}
}

func tuneCheckpoints(t work.Training, now time.Time) any {
	objects := []any{}
	for _, point := range t.Checkpoints(specOf(t).Checkpoints, now) {
		object := map[string]any{
			"step": point.Step, "created_at": stamp(point.At), "checkpoint_type": "Intermediate",
			"checkpoint": "adapter", "path": fmt.Sprintf("s3://sandbox/%s/%d", t.ID, point.Step),
		}
		if point.Final {
			object["checkpoint_type"], object["checkpoint"] = "Final Merged", "model"
		}
		if point.Final && t.State(now) == work.TrainingSucceeded {
			object["object_id"], object["object_revision_id"] = t.Model, revisionOf(t.Model)
		}
		objects = append(objects, object)
	}
	return map[string]any{"data": objects}
}

func tuneMetrics(t work.Training, now time.Time) any {
	points, rate := []any{}, *specOf(t).LearningRate
	for _, loss := range t.Losses(now) {
		points = append(points, map[string]any{
			"train/global_step": loss.Step, "train/loss": loss.Value,
			"train/learning_rate": rate, "train/grad_norm": 1.0,
		})
	}
	return map[string]any{"metrics": points}
}
