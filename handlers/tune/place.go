package tune

import (
	"context"
	"errors"
	"time"

	"dreamlab/handlers/tune/hosting"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// hosts are the vendors that serve, as the hours of hosting need them.
type hosts struct {
	vendors   Vendors
	trainings trainings
	launcher  launcher
}

func newKeeper(d Deps) *hosting.Keeper {
	return &hosting.Keeper{
		Places: hosts{d.Vendors, newTrainings(d), launcher{d.Vendors, d.Bucket}}, Hours: d.Settings.Hours, Left: d.Caller.BudgetLeft,
	}
}

// Start deploys what the model's training made once more: its names follow from the training's.
func (p hosts) Start(ctx context.Context, s *store.Store, m learn.Model) (providers.Deployment, error) {
	training, err := s.Training(ctx, m.Tenant, m.Training)
	if err != nil {
		return providers.Deployment{}, err
	}
	l, err := p.trainings.trainingRunOf(&tasks.Run{Store: s, Job: job.Job{ID: training.Job, Tenant: m.Tenant}}, training)
	if err != nil {
		return providers.Deployment{}, err
	}
	host, err := p.vendors.Host(m.Provider)
	if err != nil {
		return providers.Deployment{}, err
	}
	return p.launcher.launch(ctx, l, host)
}

// Serve puts a deployment on the terms of service.
func (p hosts) Serve(ctx context.Context, m *learn.Model) error {
	host, err := p.vendors.Host(m.Provider)
	if err != nil {
		return err
	}
	return inService(ctx, host, m)
}

// Look polls.
func (p hosts) Look(ctx context.Context, m learn.Model) (providers.Deployment, error) {
	host, err := p.vendors.Host(m.Provider)
	if err != nil {
		return providers.Deployment{}, err
	}
	return host.Deployment(ctx, m.Handle)
}

// Stop ends the cost.
func (p hosts) Stop(ctx context.Context, m learn.Model) (providers.Deployment, error) {
	host, err := p.vendors.Host(m.Provider)
	if err != nil {
		return providers.Deployment{}, err
	}
	return host.Stop(ctx, m.Handle)
}

// usualCold is how long a start takes where its vendor does not say.
const usualCold = 10 * time.Minute

// Cold is what the vendor says of the model's base.
func (p hosts) Cold(ctx context.Context, m learn.Model) (time.Duration, error) {
	host, err := p.vendors.Host(m.Provider)
	if err != nil {
		return 0, err
	}
	base, err := parseTarget(m.Base)
	if err != nil {
		return 0, err
	}
	served, err := host.Hosting(ctx, base.Model)
	var told *providers.Error
	if errors.As(err, &told) && told.Kind == providers.KindModelGone || err == nil && served.Cold == 0 {
		return usualCold, nil
	}
	return served.Cold, err
}
