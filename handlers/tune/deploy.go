package tune

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// deploy serves the tuned model without traffic and waits until it is ready.
func (t *tuner) deploy(ctx context.Context, l *trainingRun) (*tasks.End, error) {
	host, err := t.Vendors.Host(l.training.Provider)
	if err != nil {
		return nil, t.abort(ctx, l, handlers.Failure(err))
	}
	if l.spec.Deployment == nil {
		return t.launch(ctx, l, host)
	}
	seen, err := host.Deployment(ctx, l.spec.Deployment)
	if err != nil {
		return t.lost(ctx, l, err)
	}
	l.spec.Lost = 0
	switch seen.State {
	case providers.DeploymentReady:
		return l.next(phaseProve), nil
	case providers.DeploymentFailed, providers.DeploymentStopped, providers.DeploymentStopping:
		why := tasks.Fail("vendor_unavailable", "the deployment is %s: %s", seen.State, seen.Message)
		return nil, t.abort(ctx, l, why)
	}
	return l.wait(t.Settings.PollEvery), nil
}

// launch starts the deployment. Its name follows from the training's, so that a
// repetition adopts what is there; the phase that was stored before is the intent.
func (t *tuner) launch(ctx context.Context, l *trainingRun, host providers.Host) (*tasks.End, error) {
	seen, err := host.Deploy(ctx, deploySpec(l))
	if err != nil {
		return t.lost(ctx, l, err)
	}
	tasks.Point("deployed")
	l.spec.Lost = 0
	l.launched(seen)
	model, err := t.register(ctx, l)
	if err != nil {
		return nil, err
	}
	l.training.Model = model.Name
	end := l.wait(t.Settings.PollEvery)
	end.Write = func(ctx context.Context, q *store.Queries) error {
		if err := q.AddModel(ctx, model); err != nil {
			return fmt.Errorf("register model: %w", err)
		}
		if err := q.AddEntry(ctx, hostingHour(model, l.training.Job, 1)); err != nil {
			return fmt.Errorf("book hosting: %w", err)
		}
		return l.write(ctx, q)
	}
	return end, nil
}

func (l *trainingRun) launched(seen providers.Deployment) {
	l.spec.Deployment, l.spec.Direct, l.spec.NanoPerHour = seen.Handle, seen.Direct, seen.NanoPerHour
}

func deploySpec(l *trainingRun) providers.DeploySpec {
	return providers.DeploySpec{Name: l.training.Suffix, Trained: l.spec.Vendor, Base: l.training.Base}
}

// register names the tuned model as a candidate, by the name that does not depend
// on traffic.
func (t *tuner) register(ctx context.Context, l *trainingRun) (learn.Model, error) {
	m := t.model(l, l.spec.Direct)
	m.Handle, m.State, m.NanoPerHour = l.spec.Deployment, learn.ModelCandidate, l.spec.NanoPerHour
	tune, err := l.run.Store.Tune(ctx, m.Tenant, m.Tune)
	if err != nil {
		return m, fmt.Errorf("find tune %s: %w", m.Tune, err)
	}
	m.Alias = tune.Alias
	return m, nil
}

// model is what is known of a training's model, under a vendor's name for it.
func (t *tuner) model(l *trainingRun, name string) learn.Model {
	return learn.Model{
		Name: l.training.Provider + "/" + name, Tenant: l.training.Tenant, Provider: l.training.Provider,
		Base: l.training.Provider + "/" + l.training.Base, Tune: l.training.Tune, Training: l.training.ID,
		State: learn.ModelTrained, Priced: cmp.Or(t.Settings.Priced, l.training.Base),
	}
}

// abort ends a training for good and takes down what was deployed for it. What
// can not be stopped now is stopped by Reap: its model stays a candidate.
func (t *tuner) abort(ctx context.Context, l *trainingRun, failure *tasks.Failure) error {
	if l.spec.Deployment == nil {
		return l.fail(ctx, failure)
	}
	model, err := l.run.Store.Model(ctx, l.training.Tenant, l.training.Model)
	if err == nil {
		_, err = t.stopModel(ctx, l.run.Store, model)
	}
	failure.Err = errors.Join(failure.Err, err)
	return l.fail(ctx, failure)
}

// stopModel asks the vendor to stop a model's deployment and tells whether it has.
func (t *tuner) stopModel(ctx context.Context, s *store.Store, m learn.Model) (stopped bool, err error) {
	host, err := t.Vendors.Host(m.Provider)
	if err != nil {
		return false, err
	}
	seen, err := host.Stop(ctx, m.Handle)
	if err != nil {
		return false, fmt.Errorf("stop %s: %w", m.Name, err)
	}
	if seen.State != providers.DeploymentStopped && seen.State != providers.DeploymentFailed {
		return false, nil
	}
	if err := t.bookHosting(ctx, s, m); err != nil {
		return false, err
	}
	if err := s.SetModelState(ctx, m.Name, learn.ModelStopped); err != nil {
		return false, fmt.Errorf("note that %s stopped: %w", m.Name, err)
	}
	return true, nil
}
