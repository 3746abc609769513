package tune

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// source is the tuned model whose weights a tune registers at another place, and the training that made them.
type source struct {
	Model    string `json:"model"`    // provider/model
	Training string `json:"training"` // ftjob-…
}

// weights are what a training made, and the models that serve them or did.
type weights struct {
	training learn.Training
	spec     tasks.TrainingSpec
	name     string // of the base, as the trainer calls it
	forms    []learn.Model
	routed   map[string]bool // the models that the version in force of a route names
	gone     string          // why other places than the trainer can not be given them; "" where they can
}

// find returns the weights of the tuned model that a tune starts from, or says why they can not be had.
func (r *rehoster) find(ctx context.Context, c *tuneRun) (w weights, refused string, err error) {
	model, err := c.run.Store.Model(ctx, c.tune.Tenant, c.input.Model)
	if errors.Is(err, db.ErrNotFound) {
		return w, "refused: model: there is no tuned model " + c.input.Model + " any more", nil
	}
	if err != nil {
		return w, "", fmt.Errorf("find model %s: %w", c.input.Model, err)
	}
	if !model.Tainted.IsZero() {
		return w, refusedTainted, nil
	}
	if w, err = r.weightsOf(ctx, c, model); err != nil {
		return w, "", err
	}
	if !w.spec.Trained() {
		return w, fmt.Sprintf("refused: model: its training %s has made no weights: it %s", w.training.ID, w.training.Status), nil
	}
	refused, err = r.rows(ctx, c, w)
	if refused != "" || err != nil {
		return w, refused, err
	}
	if w.name, refused, err = r.baseName(ctx, w); refused != "" || err != nil {
		return w, refused, err
	}
	if w.gone, err = r.archived(ctx, w); err != nil {
		return w, "", err
	}
	if w.routed, err = routedModels(ctx, c.run.Store); err != nil {
		return w, "", err
	}
	c.state.Source = &source{model.Name, w.training.ID}
	c.state.Method, c.state.SHA256, c.state.Object, c.state.Bytes = w.spec.Method, w.spec.SHA256, w.spec.Object, w.spec.Bytes
	c.tune.Dataset = w.spec.Dataset
	return w, "", nil
}

// routedModels are the names of the tuned models that the version in force of any route names.
func routedModels(ctx context.Context, s *store.Store) (map[string]bool, error) {
	routed, err := learn.RoutedModels(ctx, &s.TuneQueries)
	if err != nil {
		return nil, fmt.Errorf("list routed models: %w", err)
	}
	names := map[string]bool{}
	for _, m := range routed {
		names[m.Name] = true
	}
	return names, nil
}

// archived says why what a training left can not be had any more: an adapter in the bucket, or weights in the trainer's cloud.
func (r *rehoster) archived(ctx context.Context, w weights) (gone string, err error) {
	trainer, err := r.pricer.vendors.Trainer(w.training.Provider)
	if err != nil {
		return "", handlers.Failure(err)
	}
	if exporter, exports := trainer.(providers.Exporter); exports {
		var files []providers.AdapterFile
		if files, err = exporter.Adapter(ctx, w.spec.Vendor); err == nil {
			return r.missing(ctx, w, files)
		}
	} else if merger, merges := trainer.(providers.Merger); merges {
		_, err = merger.Merged(ctx, w.spec.Vendor)
	}
	if err == nil {
		return "", nil
	}
	failure := handlers.Failure(err)
	if failure.Final || errors.Is(err, db.ErrNotFound) {
		return "refused: archive: what " + w.training.ID + " left can not be had: " + failure.Message, nil
	}
	return "", failure
}

// madeBy returns the training that made a tuned model's weights: another than it was registered by, where that was at
// another place.
func madeBy(ctx context.Context, s *store.Store, m learn.Model) (learn.Training, error) {
	training, err := s.Training(ctx, m.Tenant, m.Training)
	if err == nil && training.WeightsOf != "" {
		training, err = s.Training(ctx, m.Tenant, training.WeightsOf)
	}
	if err != nil {
		return training, fmt.Errorf("find the training of %s: %w", m.Name, err)
	}
	return training, nil
}

// hasWeightsOf tells whether a tune registers the weights of a model at another place.
func (c *tuneRun) hasWeightsOf(ctx context.Context, name string) (bool, error) {
	if c.state.Source == nil {
		return false, nil
	}
	model, err := c.run.Store.Model(ctx, c.tune.Tenant, name)
	if errors.Is(err, db.ErrNotFound) { // a vendor's own model
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find model %s: %w", name, err)
	}
	training, err := madeBy(ctx, c.run.Store, model)
	return training.ID == c.state.Source.Training, err
}

func (r *rehoster) weightsOf(ctx context.Context, c *tuneRun, m learn.Model) (w weights, err error) {
	training, err := madeBy(ctx, c.run.Store, m)
	if err != nil {
		return w, err
	}
	l, err := r.trainings.trainingRunOf(c.run, training)
	if err != nil {
		return w, err
	}
	w.training, w.spec = l.training, l.spec
	if w.forms, err = learn.ModelsOf(ctx, &c.run.Store.TuneQueries, m.Tenant, training.ID); err != nil {
		return w, fmt.Errorf("list the models of %s: %w", training.ID, err)
	}
	return w, nil
}

// missing says which file of an adapter the bucket has not whole.
func (r *rehoster) missing(ctx context.Context, w weights, files []providers.AdapterFile) (gone string, err error) {
	for _, f := range files {
		kept, err := r.bucket.Stat(ctx, f.Object)
		if err != nil && !errors.Is(err, db.ErrNotFound) {
			return "", fmt.Errorf("look for %s of %s: %w", f.Name, w.training.ID, err)
		}
		if err != nil || kept.Size != f.Bytes {
			return fmt.Sprintf("refused: archive: %s, which %s left, is not in the bucket any more: tune again", f.Name, w.training.ID), nil
		}
	}
	return "", nil
}

// refusedUnproved is why weights are not served elsewhere whose rows were deleted.
const refusedUnproved = "refused: proof: the rows that it learned from are gone, by which its weights would be told from its " +
	"base's: tune again"

// rows says whether the rows are gone that prove the weights, or hold what was forgotten.
func (r *rehoster) rows(ctx context.Context, c *tuneRun, w weights) (refused string, err error) {
	if w.spec.Dataset != "" {
		data, err := c.run.Store.Dataset(ctx, c.tune.Tenant, w.spec.Dataset)
		if err != nil {
			return "", fmt.Errorf("find dataset %s: %w", w.spec.Dataset, err)
		}
		switch {
		case !data.Tainted.IsZero():
			return refusedTainted, nil
		case !data.Aged.IsZero():
			return refusedUnproved, nil
		}
	}
	_, err = r.bucket.Stat(ctx, w.spec.Object)
	if errors.Is(err, db.ErrNotFound) {
		return refusedUnproved, nil
	}
	if err != nil {
		return "", fmt.Errorf("look for the rows of %s: %w", w.training.ID, err)
	}
	return "", nil
}

// baseName is the trainer's name of what was trained. A trainer that serves what it trains may serve it by another name.
func (r *rehoster) baseName(ctx context.Context, w weights) (name, refused string, err error) {
	by := w.training.Provider
	if _, err := r.pricer.vendors.Trainer(by); err != nil {
		return "", fmt.Sprintf("refused: hosting: %s has the weights and is not configured: configure it, or tune again", by), nil
	}
	name = cmp.Or(w.spec.Weights, w.training.Base)
	host, err := r.pricer.vendors.Host(by)
	if err != nil || cmp.Or(w.spec.Place, by) != by {
		return name, "", nil
	}
	served, err := host.Hosting(ctx, w.training.Base)
	if providers.KindOf(err) == providers.KindModelGone {
		return name, "", nil
	}
	if err != nil {
		return "", "", handlers.Failure(err)
	}
	return cmp.Or(served.Weights, name), "", nil
}
