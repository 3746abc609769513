package work

import (
	"time"

	"dreamlab/providers/sandbox/lab"
)

// interruptedFor is how long spot machines are away.
const interruptedFor = time.Hour

// Spot says what became of a training's spot machines. They may be taken away: the training
// waits, and goes on from a checkpoint.
type Spot struct {
	Lost time.Time `json:"lost,omitzero"` // when they were taken away
	Back time.Time `json:"back,omitzero"` // when there were others
}

// interrupt plays the fault of spot machines, half-way through the training.
func (ts *Trainings) interrupt(t *Training, target lab.Target) {
	if t.Spot == nil || t.Reason != "" {
		return
	}
	if _, taken := ts.lab.TakeFault(target, lab.FaultInterrupt); !taken {
		return
	}
	lost := t.Started.Add(t.Trained.Sub(t.Started) / 2)
	t.Spot = &Spot{Lost: lost, Back: lost.Add(interruptedFor)}
	t.Trained, t.Saving, t.Ends = t.Trained.Add(interruptedFor), t.Saving.Add(interruptedFor), t.Ends.Add(interruptedFor)
}

// Away tells whether the training's spot machines are away at a time.
func (t *Training) Away(now time.Time) bool {
	return t.Spot != nil && !now.Before(t.Spot.Lost) && now.Before(t.Spot.Back) && !t.State(now).Ended()
}

// used is for how long the training's machines have run up to a time.
func (t *Training) used(until time.Time) time.Duration {
	used := until.Sub(t.Started)
	if t.Spot != nil && until.After(t.Spot.Lost) {
		used -= min(until.Sub(t.Spot.Lost), t.Spot.Back.Sub(t.Spot.Lost))
	}
	return max(used, 0)
}

// Seconds is how many of its machines are billed up to a time.
func (t *Training) Seconds(until time.Time) int64 {
	if last := t.Finish(); last.Before(until) {
		until = last
	}
	return int64(t.used(until) / time.Second)
}
