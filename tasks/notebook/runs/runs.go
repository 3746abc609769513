// Package runs is the room between the vendor whose trainings people run themselves and the
// bucket that keeps these runs: it tells either in the other's words.
package runs

import (
	"cmp"
	"context"
	"errors"
	"time"

	"dreamlab/providers"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/tasks/notebook"
)

// Keeper is a [providers.Runs] over a bucket.
type Keeper struct{ board notebook.Board }

var _ providers.Runs = Keeper{}

// New returns the runs of a bucket. now defaults to time.Now.
func New(bucket blob.Bucket, now func() time.Time) Keeper {
	if now == nil {
		now = time.Now
	}
	return Keeper{notebook.Board{Bucket: bucket, Now: now}}
}

func idOf(spec providers.TrainSpec) string { return notebook.ID(spec.Tune, spec.SHA256, spec.Base) }

// Begin keeps the run of a spec, as [providers.Runs] says.
func (k Keeper) Begin(ctx context.Context, spec providers.TrainSpec) (providers.OwnRun, error) {
	run := notebook.Run{
		ID: idOf(spec), Tune: spec.Tune, Data: spec.Object, SHA256: spec.SHA256, Base: spec.Base, Epochs: spec.Epochs,
		BatchSize: cmp.Or(spec.BatchSize, notebook.Batch), LearningRate: spec.LearningRate, Rank: spec.Rank, Alpha: spec.Alpha,
		Seed: spec.Seed,
	}
	if _, err := k.board.Begin(ctx, run); err != nil && !errors.Is(err, blob.ErrExists) {
		return providers.OwnRun{}, err
	}
	begun, found, err := k.Run(ctx, run.ID)
	if err == nil && !found {
		err = db.ErrNotFound
	}
	return begun, err
}

// Find returns the run of a spec.
func (k Keeper) Find(ctx context.Context, spec providers.TrainSpec) (providers.OwnRun, bool, error) {
	return k.Run(ctx, idOf(spec))
}

// Run returns the run of an id.
func (k Keeper) Run(ctx context.Context, id string) (providers.OwnRun, bool, error) {
	run, err := k.board.Run(ctx, id)
	if errors.Is(err, db.ErrNotFound) || errors.Is(err, notebook.ErrRefused) {
		return providers.OwnRun{}, false, nil
	}
	if err != nil {
		return providers.OwnRun{}, false, err
	}
	now, err := k.board.State(ctx, run)
	return told(run, now), err == nil, err
}

func told(run notebook.Run, now notebook.State) providers.OwnRun {
	seen := providers.OwnRun{
		ID: run.ID, Base: run.Base, SHA256: run.SHA256, State: providers.RunState(now.State), Stopped: now.Stop,
		Created: run.Created, Heard: now.Heard, Step: now.Step, Total: now.Total,
	}
	if now.Checkpoint != nil {
		seen.Saved = now.Checkpoint.Step
	}
	for _, m := range now.Log {
		seen.Events = append(seen.Events, providers.TrainingEvent{
			Type: m.Kind, Level: "info", Message: m.Text(), Step: m.Step, Created: m.At,
		})
	}
	return seen
}

// Stop tells a run's session to end.
func (k Keeper) Stop(ctx context.Context, id string) error {
	run, err := k.board.Run(ctx, id)
	if err != nil {
		return err
	}
	return k.board.Stop(ctx, run)
}

// Archive writes the manifest beside the files of a run that has ended, and lists all of them.
func (k Keeper) Archive(ctx context.Context, id string) ([]providers.AdapterFile, error) {
	run, err := k.board.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	manifest, err := k.board.Archive(ctx, run)
	if err != nil {
		return nil, err
	}
	files := make([]providers.AdapterFile, len(manifest.Files))
	for i, f := range manifest.Files {
		object, err := run.Object(f.Name)
		if err != nil {
			return nil, err
		}
		files[i] = providers.AdapterFile{Name: f.Name, Object: object, SHA256: f.SHA256, Bytes: f.Bytes}
	}
	return files, nil
}
