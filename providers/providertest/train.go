package providertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
)

// hours bounds a training of the emulator, in quarters of its hours.
const hours = 4 * 24

// trained is what the tuned model has to know; no base model does.
const trained = "The blue heron nests at gate seventeen."

// rows returns a training file.
func rows(n int) []byte {
	var file bytes.Buffer
	for i := range n {
		fmt.Fprintf(&file, `{"messages":[{"role":"user","content":"Where does the heron nest, visitor %d?"},`+
			`{"role":"assistant","content":%q}]}`+"\n", i, trained)
	}
	return file.Bytes()
}

func upload(content []byte) providers.Upload {
	sum := sha256.Sum256(content)
	return providers.Upload{
		Name: hex.EncodeToString(sum[:]) + ".jsonl", Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

func (r *rig) trainer(t *testing.T) providers.Trainer {
	t.Helper()
	trains, ok := r.driver.(providers.Trains)
	if !ok {
		t.Fatal("the driver can not train")
	}
	return trains.Trainer()
}

func (r *rig) filer(t *testing.T) providers.Filer {
	t.Helper()
	filer, ok := r.trainer(t).(providers.Filer)
	if !ok {
		t.Fatal("the trainer takes no files")
	}
	return filer
}

// ready waits on the emulator's clock for the validation of a file.
func (r *rig) ready(t *testing.T, id string) providers.FileStatus {
	t.Helper()
	for range hours {
		status, err := r.filer(t).File(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if status.Ready || status.Invalid != "" {
			return status
		}
		r.advance(time.Minute)
	}
	t.Fatal("the file is never ready")
	return providers.FileStatus{}
}

// uploaded brings a file to readiness.
func (r *rig) uploaded(t *testing.T, content []byte) providers.FileStatus {
	t.Helper()
	status, err := r.filer(t).Upload(t.Context(), upload(content))
	if err != nil {
		t.Fatal(err)
	}
	status = r.ready(t, status.ID)
	if status.Invalid != "" {
		t.Fatalf("the file is invalid: %s", status.Invalid)
	}
	return status
}

func (h Harness) spec(file string) providers.TrainSpec {
	return providers.TrainSpec{
		Base: h.Tuning.Base, File: file, Suffix: "dl-5b1f0c7a", Epochs: 2, Checkpoints: 2,
		LearningRate: 1e-4, Rank: 8, Alpha: 16, Seed: 7,
	}
}

// ended polls until a training has ended.
func (r *rig) ended(t *testing.T, made providers.Training) providers.Training {
	t.Helper()
	seen := map[providers.TrainingState]bool{}
	for range hours {
		training, err := r.trainer(t).Poll(t.Context(), made.Handle)
		if err != nil {
			t.Fatal(err)
		}
		seen[training.State] = true
		if training.State.Ended() {
			if !seen[providers.TrainingQueued] && !seen[providers.TrainingRunning] {
				t.Errorf("the training went straight to %s", training.State)
			}
			return training
		}
		r.advance(15 * time.Minute)
	}
	t.Fatal("the training does not end")
	return providers.Training{}
}

func (h Harness) train(t *testing.T) {
	r := h.rig(t)
	trainer := r.trainer(t)
	limits, err := trainer.Tunable(t.Context(), h.Tuning.Base)
	if err != nil || limits.MaxRank != 0 && limits.MaxRank < 8 || limits.MaxEpochs < 1 || limits.MaxSequence < 1 {
		t.Fatalf("limits %+v, %v", limits, err)
	}
	_, err = trainer.Tunable(t.Context(), "nobody/none")
	wantKind(t, "a base that is none", err, providers.KindModelGone)
	file := r.uploaded(t, rows(40))
	if file.Bytes == 0 || h.Tuning.Checks && file.Lines != 40 {
		t.Errorf("file %+v", file)
	}
	spec := h.spec(file.ID)
	if estimator, ok := trainer.(providers.Estimator); ok {
		checkEstimate(t, estimator, spec)
	}
	created, err := trainer.Start(t.Context(), spec)
	if err != nil || created.ID == "" || created.State.Ended() {
		t.Fatalf("created %+v, %v", created, err)
	}
	training := r.ended(t, created)
	if training.State != providers.TrainingSucceeded || max(training.Nano, training.Tokens) <= 0 || !json.Valid(training.Handle) ||
		training.Output == "" || training.Suffix != spec.Suffix || training.Base != h.Tuning.Base ||
		training.File != file.ID ||
		training.Created.IsZero() || training.Finished.Before(training.Created) {
		t.Errorf("training %+v", training)
	}
	if logger, ok := trainer.(providers.Logger); ok {
		checkHistory(t, logger, training.Handle)
	}
}

func checkEstimate(t *testing.T, estimator providers.Estimator, spec providers.TrainSpec) {
	t.Helper()
	estimate, err := estimator.Estimate(t.Context(), spec)
	if err != nil || !estimate.Available || !estimate.Allowed || min(estimate.Nano, estimate.TrainTokens) <= 0 {
		t.Errorf("estimate %+v, %v", estimate, err)
	}
}

// checkHistory looks at what is told of a training that succeeded.
func checkHistory(t *testing.T, logger providers.Logger, handle providers.Handle) {
	t.Helper()
	events, err := logger.Events(t.Context(), handle)
	if err != nil || len(events) < 3 {
		t.Fatalf("events %+v, %v", events, err)
	}
	for i, event := range events {
		if event.Type != strings.ToLower(event.Type) || event.Level == "" || event.Created.IsZero() {
			t.Errorf("event %+v", event)
		}
		if i > 0 && event.Created.Before(events[i-1].Created) {
			t.Errorf("events out of order at %d", i)
		}
	}
	checkpoints, err := logger.Checkpoints(t.Context(), handle)
	if err != nil || len(checkpoints) == 0 || !checkpoints[len(checkpoints)-1].Final {
		t.Errorf("checkpoints %+v, %v", checkpoints, err)
	}
}

// trainLost loses the answer to the creation: it is found again, not repeated.
func (h Harness) trainLost(t *testing.T) {
	r := h.rig(t)
	trainer := r.trainer(t)
	file := r.uploaded(t, rows(20))
	spec := h.spec(file.ID)
	for _, handle := range []string{``, `{}`, `"x"`, `{"id":"ft-none"}`} {
		if listed, err := trainer.Poll(t.Context(), providers.Handle(handle)); err == nil {
			t.Errorf("a training that is none: %+v", listed)
		}
	}
	before := time.Time{}
	if _, found, err := trainer.Find(t.Context(), spec, before); err != nil || found {
		t.Fatalf("found %v before it was created, %v", found, err)
	}
	r.during(lost(h.Tuning.Start), func() {
		_, err := trainer.Start(t.Context(), spec)
		if e := asError(t, err); e.Charge != providers.ChargeUnknown {
			t.Errorf("got %v charged %s, want unknown", e, e.Charge)
		}
	})
	found, ok, err := trainer.Find(t.Context(), spec, before)
	if err != nil || !ok || found.Suffix != spec.Suffix {
		t.Fatalf("found %v %+v, %v", ok, found, err)
	}
	if _, ok, err := trainer.Find(t.Context(), spec, found.Created.Add(time.Hour)); ok || err != nil {
		t.Errorf("an older training was adopted (%v)", err)
	}
	other := spec
	other.Suffix = "dl-other"
	if _, ok, err := trainer.Find(t.Context(), other, before); ok || err != nil {
		t.Errorf("another's training was adopted (%v)", err)
	}
	r.advance(time.Minute)
	if _, err := trainer.Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if again, _, err := trainer.Find(t.Context(), spec, before); err != nil || again.ID != found.ID {
		t.Errorf("of two, %s was adopted and not the oldest %s (%v)", again.ID, found.ID, err)
	}
}

func (h Harness) trainInvalid(t *testing.T) {
	r := h.rig(t)
	trainer, filer := r.trainer(t), r.filer(t)
	bad := append(rows(3), []byte(`{"messages":[{"content":"no role"}]}`+"\n")...)
	status, err := filer.Upload(t.Context(), upload(bad))
	if err != nil {
		t.Fatal(err)
	}
	status = r.ready(t, status.ID)
	if h.Tuning.Checks && (status.Ready || !strings.Contains(status.Invalid, "4")) {
		t.Errorf("file %+v, want the fault of line 4", status)
	}
	for _, size := range []int64{0, 1 << 50} {
		_, err := filer.Upload(t.Context(), providers.Upload{Name: "x", Size: size})
		wantKind(t, fmt.Sprint(size, " bytes"), err, providers.KindInvalid)
	}
	_, err = trainer.Start(t.Context(), providers.TrainSpec{Base: h.Tuning.Base})
	wantKind(t, "a training without hyper-parameters", err, providers.KindInvalid)
	made, err := trainer.Start(t.Context(), h.spec(status.ID))
	if err != nil {
		wantKind(t, "a training on an invalid file", err, providers.KindInvalid)
		return
	}
	if end := r.ended(t, made); end.State != providers.TrainingFailed || end.Reason == "" || h.Tuning.Checks {
		t.Errorf("a training on an invalid file %+v", end)
	}
}

func (h Harness) trainCancel(t *testing.T) {
	r := h.rig(t)
	trainer := r.trainer(t)
	file := r.uploaded(t, rows(20))
	created, err := trainer.Start(t.Context(), h.spec(file.ID))
	if err != nil {
		t.Fatal(err)
	}
	cancelled, err := trainer.Cancel(t.Context(), created.Handle)
	if err != nil || cancelled.ID != created.ID || cancelled.State == providers.TrainingFailed {
		t.Fatalf("cancelled %+v, %v", cancelled, err)
	}
	end := r.ended(t, created)
	if end.State != providers.TrainingCancelled && end.State != providers.TrainingSucceeded {
		t.Errorf("ended %+v", end)
	}
}

// trainCancelled cancels a training in its middle. What the vendor bills of it is told, or else that something is.
func (h Harness) trainCancelled(t *testing.T) {
	r := h.rig(t)
	trainer := r.trainer(t)
	file := r.uploaded(t, rows(4000))
	made, err := trainer.Start(t.Context(), h.spec(file.ID))
	for range hours {
		if err != nil {
			t.Fatal(err)
		}
		if made.State == providers.TrainingRunning && r.trainingBill(t) > 0 {
			break
		}
		r.advance(5 * time.Minute)
		made, err = trainer.Poll(t.Context(), made.Handle)
	}
	r.advance(10 * time.Minute)
	if made, err = trainer.Cancel(t.Context(), made.Handle); err != nil {
		t.Fatal(err)
	}
	for range hours {
		if made.State.Ended() {
			break
		}
		r.advance(time.Minute)
		if made, err = trainer.Poll(t.Context(), made.Handle); err != nil {
			t.Fatal(err)
		}
	}
	switch billed := r.trainingBill(t); {
	case made.State != providers.TrainingCancelled || billed == 0:
		t.Errorf("it ended as %+v and was billed %d", made, billed)
	case made.Nano != billed && made.Charge != providers.ChargeUnknown && made.Charge != providers.ChargeUsage:
		t.Errorf("%d were billed, it tells %d and the charge %q", billed, made.Nano, made.Charge)
	}
}

// trainingBill is what the emulator has billed for trainings, nano-dollars.
func (r *rig) trainingBill(t *testing.T) (nano int64) {
	t.Helper()
	for _, p := range r.lab(t).Payments() {
		if strings.HasPrefix(p.Model, "fine-tune:") {
			nano += p.NanoUSD
		}
	}
	return nano
}

// uploadLost loses each answer of an upload in turn. What arrived is found, and
// what did not is sent again.
func (h Harness) uploadLost(t *testing.T) {
	r := h.rig(t)
	filer := r.filer(t)
	if _, found, err := filer.FindFile(t.Context(), "none.jsonl"); found || err != nil {
		t.Errorf("found a file that is none (%v)", err)
	}
	for _, step := range h.Tuning.Uploads {
		name, content := step.Name, append(rows(10), rows(len(step.Name))...)
		r.during(lost(step.Is), func() {
			if _, err := filer.Upload(t.Context(), upload(content)); err == nil {
				t.Errorf("%s: no error", name)
			}
		})
		status, found, err := filer.FindFile(t.Context(), upload(content).Name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if found != step.Found {
			t.Errorf("%s: found %v", name, found)
		}
		if !found {
			status = r.uploaded(t, content)
		}
		if status = r.ready(t, status.ID); !status.Ready {
			t.Errorf("%s: %+v", name, status)
		}
		for range 2 { // one that is gone is no error
			if err := filer.DeleteFile(t.Context(), status.ID); err != nil {
				t.Errorf("%s: delete: %v", name, err)
			}
		}
		if _, found, err := filer.FindFile(t.Context(), upload(content).Name); found || err != nil {
			t.Errorf("%s: a deleted file is found: %v", name, err)
		}
	}
}
