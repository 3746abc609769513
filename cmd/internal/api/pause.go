package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// pause pauses a fine-tune: we hold one that its vendor has not begun, and the vendor pauses one that
// it has begun, where it can.
func (h trainings) pause(w http.ResponseWriter, c *wire.Call) error {
	return h.changePause(w, c, h.pausing)
}

// resume goes on with a paused fine-tune.
func (h trainings) resume(w http.ResponseWriter, c *wire.Call) error {
	return h.changePause(w, c, h.resuming)
}

// pauseDecision says what is to be asked of a training, with a line for its log, which is "" where it was
// asked already.
type pauseDecision func(t learn.Training, spec tasks.TrainingSpec) (learn.Pause, string, error)

// changePause decides and writes under the training's lock, so that its job sees it before it asks the vendor
// for the training or has asked already.
func (h trainings) changePause(w http.ResponseWriter, c *wire.Call, decide pauseDecision) error {
	if err := wire.NoBody(c); err != nil {
		return err
	}
	found, _, err := h.own(c)
	if err != nil {
		return err
	}
	_, err = h.engine.Change(c.Context(), c.Tenant, found.Job, func(ctx context.Context, q *store.Queries) ([]job.Moved, error) {
		if _, err := q.LockPause(ctx, found.ID); err != nil {
			return nil, err
		}
		t, err := q.Training(ctx, c.Tenant, found.ID)
		if err != nil {
			return nil, err
		}
		var spec tasks.TrainingSpec
		if err := json.Unmarshal(t.Spec, &spec); err != nil {
			return nil, fmt.Errorf("read the spec of %s: %w", t.ID, err)
		}
		to, line, err := decide(t, spec)
		if err != nil || line == "" {
			return nil, err
		}
		if err := q.SetPause(ctx, t, to, learn.PauseEvent{At: time.Now().UTC(), Text: line}); err != nil {
			return nil, err
		}
		return q.Rouse(ctx, t.Job)
	})
	if err != nil {
		return gate.OrMissing(err, "fine-tuning job")
	}
	return h.get(w, c)
}

// begun tells whether the vendor has begun a training, or was asked to.
func begun(t learn.Training, spec tasks.TrainingSpec) bool {
	return t.VendorID != "" || !spec.Intent.IsZero()
}

func (h trainings) pausing(t learn.Training, spec tasks.TrainingSpec) (learn.Pause, string, error) {
	switch status := t.Shown().Status; {
	case t.Shown().Ended():
		return "", "", conflicting("%s has %s: only a fine-tune that is open can be paused.", t.ID, status)
	case t.Pause == learn.PauseHeld, t.Pause == learn.PauseVendor:
		return t.Pause, "", nil
	case !begun(t, spec):
		return learn.PauseHeld, "The job is paused before its training has begun.", nil
	case spec.Trained():
		return "", "", conflicting("%s is trained, and its model is being deployed: it can not be paused any more.", t.ID)
	case !h.atVendor(t):
		return "", "", conflicting("%s does not pause a training that it has begun: %s goes on. Let it end, or cancel it.",
			t.Provider, t.ID)
	}
	return learn.PauseVendor, "The vendor is asked to pause the training.", nil
}

func (h trainings) resuming(t learn.Training, _ tasks.TrainingSpec) (learn.Pause, string, error) {
	shown := t.Shown()
	switch {
	case shown.Ended():
		return "", "", conflicting("%s has %s: only a fine-tune that is open can be resumed.", t.ID, shown.Status)
	case t.Pause == learn.PauseResume:
		return t.Pause, "", nil
	case t.Pause == learn.PauseHeld:
		return "", "The job goes on.", nil
	case t.Pause == learn.PauseVendor, shown.Status == learn.TrainingPaused && h.atVendor(t):
		return learn.PauseResume, "The vendor is asked to go on with the training.", nil
	}
	return "", "", conflicting("%s is %s, not paused: there is nothing to resume.", t.ID, shown.Status)
}

// atVendor tells whether the training's vendor pauses what it has begun.
func (h trainings) atVendor(t learn.Training) bool {
	return h.pausable != nil && h.pausable(t.Provider)
}

// conflicting refuses what the state of a thing does not allow.
func conflicting(format string, args ...any) *wire.Fault {
	return &wire.Fault{Status: http.StatusConflict, Code: "invalid_request", Message: fmt.Sprintf(format, args...)}
}

// viewEvents are what the vendor told of a training, and its pauses, the newest first.
func viewEvents(t learn.Training, spec tasks.TrainingSpec) []trainingEventView {
	views := make([]trainingEventView, 0, len(spec.Events)+len(t.Pauses))
	for i, p := range slices.Backward(t.Pauses) {
		views = append(views, trainingEventView{
			ID: fmt.Sprintf("%s-pause-%d", t.ID, i), Object: "fine_tuning.job.event", Type: "message", Level: "info",
			Message: p.Text, CreatedAt: wire.Seconds(p.At),
		})
	}
	for i, e := range slices.Backward(spec.Events) {
		views = append(views, trainingEventView{
			ID: fmt.Sprintf("%s-event-%d", t.ID, i), Object: "fine_tuning.job.event", Type: e.Type, Level: e.Level,
			Message: e.Message, Step: e.Step, CreatedAt: wire.Seconds(e.Created),
		})
	}
	slices.SortStableFunc(views, func(a, b trainingEventView) int {
		return cmp.Compare(db.Deref(b.CreatedAt), db.Deref(a.CreatedAt))
	})
	return views
}
