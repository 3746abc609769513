package tune

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/hosting"
	"dreamlab/handlers/tune/trial"
	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// maxReaped is how many trainings are read at once, and how many idle models a
// round stops.
const maxReaped = 50

// Reaped is the result of one round of Reap.
type Reaped struct {
	Trainings int `json:"trainings"` // abandoned trainings that were cancelled or recorded
	Models    int `json:"models"`    // unused deployments that were stopped
	Hours     int `json:"hours"`     // hours of hosting that were booked
}

// Reaper runs Reap by a clock of its own, which no configuration stops: what it
// ends costs money. Any number may run. Store and Deps are required.
type Reaper struct {
	Store *store.Store
	Deps  Deps
	// Every is the pause between rounds. Defaults to 10 s.
	Every time.Duration
	Log   zerolog.Logger

	rounds chan<- struct{} // tests wait for the end of a round
}

// maxRound bounds one round, so that a vendor that hangs does not stop all later rounds.
const maxRound = 2 * time.Minute

// Run makes rounds until ctx ends. Failures are logged, and tried again by the next round.
func (r *Reaper) Run(ctx context.Context) error {
	every := r.Every
	if every <= 0 {
		every = 10 * time.Second
	}
	return handlers.Repeat(ctx, every, maxRound, func(ctx context.Context) {
		r.round(ctx)
		if r.rounds != nil {
			r.rounds <- struct{}{}
		}
	})
}

func (r *Reaper) round(ctx context.Context) {
	done, err := Reap(ctx, r.Store, r.Deps)
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		r.Log.Warn().Err(err).Msg("could not end all unused models and trainings; the next round tries again")
	}
	if done.Models > 0 {
		r.Log.Info().Int("models", done.Models).Msg("stopped unused tuned models")
	}
}

// cleaner ends unused trainings and deployments.
type cleaner struct {
	vendors   Vendors
	trainings trainings
	registry  registry
	launcher  launcher
	stopper   stopper
	doubt     doubt
	keeper    *hosting.Keeper
	hold      time.Duration
}

func newCleaner(d Deps) *cleaner {
	return &cleaner{
		vendors: d.Vendors, trainings: newTrainings(d), registry: newRegistry(d), launcher: launcher{d.Vendors, d.Bucket},
		stopper: newStopper(d), doubt: newDoubt(d), keeper: newKeeper(d), hold: d.Settings.Hold,
	}
}

// Reap ends unused trainings and deployments, has files deleted that hold what was forgotten,
// has deployments run by the hours of hosting, books them and moves canaries. A cancelled tune ends at its
// vendor here: its training is cancelled, its deployment stopped. It can be repeated. A failure
// does not stop the rest: the error joins all failures.
func Reap(ctx context.Context, s *store.Store, d Deps) (Reaped, error) {
	cl := newCleaner(d.filled())
	var out Reaped
	var faults [6]error
	out.Trainings, faults[0] = cl.abandonAll(ctx, s)
	faults[5] = cl.keeper.Keep(ctx, s)
	out.Hours, faults[1] = hosting.BookAll(ctx, s)
	out.Models, faults[2] = cl.stopIdle(ctx, s)
	faults[3] = cl.dropTainted(ctx, s)
	faults[4] = trial.LookAll(ctx, s)
	if err := errors.Join(faults[:]...); err != nil {
		return out, fmt.Errorf("reap: %w", err)
	}
	return out, nil
}

func (cl *cleaner) abandonAll(ctx context.Context, s *store.Store) (n int, err error) {
	var faults []error
	for after := ""; ; {
		left, err := s.AbandonedTrainings(ctx, after, maxReaped)
		if err != nil {
			return n, errors.Join(append(faults, err)...)
		}
		for _, training := range left {
			after = training.ID
			if err := cl.abandon(ctx, s, training); err != nil {
				faults = append(faults, fmt.Errorf("end %s: %w", training.ID, err))
			}
			n++
		}
		if len(left) < maxReaped {
			return n, errors.Join(faults...)
		}
	}
}

// dropTainted has vendors delete the files of trainings that have ended since what they hold was
// forgotten.
func (cl *cleaner) dropTainted(ctx context.Context, s *store.Store) error {
	left, err := s.TaintedTrainings(ctx, maxReaped)
	faults := []error{err}
	for _, t := range left {
		trainer, err := cl.vendors.Trainer(t.Provider)
		if err == nil {
			err = handlers.DropFiles(ctx, s, trainer, t)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("delete the files of %s: %w", t.ID, err))
		}
	}
	return errors.Join(faults...)
}

func (cl *cleaner) stopIdle(ctx context.Context, s *store.Store) (n int, err error) {
	idle, err := s.IdleModels(ctx, cl.hold, maxReaped)
	faults := []error{err}
	for _, model := range idle {
		stopped, err := cl.stopper.stopModel(ctx, s, model)
		faults = append(faults, err)
		n += one(stopped)
	}
	return n, errors.Join(faults...)
}

// reap is Reap at once, for the training whose end was asked for and the models
// that are idle by it. A job that still runs is waited for; what is left at the
// vendor then is the clock's.
func (cl *cleaner) reap(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in tasks.ReapInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	if in.Training != "" {
		ended, err := cl.reapTraining(ctx, run.Store, in)
		if err != nil {
			return nil, handlers.Failure(err)
		}
		if !ended {
			return &tasks.End{State: job.StateWaiting, After: time.Second}, nil
		}
	}
	n, err := cl.stopIdle(ctx, run.Store)
	if err != nil {
		return nil, handlers.Failure(err)
	}
	return &tasks.End{Result: plainjson.Of(Reaped{Models: n})}, nil
}

// reapTraining tells whether nothing is left to wait for.
func (cl *cleaner) reapTraining(ctx context.Context, s *store.Store, in tasks.ReapInput) (ended bool, err error) {
	training, err := s.Training(ctx, in.Tenant, in.Training)
	if err != nil {
		return false, fmt.Errorf("find training %s: %w", in.Training, err)
	}
	switch {
	case training.Ended():
		return true, nil
	case !training.JobState.Ended():
		return !training.Cancelling, nil // unless it is to be cancelled, it was adopted again
	}
	return true, cl.abandon(ctx, s, training)
}
