package tune

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/hyper"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// The states of a training that has not ended; the others are the store's.
const (
	statusValidating = "validating_files"
	statusQueued     = "queued"
	statusRunning    = "running"
)

// The phases of a training, kept in its spec.
const (
	phaseFile   = "file"   // the vendor validates the file
	phaseCreate = "create" // to be created, or created perhaps
	phaseTrain  = "train"
	phaseDeploy = "deploy"
	phaseProve  = "prove"
	phaseDone   = "done"
)

// purposeTrain is what trainings are booked under.
const purposeTrain = "train"

// trainingRun is a training under way, as one wake sees it.
type trainingRun struct {
	run      *tasks.Run
	training learn.Training
	spec     tasks.TrainingSpec
	trainer  providers.Trainer
	rate     int64 // nano-dollars per million trained tokens by the catalogue; 0 where it is not known
}

// trainings reads trainings and their vendors.
type trainings struct {
	vendors Vendors
	hyper   func(m tasks.Method, rows int) tasks.Hyper
	prices  priceList
}

func newTrainings(d Deps) trainings {
	return trainings{vendors: d.Vendors, hyper: d.Settings.hyper, prices: newPriceList(d)}
}

func (t trainings) trainingRun(ctx context.Context, run *tasks.Run) (*trainingRun, error) {
	var in tasks.TrainInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	training, err := run.Store.Training(ctx, run.Job.Tenant, in.Training)
	if err != nil {
		return nil, fmt.Errorf("find training %s: %w", in.Training, err)
	}
	l, err := t.trainingRunOf(run, training)
	if err != nil || l.training.Ended() {
		return l, err
	}
	if err := t.findTrainer(l); err != nil {
		return nil, handlers.Failure(err) // the row ends with its job
	}
	return l, nil
}

// trainingRunOf reads a training's row. It has no trainer yet: to end a training
// of which its vendor knows nothing takes none.
func (t trainings) trainingRunOf(run *tasks.Run, training learn.Training) (*trainingRun, error) {
	l := &trainingRun{run: run, training: training}
	if err := json.Unmarshal(training.Spec, &l.spec); err != nil {
		return nil, tasks.Fail("internal", "the stored spec of %s can not be read: start another", training.ID)
	}
	l.spec.Hyper = hyper.Fill(l.spec.Hyper, t.hyper(l.spec.Method, 0))
	trained := providers.Target{Provider: training.Provider, Model: trainSpec(training, l.spec).Base}
	l.rate, _ = t.prices.trainRate(trained, l.spec.Method)
	if l.training.Suffix == "" {
		l.training.Suffix = suffix(training.ID, l.spec.SHA256, trainSpec(training, l.spec))
	}
	return l, nil
}

// findTrainer finds the vendor's trainer.
func (t trainings) findTrainer(l *trainingRun) (err error) {
	l.trainer, err = t.vendors.Trainer(l.training.Provider)
	return err
}

// trainSpec is what the vendor is asked for.
func trainSpec(training learn.Training, s tasks.TrainingSpec) providers.TrainSpec {
	validation := ""
	if s.Validation != nil {
		validation = s.Validation.FileID
	}
	spec := providers.TrainSpec{
		Base: cmp.Or(s.Weights, training.Base), File: s.FileID, Validation: validation, Suffix: training.Suffix,
		Epochs: s.Hyper.Epochs, Checkpoints: 1,
		BatchSize: s.Hyper.BatchSize, LearningRate: s.Hyper.LearningRate * s.Hyper.Multiplier,
		Rank: s.Hyper.Rank, Alpha: s.Hyper.Alpha, Seed: s.Hyper.Seed, Tune: training.Tune, Object: s.Object, SHA256: s.SHA256,
	}
	if s.Method == tasks.MethodDPO {
		spec.Beta = s.Hyper.Beta
	}
	return spec
}

const (
	suffixPrefix = "dl-"
	suffixDigits = 24 // of sha256, hexadecimal
)

// suffix tells one training from every other at a vendor that has no
// idempotency key: the same training always has the same. It has 27 characters;
// Together's shorter limit is 40 (https://docs.together.ai/reference/post-fine-tunes).
func suffix(training, sha256Hex string, spec providers.TrainSpec) string {
	spec.Suffix, spec.File, spec.Validation = "", "", ""
	spec.Tune, spec.Object, spec.SHA256 = "", "", ""
	sum := sha256.Sum256([]byte(training + "\n" + sha256Hex + "\n" + string(plainjson.Of(spec))))
	return suffixPrefix + hex.EncodeToString(sum[:])[:suffixDigits]
}

// write stores how far the training is.
func (l *trainingRun) write(ctx context.Context, q *store.Queries) error {
	l.training.Spec = plainjson.Of(l.spec)
	return q.SetTraining(ctx, l.training)
}

// wait comes back after a pause.
func (l *trainingRun) wait(pause time.Duration) *tasks.End {
	return &tasks.End{State: job.StateWaiting, After: pause, Write: l.write}
}

// next goes on with another phase at the next wake.
func (l *trainingRun) next(phase string) *tasks.End {
	l.spec.Phase = phase
	return &tasks.End{State: job.StateQueued, Write: l.write}
}

// fail ends the training for good. The row's error is the one that the client gets. The
// reservation of a training that is not polled any more stays booked as unknown.
func (l *trainingRun) fail(ctx context.Context, failure *tasks.Failure) error {
	l.training.Status, l.training.Error = learn.TrainingFailed, failure.Message
	err := l.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if l.spec.Entry != "" && (l.spec.Phase == phaseCreate || l.spec.Phase == phaseTrain) {
			lost := book.Entry{ID: l.spec.Entry, State: book.EntryUnknown, Cause: "the training was lost sight of"}
			if err := settle(ctx, q.Book(), lost); err != nil {
				return fmt.Errorf("end the training's line of spend: %w", err)
			}
		}
		return l.write(ctx, q)
	})
	if err != nil {
		return fmt.Errorf("end training: %w", err)
	}
	return failure
}

// vendorFailed ends the training where the vendor's error is final, and lets
// the attempt be tried again where it is not.
func (l *trainingRun) vendorFailed(ctx context.Context, err error) error {
	failure := handlers.Failure(err)
	if !failure.Final || ctx.Err() != nil {
		return failure
	}
	return l.fail(ctx, failure)
}

// trained is what the job of a training answers.
type trained struct {
	Training string `json:"fine_tuning_job"`
	Model    string `json:"fine_tuned_model"`
}

// outcome answers for a training that has ended.
func (l *trainingRun) outcome() (*tasks.End, error) {
	if l.training.Status == learn.TrainingSucceeded {
		return &tasks.End{Result: plainjson.Of(trained{l.training.ID, l.training.Model})}, nil
	}
	return nil, tasks.Fail("vendor_unavailable", "training %s %s: %s",
		l.training.ID, l.training.Status, l.training.Error)
}

// stage shows in the tune what its training is at; a training alone has none.
func (l *trainingRun) stage(ctx context.Context, q *learn.Queries, stage string) error {
	if l.training.Tune == "" {
		return nil
	}
	tune, err := q.Tune(ctx, l.training.Tenant, l.training.Tune)
	if err != nil {
		return fmt.Errorf("find tune %s: %w", l.training.Tune, err)
	}
	tune.Stage = stage
	return q.SetTune(ctx, tune)
}

// polledAt is the stage of a tune whose training is polled: one that serves what another made has nothing to train.
func (l *trainingRun) polledAt() string {
	if l.spec.Trained() {
		return stageDeploy
	}
	return stageTrain
}

// settle ends a line of spend that may have been ended before.
func settle(ctx context.Context, q *book.Queries, e book.Entry) error {
	err := q.EndEntry(ctx, e)
	if errors.Is(err, db.ErrConflict) {
		return nil
	}
	return err
}
