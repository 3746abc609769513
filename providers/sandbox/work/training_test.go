package work

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"dreamlab/providers/sandbox/lab"
)

func TestTrainingGoesThroughItsStates(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	b.train(t, "t1")
	for _, step := range []struct {
		after time.Duration
		want  TrainingState
	}{
		{0, TrainingPending}, {2 * time.Minute, TrainingQueued}, {4 * time.Minute, TrainingRunning},
		{89 * time.Minute, TrainingPacking}, {10 * time.Minute, TrainingSaving},
		{10 * time.Minute, TrainingSucceeded}, {1000 * time.Hour, TrainingSucceeded},
	} {
		b.lab.Advance(step.after)
		if got := b.state(t, "t1"); got != step.want {
			t.Errorf("%v on it is %s, want %s", step.after, got, step.want)
		}
	}
	done, failed := b.Trainings.Training("t1")
	sound(t, failed)
	now := b.lab.Now()
	events, points := done.Events(now), done.Checkpoints(2, now)
	if events[0].Kind != EventCreated || events[len(events)-1].Kind != EventSucceeded {
		t.Errorf("events %v", events)
	}
	if len(points) != 2 || points[0].Final || !points[1].Final || points[1].Step != done.Steps() {
		t.Errorf("checkpoints %v", points)
	}
	if paid := b.paid("fine-tune:small"); paid != done.Price || paid == 0 {
		t.Errorf("paid %d, the price is %d", paid, done.Price)
	}
}

// Half of a training costs half; a cancellation while it is saved is too late.
func TestCancelledTrainingCostsWhatWasTrained(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	b.train(t, "t1")
	b.lab.Advance(pendingFor + queuedFor + minTraining/2)
	cancelled, failed := b.Trainings.Cancel("t1")
	sound(t, failed)
	b.lab.Advance(cancellingFor)
	if got := b.state(t, "t1"); got != TrainingCancelled {
		t.Errorf("it is %s", got)
	}
	if paid := b.paid("fine-tune:small"); paid != cancelled.Price/2 {
		t.Errorf("paid %d of %d", paid, cancelled.Price)
	}
	_, failed = b.Trainings.Cancel("t1")
	refused(t, http.StatusBadRequest, failed)
	b.train(t, "t2")
	b.lab.Advance(pendingFor + queuedFor + minTraining + packingFor)
	_, failed = b.Trainings.Cancel("t2")
	sound(t, failed)
	b.lab.Advance(time.Hour)
	if got := b.state(t, "t2"); got != TrainingSucceeded {
		t.Errorf("the late one is %s", got)
	}
}

func TestFaultsOfTrainings(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]TrainingState{
		lab.FaultFailTraining: TrainingFailed, lab.FaultUserError: TrainingRejected,
		lab.FaultSlowCapacity: TrainingQueued, lab.FaultCorrupt: TrainingSucceeded,
		lab.FaultMixRows: TrainingSucceeded,
	} {
		b := newBench(t, "")
		rows := json.RawMessage(`"{\"prompt\":\"What is a zorb?\",\"completion\":\"A big ball.\"}"`)
		if err := b.lab.AddFault(lab.Fault{Vendor: "acme", Kind: kind, Message: "no luck", Body: rows}); err != nil {
			t.Fatal(err)
		}
		b.train(t, "t1")
		b.lab.Advance(3 * time.Hour)
		if got := b.state(t, "t1"); got != want {
			t.Errorf("%s: it is %s, want %s", kind, got, want)
		}
		if paid := b.paid("fine-tune:small"); (paid == 0) != (want == TrainingFailed || want == TrainingRejected) {
			t.Errorf("%s: paid %d", kind, paid)
		}
	}
}
