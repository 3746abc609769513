package tune

import (
	"context"
	"fmt"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// abandon brings an abandoned training to its end at the vendor.
func (cl *cleaner) abandon(ctx context.Context, s *store.Store, training learn.Training) error {
	run := &tasks.Run{Store: s, Job: job.Job{ID: training.Job, Tenant: training.Tenant}}
	l, err := cl.trainings.trainingRunOf(run, training)
	if err != nil {
		return err
	}
	switch {
	case l.spec.Phase == phaseCreate && !l.spec.Intent.IsZero():
		return cl.abandonDoubtful(ctx, s, l)
	case l.spec.Phase == phaseTrain:
		return cl.abandonTraining(ctx, s, l)
	case l.spec.Phase == phaseDeploy && l.spec.Deployment == nil:
		return cl.abandonDeployment(ctx, s, l)
	}
	return l.markAbandoned(ctx, s, book.Entry{}) // its model, where there is one, is idle now
}

// abandonDoubtful looks for a training that may have been created.
func (cl *cleaner) abandonDoubtful(ctx context.Context, s *store.Store, l *trainingRun) error {
	if err := cl.trainings.findTrainer(l); err != nil {
		return fmt.Errorf("find training %s: %w", l.training.ID, err)
	}
	made, found, err := l.trainer.Find(ctx, trainSpec(l.training, l.spec), l.spec.Intent.Add(-clockSkew))
	if err != nil {
		return fmt.Errorf("find training %s: %w", l.training.ID, err)
	}
	if found {
		l.training.VendorID, l.spec.Vendor, l.spec.Phase = made.ID, made.Handle, phaseTrain
		return cl.abandonTraining(ctx, s, l)
	}
	if l.spec.Looks++; cl.doubt.stillDoubtful(l) {
		return l.write(ctx, s.Queries)
	}
	void := book.Entry{ID: l.spec.Entry, State: book.EntryVoid, Cause: "the vendor has no such training"}
	return l.markAbandoned(ctx, s, void)
}

// abandonTraining cancels at the vendor and settles what the vendor bills. The
// training may complete all the same: then it is billed whole and not deployed.
func (cl *cleaner) abandonTraining(ctx context.Context, s *store.Store, l *trainingRun) error {
	if err := cl.trainings.findTrainer(l); err != nil {
		return fmt.Errorf("cancel training %s: %w", l.training.ID, err)
	}
	seen, err := l.trainer.Poll(ctx, l.spec.Vendor)
	if err == nil && !seen.State.Ended() {
		seen, err = l.trainer.Cancel(ctx, l.spec.Vendor)
	}
	if err != nil {
		return fmt.Errorf("cancel training %s: %w", l.training.ID, err)
	}
	l.training.Tokens, l.training.Cost = seen.Tokens, seen.Nano
	if !seen.State.Ended() {
		return l.write(ctx, s.Queries) // the next round looks again
	}
	return l.markAbandoned(ctx, s, l.bill(seen))
}

// abandonDeployment adopts a deployment whose start may have been lost. Only starting it again
// finds it: the name is the same, so nothing is deployed twice. Its model is registered, and is
// then stopped as unused.
func (cl *cleaner) abandonDeployment(ctx context.Context, s *store.Store, l *trainingRun) error {
	host, err := cl.vendors.Host(l.place())
	if err != nil {
		return err
	}
	seen, err := cl.launcher.launch(ctx, l, host)
	if err != nil {
		return fmt.Errorf("find the deployment of %s: %w", l.training.ID, err)
	}
	l.launched(seen)
	model, err := cl.registry.register(ctx, l)
	if err != nil {
		return err
	}
	now, err := s.Now(ctx)
	if err != nil {
		return fmt.Errorf("tell the time: %w", err)
	}
	err = s.Tx(ctx, db.Synced, func(q *store.Queries) error {
		_, err := keepModel(ctx, q, &model, now)
		return err
	})
	if err != nil {
		return err
	}
	l.training.Model = model.Name
	return l.markAbandoned(ctx, s, book.Entry{})
}

// markAbandoned ends the training's row as its job ended, and its line of spend
// where there is one to end.
func (l *trainingRun) markAbandoned(ctx context.Context, s *store.Store, bill book.Entry) error {
	l.training.Status, l.training.Error = l.training.EndedWithJob()
	return s.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if bill.ID != "" {
			if err := settle(ctx, q.Book(), bill); err != nil {
				return fmt.Errorf("settle the training: %w", err)
			}
		}
		return l.write(ctx, q)
	})
}
