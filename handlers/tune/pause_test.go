package tune

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers/azure"
	azureemulator "dreamlab/providers/azure/emulator"
	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// ask stores what is asked of a training, as the API does.
func (b *bench) ask(id string, pause learn.Pause) {
	b.Helper()
	b.tx(func(q *store.Queries) error {
		training, err := q.Training(b.ctx, b.tenant, id)
		if err != nil {
			return err
		}
		return q.SetPause(b.ctx, training, pause, learn.PauseEvent{At: time.Now(), Text: string(pause)})
	})
}

// before does something before a call is made, the first time.
type before struct {
	http.RoundTripper
	end string
	do  func()
}

// RoundTrip makes the call.
func (h *before) RoundTrip(r *http.Request) (*http.Response, error) {
	if do := h.do; do != nil && strings.HasSuffix(r.URL.Path, h.end) {
		h.do = nil
		do()
	}
	return h.RoundTripper.RoundTrip(r)
}

// shows waits until a training is shown with a status, for at most a day of the vendor's.
func (b *bench) shows(j job.NewJob, status string) {
	b.Helper()
	for range 72 {
		if b.trainingOf(j).Shown().Status == status {
			return
		}
		if !b.turn() {
			b.pass()
		}
	}
	b.Fatalf("it is shown as %s, want %s", b.trainingOf(j).Shown().Status, status)
}

// stays lets some hours pass.
func (b *bench) stays(j job.NewJob, status string) {
	b.Helper()
	for range 40 {
		if !b.turn() {
			b.pass()
		}
	}
	b.shows(j, status)
}

// TestHeldTrainingIsNotBegun keeps it from its vendor until it is resumed, even where the pause comes
// after the job has looked for it and before it asks for the training.
func TestHeldTrainingIsNotBegun(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"", "/v1/files", "/estimate-price"} {
		t.Run("before "+when, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, Settings{})
			job := b.alone("together")
			hold := func() { b.ask(job.Subject, learn.PauseHeld) }
			if when == "" {
				hold()
			} else {
				b.wires.Transport = &before{b.wires.Transport, when, hold}
			}
			b.stays(job, learn.TrainingPaused)
			if n := b.count("POST", "/v1/fine-tunes"); n != 0 || b.paid("fine-tune:") != 0 {
				t.Errorf("%d trainings were begun", n)
			}
			b.wantBooksClosed()
			b.ask(job.Subject, "")
			b.run(nil)
			if got := b.trainingOf(job); got.Status != learn.TrainingSucceeded || b.count("POST", "/v1/fine-tunes") != 1 {
				t.Errorf("%s: %s", got.Status, got.Error)
			}
			b.wantBooksClosed()
		})
	}
}

// paused is a training that runs at a vendor which has paused it.
func paused(t *testing.T) (*bench, job.NewJob) {
	t.Helper()
	b := newBenchAt(t, storetest.SQLite(t), Settings{}, shop{
		azure.Vendor, azureemulator.New, "azure/gpt-4.1-mini", "azure/gpt-5-nano",
	})
	job := b.alone("azure")
	b.shows(job, statusRunning)
	b.ask(job.Subject, learn.PauseVendor)
	b.shows(job, learn.TrainingPaused)
	b.stays(job, learn.TrainingPaused)
	return b, job
}

// TestVendorPauses has a vendor pause a training for longer than it takes, and go on with it: it ends as
// it would have, and is paid once.
func TestVendorPauses(t *testing.T) {
	t.Parallel()
	b, job := paused(t)
	b.ask(job.Subject, learn.PauseResume)
	b.shows(job, statusRunning)
	if got := b.trainingOf(job); got.Pause != "" || len(got.Pauses) != 2 {
		t.Errorf("asked for %q, %v", got.Pause, got.Pauses)
	}
	b.run(nil)
	if got := b.trainingOf(job); got.Status != learn.TrainingSucceeded || b.count("POST", "/openai/fine_tuning/jobs") != 1 {
		t.Errorf("%s: %s", got.Status, got.Error)
	}
	b.wantBooksAt(90) // global training is cheaper
}

// TestPausedTrainingIsCancelled ends it at its vendor, too.
func TestPausedTrainingIsCancelled(t *testing.T) {
	t.Parallel()
	b, job := paused(t)
	b.cancelJob(job.ID)
	for range 4 {
		b.pass()
		b.reap(1)
	}
	if got := b.trainingOf(job); got.Status != learn.TrainingCancelled {
		t.Errorf("%s: %s", got.Status, got.Error)
	}
}
