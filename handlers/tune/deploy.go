package tune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/hosting"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// deployer does the phase of a training that serves its model.
type deployer struct {
	vendors   Vendors
	registry  registry
	launcher  launcher
	stopper   stopper
	pollEvery time.Duration
}

func newDeployer(d Deps) *deployer {
	return &deployer{
		vendors: d.Vendors, registry: newRegistry(d), launcher: launcher{d.Vendors, d.Bucket}, stopper: newStopper(d),
		pollEvery: d.Settings.PollEvery,
	}
}

// deploy serves the tuned model without traffic and waits until it is ready.
func (d *deployer) deploy(ctx context.Context, l *trainingRun) (*tasks.End, error) {
	host, err := d.vendors.Host(l.place())
	if err != nil {
		return nil, d.stopper.abort(ctx, l, handlers.Failure(err))
	}
	if l.spec.Deployment == nil {
		return d.launch(ctx, l, host)
	}
	seen, err := host.Deployment(ctx, l.spec.Deployment)
	if err != nil {
		return d.stopper.lost(ctx, l, err)
	}
	l.spec.Lost = 0
	switch seen.State {
	case providers.DeploymentReady:
		return l.next(phaseProve), nil
	case providers.DeploymentFailed, providers.DeploymentStopped, providers.DeploymentStopping:
		why := tasks.Fail("vendor_unavailable", "the deployment is %s: %s", seen.State, seen.Message)
		return nil, d.stopper.abort(ctx, l, why)
	}
	return l.wait(d.pollEvery), nil
}

// launch starts the deployment. Its name follows from the training's, so that a
// repetition adopts what is there; the phase that was stored before is the intent.
func (d *deployer) launch(ctx context.Context, l *trainingRun, host providers.Host) (*tasks.End, error) {
	seen, err := d.launcher.launch(ctx, l, host)
	if err != nil {
		return d.stopper.lost(ctx, l, err)
	}
	tasks.Point("deployed")
	l.spec.Lost = 0
	l.launched(seen)
	model, err := d.registry.register(ctx, l)
	if err != nil {
		return nil, err
	}
	l.training.Model = model.Name
	now, err := l.run.Store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("tell the time: %w", err)
	}
	end := l.wait(d.pollEvery)
	end.Write = func(ctx context.Context, q *store.Queries) error {
		running, err := keepModel(ctx, q, &model, now)
		if err != nil {
			return err
		}
		if !running {
			if err := q.AddEntry(ctx, hosting.Hour(model, l.training.Job, 1)); err != nil {
				return fmt.Errorf("book hosting: %w", err)
			}
		}
		return l.write(ctx, q)
	}
	return end, nil
}

// keepModel registers a candidate. One that is registered already, since its weights were served at that place before, is
// the candidate of this tune from now on; running tells that it has been hosted all the while, so that its hours are booked.
func keepModel(ctx context.Context, q *store.Queries, m *learn.Model, now time.Time) (running bool, err error) {
	was, err := learn.ReviveModel(ctx, &q.TuneQueries, *m, now)
	switch {
	case err == nil:
		m.Started = now
		return was.Hosted(), nil
	case !errors.Is(err, db.ErrNotFound):
		return false, fmt.Errorf("register model %s again: %w", m.Name, err)
	}
	if err := q.AddModel(ctx, *m); err != nil {
		return false, fmt.Errorf("register model: %w", err)
	}
	return false, nil
}

func (l *trainingRun) launched(seen providers.Deployment) {
	l.spec.Deployment, l.spec.Direct = seen.Handle, seen.Direct
	l.spec.NanoPerHour, l.spec.PerToken, l.spec.Window = seen.NanoPerHour, seen.PerToken, seen.Window
}

// place is the vendor that serves what the training makes.
func (l *trainingRun) place() string { return cmp.Or(l.spec.Place, l.training.Provider) }

// launcher starts deployments.
type launcher struct {
	vendors Vendors
	bucket  blob.Bucket
}

// launch starts the deployment of what a training made, or finds it. Where another vendor serves
// than trained it is brought the adapter first.
func (la launcher) launch(ctx context.Context, l *trainingRun, host providers.Host) (providers.Deployment, error) {
	spec := providers.DeploySpec{Name: l.training.Suffix, Trained: l.spec.Vendor, Base: l.training.Base}
	if l.place() == l.training.Provider {
		return host.Deploy(ctx, spec)
	}
	trainer, err := la.vendors.Trainer(l.training.Provider)
	if err != nil {
		return providers.Deployment{}, err
	}
	if spec.Trained, err = la.bring(ctx, l, trainer, host); err != nil {
		return providers.Deployment{}, err
	}
	return host.Deploy(ctx, spec)
}

// bring has a host take over what another vendor trained: its adapter, or its whole weights.
func (la launcher) bring(ctx context.Context, l *trainingRun, trainer providers.Trainer, host providers.Host) (
	providers.Handle, error,
) {
	exporter, exports := trainer.(providers.Exporter)
	importer, imports := host.(providers.Importer)
	if exports && imports {
		files, err := exporter.Adapter(ctx, l.spec.Vendor)
		if err != nil {
			return nil, err
		}
		return importer.Import(ctx, providers.Adapter{
			Name: l.training.Suffix, Base: l.training.Base, Files: files, Open: la.bucket.Open,
		})
	}
	merger, merges := trainer.(providers.Merger)
	taker, whole := host.(providers.WeightsImporter)
	if !merges || !whole {
		return nil, tasks.Fail("model_not_found", "%s does not serve what %s trains: start another tune", l.place(), l.training.Provider)
	}
	uri, err := merger.Merged(ctx, l.spec.Vendor)
	if err != nil {
		return nil, err
	}
	return taker.ImportWeights(ctx, providers.Weights{Name: l.training.Suffix, Base: l.training.Base, URI: uri})
}

// registry describes tuned models as they are registered.
type registry struct {
	priced string // whose token prices hold for them; "" is their base's
}

func newRegistry(d Deps) registry { return registry{priced: d.Settings.Priced} }

// register names the tuned model as a candidate, by the name that does not depend
// on traffic.
func (r registry) register(ctx context.Context, l *trainingRun) (learn.Model, error) {
	m := r.model(l, l.spec.Direct)
	m.Handle, m.State = l.spec.Deployment, learn.ModelCandidate
	m.NanoPerHour, m.PerToken, m.Window = l.spec.NanoPerHour, l.spec.PerToken, l.spec.Window
	tune, err := l.run.Store.Tune(ctx, m.Tenant, m.Tune)
	if err != nil {
		return m, fmt.Errorf("find tune %s: %w", m.Tune, err)
	}
	m.Alias = tune.Alias
	return m, nil
}

// model is what is known of a training's model, under a vendor's name for it.
func (r registry) model(l *trainingRun, name string) learn.Model {
	return learn.Model{
		Name: l.place() + "/" + name, Tenant: l.training.Tenant, Provider: l.place(),
		Base: l.place() + "/" + l.training.Base, Tune: l.training.Tune, Training: l.training.ID,
		State: learn.ModelTrained, Priced: cmp.Or(r.priced, l.training.Base),
	}
}

// stopper ends what can not go on, and takes down what was deployed for it.
type stopper struct {
	vendors   Vendors
	pollEvery time.Duration
}

func newStopper(d Deps) stopper { return stopper{vendors: d.Vendors, pollEvery: d.Settings.PollEvery} }

// abort ends a training for good and takes down what was deployed for it. What
// can not be stopped now is stopped by Reap: its model stays a candidate.
func (sp stopper) abort(ctx context.Context, l *trainingRun, failure *tasks.Failure) error {
	if l.spec.Deployment == nil {
		return l.fail(ctx, failure)
	}
	model, err := l.run.Store.Model(ctx, l.training.Tenant, l.training.Model)
	if err == nil {
		_, err = sp.stopModel(ctx, l.run.Store, model)
	}
	failure.Err = errors.Join(failure.Err, err)
	return l.fail(ctx, failure)
}

// stopModel asks the vendor to stop a model's deployment and tells whether it has.
func (sp stopper) stopModel(ctx context.Context, s *store.Store, m learn.Model) (stopped bool, err error) {
	host, err := sp.vendors.Host(m.Provider)
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
	if _, err := hosting.BookHours(ctx, s, m); err != nil {
		return false, err
	}
	if err := s.SetModelState(ctx, m.Name, learn.ModelStopped); err != nil {
		return false, fmt.Errorf("note that %s stopped: %w", m.Name, err)
	}
	return true, nil
}
