package colab

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// The bounds of a training, as the template takes it.
const (
	maxRank     = 64
	maxEpochs   = 20
	maxSequence = 4096 // tokens of one row
	maxBatch    = 64
)

// silence is how long a session that runs may tell nothing: the first model is downloaded, and a
// checkpoint of gigabytes is put, between two messages.
const silence = 30 * time.Minute

// trainer waits for runs.
type trainer struct {
	runs     providers.Runs
	bases    []string
	patience time.Duration
	now      func() time.Time
}

var (
	_ providers.Trainer   = trainer{}
	_ providers.Estimator = trainer{}
	_ providers.Logger    = trainer{}
	_ providers.Exporter  = trainer{}
)

// Tunable tells the limits of a base that the setting names.
func (t trainer) Tunable(_ context.Context, base string) (providers.TuneLimits, error) {
	if !slices.Contains(t.bases, base) {
		return providers.TuneLimits{}, gone(base, "can not be trained: choose another base, or name it in "+envBases)
	}
	return providers.TuneLimits{
		MaxEpochs: maxEpochs, MaxRank: maxRank, MaxSequence: maxSequence, MinBatch: 1, MaxBatch: maxBatch,
	}, nil
}

// Estimate tells that nothing is paid here: Colab's compute units have no price in dollars that
// could be known, and a machine of one's own has its bill elsewhere.
func (t trainer) Estimate(context.Context, providers.TrainSpec) (providers.Estimate, error) {
	return providers.Estimate{Available: true, Allowed: true}, nil
}

// Start keeps a run, which waits for its first session. A spec has one run: repeating it is
// harmless.
func (t trainer) Start(ctx context.Context, spec providers.TrainSpec) (providers.Training, error) {
	switch {
	case spec.Tune == "" || spec.Object == "" || spec.SHA256 == "":
		return providers.Training{}, invalid("training_file", "a training of your own is begun by a tune: POST /v1/tunes")
	case spec.Epochs < 1 || spec.Rank < 1 || spec.LearningRate <= 0:
		return providers.Training{}, invalid("epochs", "state epochs, rank and learning rate")
	}
	if err := spec.WithoutPairs(name); err != nil {
		return providers.Training{}, err
	}
	if _, err := t.Tunable(ctx, spec.Base); err != nil {
		return providers.Training{}, err
	}
	run, err := t.runs.Begin(ctx, spec)
	if err != nil {
		return providers.Training{}, failed("begin a run", err)
	}
	return t.training(run, spec.Suffix), nil
}

// Find returns the run of a spec.
func (t trainer) Find(ctx context.Context, spec providers.TrainSpec, notBefore time.Time) (providers.Training, bool, error) {
	run, found, err := t.runs.Find(ctx, spec)
	if err != nil {
		return providers.Training{}, false, failed("find a run", err)
	}
	if !found || run.Created.Before(notBefore) {
		return providers.Training{}, false, nil
	}
	return t.training(run, spec.Suffix), true, nil
}

// handle finds a run again.
type handle struct {
	Run    string `json:"run"`
	Suffix string `json:"suffix"`
}

func (t trainer) read(ctx context.Context, given providers.Handle) (h handle, run providers.OwnRun, err error) {
	if json.Unmarshal(given, &h) != nil || h.Run == "" {
		return h, run, invalid("handle", "the handle is none that Start returned")
	}
	run, found, err := t.runs.Run(ctx, h.Run)
	if err != nil {
		return h, run, failed("read a run", err)
	}
	if !found {
		return h, run, invalid("handle", "there is no such run any more")
	}
	return h, run, nil
}

// Poll tells how far a training is by what its sessions told.
func (t trainer) Poll(ctx context.Context, given providers.Handle) (providers.Training, error) {
	h, run, err := t.read(ctx, given)
	if err != nil {
		return providers.Training{}, err
	}
	return t.training(run, h.Suffix), nil
}

// Cancel has the session end with its next message. The run is over at once: what its session
// still tells changes nothing, unless the adapter had come.
func (t trainer) Cancel(ctx context.Context, given providers.Handle) (providers.Training, error) {
	h, run, err := t.read(ctx, given)
	if err != nil {
		return providers.Training{}, err
	}
	if err := t.runs.Stop(ctx, run.ID); err != nil {
		return providers.Training{}, failed("stop a run", err)
	}
	run.Stopped = true
	return t.training(run, h.Suffix), nil
}

// Events lists what the sessions told, oldest first, and that the last one has fallen silent.
func (t trainer) Events(ctx context.Context, given providers.Handle) ([]providers.TrainingEvent, error) {
	_, run, err := t.read(ctx, given)
	if _, status, reason := t.stateOf(run); status == interrupted {
		run.Events = append(run.Events, providers.TrainingEvent{
			Type: status, Level: "warning", Message: reason, Step: run.Step, Created: run.Heard.Add(silence),
		})
	}
	return run.Events, err
}

// Checkpoints lists the newest saved state, and the adapter as the last.
func (t trainer) Checkpoints(ctx context.Context, given providers.Handle) ([]providers.Checkpoint, error) {
	_, run, err := t.read(ctx, given)
	if err != nil {
		return nil, err
	}
	var saved []providers.Checkpoint
	if run.Saved > 0 {
		saved = append(saved, checkpoint(run, run.Saved, false))
	}
	if run.State == providers.RunEnded {
		saved = append(saved, checkpoint(run, run.Step, true))
	}
	return saved, nil
}

func checkpoint(run providers.OwnRun, step int, final bool) providers.Checkpoint {
	return providers.Checkpoint{ID: fmt.Sprintf("%s/%d", run.ID, step), Step: step, Final: final, Created: run.Heard}
}

// Adapter lists the files of a run that has ended, with what they are written down beside them.
func (t trainer) Adapter(ctx context.Context, given providers.Handle) ([]providers.AdapterFile, error) {
	_, run, err := t.read(ctx, given)
	if err != nil {
		return nil, err
	}
	if run.State != providers.RunEnded {
		return nil, invalid("handle", "the run has not ended")
	}
	files, err := t.runs.Archive(ctx, run.ID)
	if err != nil {
		return nil, failed("archive an adapter", err)
	}
	return files, nil
}

// training tells of a run.
func (t trainer) training(run providers.OwnRun, suffix string) providers.Training {
	state, status, reason := t.stateOf(run)
	made := providers.Training{
		ID: run.ID, Handle: plainjson.Of(handle{run.ID, suffix}), State: state, Status: status, Reason: reason,
		Base: run.Base, Suffix: suffix, Steps: run.Step, Total: run.Total, Output: run.ID, Created: run.Created,
	}
	if state.Ended() {
		made.Finished = run.Heard
	}
	return made
}

// interrupted is the status of a run whose session has fallen silent.
const interrupted = "interrupted"

// stateOf tells the state of a run. A session that told nothing for long has ended, by Colab's
// hand as a rule; the next one goes on from the newest checkpoint.
func (t trainer) stateOf(run providers.OwnRun) (state providers.TrainingState, status, reason string) {
	quiet := t.now().Sub(later(run.Created, run.Heard))
	switch {
	case run.State == providers.RunEnded:
		return providers.TrainingSucceeded, "ended", ""
	case run.Stopped:
		return providers.TrainingCancelled, "cancelled", "it was cancelled"
	case quiet > t.patience:
		return providers.TrainingFailed, "abandoned",
			fmt.Sprintf("no session reported for %v: start another tune", t.patience)
	case run.State == providers.RunWaiting:
		return providers.TrainingQueued, "waiting", ""
	case run.State == providers.RunRunning && quiet > silence:
		return providers.TrainingRunning, interrupted, "the session has ended: run the notebook once more"
	}
	return providers.TrainingRunning, string(run.State), ""
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// failed is a fault of the store that keeps the runs: it passes, and nothing was paid.
func failed(what string, err error) *providers.Error {
	return &providers.Error{
		Kind: providers.KindServer, Provider: name, Charge: providers.ChargeNone, Err: fmt.Errorf("%s: %w", what, err),
	}
}
