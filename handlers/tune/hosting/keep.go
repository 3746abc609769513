// Package hosting is the room of what serves tuned models by the hour: it starts their deployments
// ahead of the hours of hosting, stops them behind those and where the budget has no hour left, starts
// again what its vendor ended, and books each hour that a deployment runs.
//
// What stands in for a model that does not run is in its alias's route.
package hosting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// Places are the vendors that serve tuned models. Each method is one attempt, and may be repeated.
type Places interface {
	// Start starts a model's deployment again.
	Start(ctx context.Context, s *store.Store, m learn.Model) (providers.Deployment, error)
	// Serve puts a deployment that is ready on the terms of service. It sets what an hour costs.
	Serve(ctx context.Context, m *learn.Model) error
	// Look tells how a deployment is.
	Look(ctx context.Context, m learn.Model) (providers.Deployment, error)
	// Stop ends the cost.
	Stop(ctx context.Context, m learn.Model) (providers.Deployment, error)
	// Cold is how long a start of a model takes, by its vendor's word.
	Cold(ctx context.Context, m learn.Model) (time.Duration, error)
}

// Keeper has the deployments run that routes need, when they need them. Any number may run at once.
type Keeper struct {
	Places Places
	Hours  Hours
	// Left is what a tenant may still spend on hosting, nano-dollars, and false where nothing caps it.
	Left func(ctx context.Context, q *book.Queries, of book.Entry) (nano int64, capped bool, err error)
}

// lastMinutes of an hour that is paid are those in which the next one is decided on: a stop takes some.
const lastMinutes = 10 * time.Minute

// Keep looks once at each model that a route names. A failure does not stop the rest.
func (k *Keeper) Keep(ctx context.Context, s *store.Store) error {
	models, err := learn.RoutedModels(ctx, &s.TuneQueries)
	if err != nil {
		return fmt.Errorf("list routed models: %w", err)
	}
	var faults []error
	for _, m := range models {
		if err := k.keep(ctx, s, m); err != nil && !errors.Is(err, db.ErrConflict) { // a conflict: another has done it
			faults = append(faults, fmt.Errorf("host %s: %w", m.Name, err))
		}
	}
	return errors.Join(faults...)
}

func (k *Keeper) keep(ctx context.Context, s *store.Store, m learn.Model) error {
	now, err := s.Now(ctx)
	if err != nil {
		return fmt.Errorf("tell the time: %w", err)
	}
	why, err := k.closed(ctx, s, m, now)
	if err != nil {
		return err
	}
	runs := m.State == learn.ModelServing || m.State == learn.ModelStarting
	switch {
	case runs && why != "":
		return k.stop(ctx, s, m, why)
	case runs:
		return k.look(ctx, s, m, now)
	case why == "":
		return k.start(ctx, s, m, now)
	case m.State != why:
		return learn.MoveModel(ctx, &s.TuneQueries, m, why)
	}
	return nil
}

// closed says why a model is not to run now, as the state that it has then, or is "".
func (k *Keeper) closed(ctx context.Context, s *store.Store, m learn.Model, now time.Time) (string, error) {
	if m.NanoPerHour == 0 {
		return "", nil // it costs nothing while nobody asks it
	}
	left, capped, err := k.Left(ctx, s.Book(), book.Entry{Tenant: m.Tenant, Purpose: Purpose, Provider: m.Provider})
	if err != nil {
		return "", err
	}
	if capped && (left < 0 || left < m.NanoPerHour && needsHour(m, now)) {
		return learn.ModelCapped, nil
	}
	if k.Hours.Open(now) || k.Hours.Open(now.Add(m.Cold)) {
		return "", nil
	}
	examining, err := learn.Examining(ctx, &s.TuneQueries, m.Tenant, m.Alias)
	if err != nil || examining {
		return "", err // what serves has to answer the exam
	}
	return learn.ModelAsleep, nil
}

// needsHour tells whether a model needs an hour that is not paid yet.
func needsHour(m learn.Model, now time.Time) bool {
	runs := m.State == learn.ModelServing || m.State == learn.ModelStarting
	return !runs || now.Sub(m.Started)%time.Hour >= time.Hour-lastMinutes
}

// start starts a deployment again, and books its first hour. One that learned from what was forgotten
// since stays stopped.
func (k *Keeper) start(ctx context.Context, s *store.Store, m learn.Model, now time.Time) error {
	if m.State == learn.ModelStopped && !m.Tainted.IsZero() {
		return nil
	}
	training, err := s.Training(ctx, m.Tenant, m.Training)
	if err != nil {
		return fmt.Errorf("find its training: %w", err)
	}
	seen, err := k.Places.Start(ctx, s, m)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	m.Handle = seen.Handle
	return s.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if err := learn.StartModel(ctx, &q.TuneQueries, m, now); err != nil {
			return err
		}
		m.Started = now
		return q.AddEntry(ctx, Hour(m, training.Job, 1))
	})
}

// look has a model serve once its deployment is ready, and notes where its vendor has ended it.
func (k *Keeper) look(ctx context.Context, s *store.Store, m learn.Model, now time.Time) error {
	if m.State == learn.ModelServing && m.Window > 0 {
		return nil // it ends by itself and is started by who asks it: a look may start it, too
	}
	seen, err := k.Places.Look(ctx, m)
	if err != nil {
		return fmt.Errorf("look: %w", err)
	}
	switch seen.State {
	case providers.DeploymentReady:
		if m.State == learn.ModelServing {
			return nil
		}
		if err := k.Places.Serve(ctx, &m); err != nil {
			return fmt.Errorf("put into service: %w", err)
		}
		m.Cold = now.Sub(m.Started)
		return learn.MoveModel(ctx, &s.TuneQueries, m, learn.ModelServing)
	case providers.DeploymentStopped, providers.DeploymentFailed:
		return k.stop(ctx, s, m, learn.ModelAsleep) // the next round starts it
	}
	return nil
}

// stop asks the vendor to stop a deployment. The model has the state once it has stopped; until then its
// hours go on.
func (k *Keeper) stop(ctx context.Context, s *store.Store, m learn.Model, state string) error {
	if m.Cold == 0 {
		var err error
		if m.Cold, err = k.Places.Cold(ctx, m); err != nil {
			return fmt.Errorf("ask what a start takes: %w", err)
		}
	}
	seen, err := k.Places.Stop(ctx, m)
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	if seen.State != providers.DeploymentStopped && seen.State != providers.DeploymentFailed {
		return nil
	}
	if _, err := BookHours(ctx, s, m); err != nil {
		return err
	}
	return learn.MoveModel(ctx, &s.TuneQueries, m, state)
}
