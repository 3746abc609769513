package work

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever is done to a tune and whenever it is looked at, it goes forward,
// ends once, and never costs more than its price.
func TestTuneGoesForward(t *testing.T) {
	t.Parallel()
	order := []TrainingState{
		TrainingPending, TrainingQueued, TrainingRunning, TrainingPacking, TrainingSaving, TrainingCancelling,
		TrainingCancelled, TrainingFailed, TrainingRejected, TrainingSucceeded,
	}
	minutes := func(low, high int) *rapid.Generator[time.Duration] {
		return rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.IntRange(low, high).Draw(t, "minutes")) * time.Minute
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		made := drawTune(t, minutes)
		now, before := made.Created, 0
		for !made.State(now).Ended() {
			if at := slices.Index(order, made.State(now)); at < before {
				t.Fatalf("it went back from %s to %s", order[before], order[at])
			} else {
				before = at
			}
			if made.Cancelled.IsZero() && rapid.Bool().Draw(t, "cancel") {
				made.Cancelled = now
			}
			now = now.Add(minutes(1, 120).Draw(t, "step"))
		}
		last := made.State(now)
		if due := made.Due(now); due < 0 || due > made.Price {
			t.Fatalf("%s, it costs %d of %d", last, due, made.Price)
		}
		if later := now.Add(minutes(0, 10_000).Draw(t, "later")); made.State(later) != last {
			t.Fatalf("it ended as %s, then as %s", last, made.State(later))
		}
		if last == TrainingSucceeded && made.Done(now) != 1000 {
			t.Fatalf("it completed with %d of 1000 trained", made.Done(now))
		}
	})
}

func drawTune(t *rapid.T, minutes func(int, int) *rapid.Generator[time.Duration]) *Training {
	made := &Training{Created: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Price: 1_000_000, Tokens: 1_000_000, Rate: 1_000_000}
	made.Started = made.Created.Add(minutes(2, 400).Draw(t, "queue"))
	made.Trained = made.Started.Add(minutes(1, 400).Draw(t, "training"))
	made.Saving = made.Trained.Add(packingFor)
	made.Ends = made.Saving.Add(savingFor)
	made.Ending = rapid.SampledFrom([]TrainingState{TrainingSucceeded, TrainingFailed, TrainingRejected}).Draw(t, "ending")
	if made.Ending != TrainingSucceeded {
		made.Ends = made.Started.Add(made.Trained.Sub(made.Started) / 2)
	}
	return made
}

// Minutes are billed once, whenever the bill is asked for and however often.
func TestMinutesOnlyGrow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		d := &Deployment{Ready: start.Add(startingFor), Running: rapid.IntRange(1, 4).Draw(t, "replicas")}
		now, last := start, int64(0)
		for range 20 {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
			if d.Stop.IsZero() && rapid.IntRange(0, 9).Draw(t, "stop") == 0 {
				d.Stop = now
			}
			minutes := d.minutes(now)
			if minutes < last {
				t.Fatalf("%d minutes after %d", minutes, last)
			}
			last = minutes
		}
		end := now.Add(24 * time.Hour)
		if !d.Stop.IsZero() && d.minutes(end) > int64(d.Running)*int64(d.Stop.Sub(start)/time.Minute+3) {
			t.Fatalf("a stopped deployment costs %d minutes", d.minutes(end))
		}
	})
}
