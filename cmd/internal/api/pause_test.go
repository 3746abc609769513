package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// pausing is a rig in which groq alone pauses what it has begun. Its trainings wait, and tell when they
// are looked at.
func pausing(t *testing.T) (r *rig, looked chan string) {
	t.Helper()
	r = newRig(t, func(o *Options) { o.Pausable = func(provider string) bool { return provider == "groq" } })
	looked = make(chan string, 10)
	r.on(tasks.TuneStart, func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
		looked <- run.Job.Subject
		return &tasks.End{State: job.StateWaiting, After: time.Hour}, nil
	})
	return r, looked
}

// training asks for a training and waits until its job has looked at it.
func (r *rig) training(t *testing.T, model string, looked chan string) string {
	t.Helper()
	body := fmt.Sprintf(`{"model":%q,"training_file":%q}`, model, r.file(trainingRow))
	id := fmt.Sprint(r.post("/v1/fine_tuning/jobs", body).want(t, 200, "").field(t, "id"))
	r.looks(id, looked)
	return id
}

// looks waits until a training's job has looked at it, and waits.
func (r *rig) looks(id string, looked chan string) {
	r.t.Helper()
	select {
	case <-looked:
	case <-time.After(time.Minute):
		r.t.Fatal("its job does not look at it")
	}
	for {
		training, err := r.store.Training(r.t.Context(), r.tenant("one"), id)
		must(r.t, err)
		if training.JobState == job.StateWaiting {
			return
		}
	}
}

// set changes what the handlers write of a training.
func (r *rig) set(id string, change func(*learn.Training, *tasks.TrainingSpec)) {
	r.t.Helper()
	tenant := r.tenant("one")
	must(r.t, r.store.Tx(r.t.Context(), db.Synced, func(q *store.Queries) error {
		training, err := q.Training(r.t.Context(), tenant, id)
		if err != nil {
			return err
		}
		var spec tasks.TrainingSpec
		if err := json.Unmarshal(training.Spec, &spec); err != nil {
			return err
		}
		change(&training, &spec)
		training.Spec = plainjson.Of(spec)
		return q.SetTraining(r.t.Context(), training)
	}))
}

// TestTrainingIsHeld pauses and resumes one that its vendor has not begun, whatever the vendor can do.
func TestTrainingIsHeld(t *testing.T) {
	t.Parallel()
	r, looked := pausing(t)
	id := r.training(t, "together/base", looked)
	path := "/v1/fine_tuning/jobs/" + id
	for range 2 {
		if got := r.post(path+"/pause", "").want(t, 200, ""); got.field(t, "status") != "paused" || got.field(t, "id") != id {
			t.Errorf("it is shown as %s", got.body)
		}
	}
	r.looks(id, looked) // its job sees it at once
	list := r.get("/v1/fine_tuning/jobs?status=paused").want(t, 200, "")
	if rows := list.field(t, "data").([]any); len(rows) != 1 {
		t.Errorf("%d are listed as paused", len(rows))
	}
	if got := r.post(path+"/resume", "").want(t, 200, ""); got.field(t, "status") != "validating_files" {
		t.Errorf("it is shown as %s", got.body)
	}
	r.looks(id, looked)
	events := r.get(path+"/events").field(t, "data").([]any)
	if told := fmt.Sprint(events); len(events) != 2 || strings.Index(told, "goes on") > strings.Index(told, "is paused") {
		t.Errorf("events %v", events)
	}
	r.post(path+"/resume", "").want(t, 409, "invalid_request")
	r.post(path+"/pause", "").want(t, 200, "")
	if got := r.post(path+"/cancel", "").want(t, 200, ""); got.field(t, "status") != "cancelled" {
		t.Errorf("it is shown as %s", got.body)
	}
	for _, verb := range []string{"/pause", "/resume"} {
		if got := r.post(path+verb, ""); got.status != 409 || !strings.Contains(string(got.body), "cancelled") {
			t.Errorf("%s: %d %s", verb, got.status, got.body)
		}
	}
	r.post("/v1/fine_tuning/jobs/ftjob-none/pause", "").want(t, 404, "not_found")
}

// TestBegunTrainingIsPausedByItsVendor or refused by the vendor's name, with nothing lost.
func TestBegunTrainingIsPausedByItsVendor(t *testing.T) {
	t.Parallel()
	r, looked := pausing(t)
	begin := func(l *learn.Training, s *tasks.TrainingSpec) {
		l.Status, l.VendorID, s.Phase, s.Intent = "running", "ft-1", "train", time.Now()
	}
	other := r.training(t, "together/base", looked)
	r.set(other, begin)
	got := r.post("/v1/fine_tuning/jobs/"+other+"/pause", "")
	got.want(t, 409, "invalid_request")
	if !strings.Contains(string(got.body), "together does not pause") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if shown := r.get("/v1/fine_tuning/jobs/" + other); shown.field(t, "status") != "running" {
		t.Errorf("it is shown as %s", shown.body)
	}
	id := r.training(t, "groq/maker/lead", looked)
	path := "/v1/fine_tuning/jobs/" + id
	r.set(id, begin)
	if shown := r.post(path+"/pause", "").want(t, 200, ""); shown.field(t, "status") != "running" {
		t.Errorf("its vendor has not paused it yet: %s", shown.body)
	}
	r.looks(id, looked)
	r.set(id, func(l *learn.Training, _ *tasks.TrainingSpec) { l.Status = learn.TrainingPaused })
	if shown := r.get(path); shown.field(t, "status") != "paused" {
		t.Errorf("it is shown as %s", shown.body)
	}
	r.post(path+"/resume", "").want(t, 200, "")
	r.looks(id, looked)
	r.set(id, func(l *learn.Training, s *tasks.TrainingSpec) { l.Status, s.Phase = "running", "deploy" })
	must(t, r.store.Resumed(t.Context(), id))
	if got := r.post(path+"/pause", ""); got.status != 409 || !strings.Contains(string(got.body), "being deployed") {
		t.Errorf("%d %s", got.status, got.body)
	}
}
