package forget

import (
	"context"
	"errors"

	"dreamlab/handlers"
	"dreamlab/store/db"
)

// cleanTrainings has vendors delete the files that they trained on. A training that is under
// way still reads its file: that one goes with its end, by the reaper of tunes.
func (f *forgetter) cleanTrainings(ctx context.Context) error {
	var faults []error
	for _, id := range f.plan.Trainings {
		faults = append(faults, f.cleanTraining(ctx, id))
	}
	return errors.Join(faults...)
}

func (f *forgetter) cleanTraining(ctx context.Context, id string) error {
	t, err := f.run.Store.Training(ctx, f.run.Job.Tenant, id)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil || !t.Ended() {
		return err
	}
	trainer, err := f.Vendors.Trainer(t.Provider)
	if err != nil {
		return handlers.Failure(err)
	}
	return handlers.DropFiles(ctx, f.run.Store, trainer, t)
}
