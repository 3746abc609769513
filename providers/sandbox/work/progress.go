package work

import (
	"cmp"
	"slices"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// How long the stages of a training take, in lab time.
const (
	pendingFor    = time.Minute
	queuedFor     = 4 * time.Minute
	minTraining   = 90 * time.Minute
	maxTraining   = 6 * time.Hour
	packingFor    = 10 * time.Minute
	savingFor     = 10 * time.Minute
	cancellingFor = time.Minute
	slowness      = 6 * time.Hour // of hardware that is short
)

// perMinute is how many tokens are trained in a minute.
const perMinute = 20_000

// batch is how many rows an optimiser step takes.
const batch = 8

// TrainingState is where a training is.
type TrainingState string

// The states of a training, in their order.
const (
	TrainingPending    TrainingState = "pending"
	TrainingQueued     TrainingState = "queued"
	TrainingRunning    TrainingState = "running"
	TrainingPaused     TrainingState = "paused"
	TrainingPacking    TrainingState = "packing" // the model is merged and compressed
	TrainingSaving     TrainingState = "saving"
	TrainingCancelling TrainingState = "cancelling"
	TrainingCancelled  TrainingState = "cancelled"
	TrainingFailed     TrainingState = "failed"   // by the vendor's fault
	TrainingRejected   TrainingState = "rejected" // by the user's fault
	TrainingSucceeded  TrainingState = "succeeded"
)

// Ended tells whether nothing follows the state.
func (s TrainingState) Ended() bool {
	return slices.Contains([]TrainingState{
		TrainingCancelled, TrainingFailed, TrainingRejected, TrainingSucceeded,
	}, s)
}

// plan decides when a training does what, and how it ends.
func (ts *Trainings) plan(t *Training, target lab.Target) {
	running := min(minTraining+time.Duration(t.Tokens/perMinute)*time.Minute, maxTraining)
	t.Started = t.Created.Add(pendingFor + queuedFor)
	if _, slow := ts.lab.TakeFault(target, lab.FaultSlowCapacity); slow {
		t.Started = t.Started.Add(slowness)
	}
	t.Trained = t.Started.Add(running)
	t.Saving = t.Trained.Add(packingFor)
	t.Ends = t.Saving.Add(savingFor)
	t.Ending = TrainingSucceeded
	if t.Reason != "" {
		t.Ending, t.Ends = TrainingRejected, t.Started.Add(time.Minute)
		return
	}
	t.Corrupt = ts.lab.CorruptShare(target)
	mixed, _ := ts.lab.TakeFault(target, lab.FaultMixRows)
	t.Mixed = mixed.Text()
	fault, bad := ts.lab.TakeFault(target, lab.FaultFailTraining, lab.FaultUserError)
	if !bad {
		return
	}
	t.Ending, t.Reason = TrainingFailed, cmp.Or(fault.Message, "Training failed on a platform error.")
	t.Ends = t.Started.Add(running / 2)
	if fault.Kind == lab.FaultUserError {
		t.Ending, t.Reason = TrainingRejected, cmp.Or(fault.Message, "The training data could not be used.")
		t.Ends = t.Started.Add(time.Minute)
	}
}

// OverTime is the reason of a training whose machines worked for as long as it allows.
const OverTime = "The run was stopped at its time limit."

// limit fails a training whose machines would work for longer than its Limit.
func (t *Training) limit() {
	if over := t.used(t.Ends) - t.Limit; t.Limit > 0 && over > 0 {
		last := t.Ends.Add(-over)
		t.Ending, t.Reason, t.Ends = TrainingFailed, OverTime, last
	}
}

// State is where the training is at a time. A cancellation that comes while the
// model is being saved is too late: the training succeeds.
func (t *Training) State(now time.Time) TrainingState {
	if !t.Cancelled.IsZero() && t.Cancelled.Before(t.Saving) && t.Cancelled.Before(t.Ends) {
		if now.Sub(t.Cancelled) >= cancellingFor {
			return TrainingCancelled
		}
		return TrainingCancelling
	}
	switch {
	case !t.Paused.IsZero():
		return TrainingPaused
	case !now.Before(t.Ends):
		return t.Ending
	case !t.Cancelled.IsZero():
		return TrainingCancelling
	case now.Before(t.Created.Add(pendingFor)):
		return TrainingPending
	case now.Before(t.Started):
		return TrainingQueued
	case now.Before(t.Trained):
		return TrainingRunning
	case now.Before(t.Saving):
		return TrainingPacking
	}
	return TrainingSaving
}

// Finish is when the training ends, or ended.
func (t *Training) Finish() time.Time {
	if t.State(t.Ends) == TrainingCancelled {
		return t.Cancelled.Add(cancellingFor)
	}
	return t.Ends
}

// Done is how much of the training is done, of 1000.
func (t *Training) Done(now time.Time) int64 {
	switch t.State(now) {
	case TrainingCancelled:
		now = t.Cancelled
	case TrainingPaused:
		now = t.Paused
	}
	if now.After(t.Ends) {
		now = t.Ends
	}
	done := int64(now.Sub(t.Started)) * 1000 / int64(t.Trained.Sub(t.Started))
	return min(max(done, 0), 1000)
}

// Due is what the training costs, as far as it is known: all of it, what was
// trained of a cancelled one, nothing of one that failed. Hours are due until its end.
func (t *Training) Due(now time.Time) int64 {
	if t.Hour > 0 {
		return t.price(t.Finish())
	}
	return Cost(t.Billable(now), t.Rate)
}

// Billable is how many tokens are billed: none of a training that failed, and what was trained of a cancelled one.
func (t *Training) Billable(now time.Time) int64 {
	switch t.State(now) {
	case TrainingFailed, TrainingRejected:
		return 0
	case TrainingCancelled:
		return t.Tokens * t.Done(now) / 1000
	}
	return t.Tokens
}

// Steps is how many optimiser steps the training has.
func (t *Training) Steps() int64 { return max(t.Lines*int64(t.Epochs)/batch, 1) }

// part is when the nth of so many equal parts of the training is trained, and at
// which step.
func (t *Training) part(n, of int) (time.Time, int64) {
	at := t.Started.Add(t.Trained.Sub(t.Started) * time.Duration(n) / time.Duration(of))
	return at, t.Steps() * int64(n) / int64(of)
}

// Checkpoint is a saved state of a training.
type Checkpoint struct {
	Step  int64
	At    time.Time
	Final bool
}

// Checkpoints lists those that are saved, of so many which are spread evenly
// over the training.
func (t *Training) Checkpoints(count int, now time.Time) []Checkpoint {
	last, _ := t.last(now)
	var list []Checkpoint
	for n := 1; n <= count; n++ {
		at, step := t.part(n, count)
		if at.After(last) || at.After(t.Ends) {
			break
		}
		list = append(list, Checkpoint{Step: step, At: at, Final: n == count})
	}
	return list
}

// maxLosses bounds the points of a curve.
const maxLosses = 100

// Loss is a point of a training's curve.
type Loss struct {
	Step  int64
	Value float64
}

// Losses returns a curve that falls as losses do: it is for drawing.
func (t *Training) Losses(now time.Time) []Loss {
	done := t.Steps() * t.Done(now) / 1000
	stride := max(done/maxLosses, 1)
	var list []Loss
	for step := stride; step <= done; step += stride {
		list = append(list, Loss{Step: step, Value: 0.5 + 1.5/float64(1+step)})
	}
	return list
}
