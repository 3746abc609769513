package tune

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"dreamlab/store"
	"dreamlab/tasks"
)

// maxReaped bounds one round of Reap.
const maxReaped = 50

// Reaped is what one round of Reap came to.
type Reaped struct {
	Trainings int `json:"trainings"` // abandoned trainings that were looked after
	Models    int `json:"models"`    // deployments that nobody uses and that are stopped now
	Hours     int `json:"hours"`     // hours of hosting that were written to the books
}

// Reap ends what costs money for nobody, and writes hosting to the books. A
// cancelled tune ends here at its vendor: its training is cancelled, its
// deployment stopped. It is called on every tick; repeating it is harmless, and
// what fails is tried again by the next round. The error joins all that failed.
func Reap(ctx context.Context, s *store.Store, d Deps) (Reaped, error) {
	t := newTuner(d)
	var out Reaped
	left, err := s.AbandonedTrainings(ctx, maxReaped)
	faults := []error{err}
	for _, training := range left {
		faults = append(faults, t.abandon(ctx, s, training))
		out.Trainings++
	}
	out.Hours, err = t.bookAll(ctx, s)
	faults = append(faults, err)
	idle, err := s.IdleModels(ctx, maxReaped)
	faults = append(faults, err)
	for _, model := range idle {
		stopped, err := t.stopModel(ctx, s, model)
		faults = append(faults, err)
		out.Models += one(stopped)
	}
	if err := errors.Join(faults...); err != nil {
		return out, fmt.Errorf("reap: %w", err)
	}
	return out, nil
}

// abandon brings an abandoned training to its end at the vendor.
func (t *tuner) abandon(ctx context.Context, s *store.Store, training store.Training) error {
	run := &tasks.Run{Store: s, Job: store.Job{ID: training.Job, Tenant: training.Tenant}}
	l, err := t.trainingRunOf(run, training)
	if err != nil {
		return err
	}
	switch l.spec.Phase {
	case phaseCreate:
		return t.abandonDoubtful(ctx, s, l)
	case phaseTrain:
		return t.abandonTraining(ctx, s, l)
	case phaseDeploy:
		if l.spec.Handle == "" {
			return t.abandonDeployment(ctx, s, l)
		}
	}
	return l.markAbandoned(ctx, s, store.Entry{}) // its model, where there is one, is idle now
}

// abandonDoubtful looks for a training that may have been created.
func (t *tuner) abandonDoubtful(ctx context.Context, s *store.Store, l *trainingRun) error {
	if l.spec.Intent.IsZero() {
		return l.markAbandoned(ctx, s, store.Entry{})
	}
	made, found, err := l.trainer.Find(ctx, trainSpec(l.training, l.spec), l.spec.Intent.Add(-clockSkew))
	if err != nil {
		return fmt.Errorf("find training %s: %w", l.training.ID, err)
	}
	if found {
		l.training.VendorID, l.spec.Phase = made.ID, phaseTrain
		return t.abandonTraining(ctx, s, l)
	}
	if l.spec.Looks++; l.spec.Looks < enoughLooks {
		return l.write(ctx, s.Queries)
	}
	void := store.Entry{ID: l.spec.Entry, State: store.EntryVoid, Cause: "the vendor has no such training"}
	return l.markAbandoned(ctx, s, void)
}

// abandonTraining cancels at the vendor and settles what the vendor bills. The
// training may complete all the same: then it is billed whole and not deployed.
func (t *tuner) abandonTraining(ctx context.Context, s *store.Store, l *trainingRun) error {
	seen, err := l.trainer.Training(ctx, l.training.VendorID)
	if err == nil && !seen.State.Ended() {
		seen, err = l.trainer.CancelTraining(ctx, l.training.VendorID)
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

// abandonDeployment takes up a deployment whose start may have been lost. Only
// starting it again finds it: the name is the same, so nothing is deployed
// twice. Its model is registered, and then is one that nobody uses.
func (t *tuner) abandonDeployment(ctx context.Context, s *store.Store, l *trainingRun) error {
	host, err := t.Vendors.Host(l.training.Provider)
	if err != nil {
		return err
	}
	seen, err := host.Deploy(ctx, deploySpec(l))
	if err != nil {
		return fmt.Errorf("find the deployment of %s: %w", l.training.ID, err)
	}
	l.launched(seen)
	model, err := t.register(ctx, l)
	if err != nil {
		return err
	}
	if err := s.AddModel(ctx, model); err != nil {
		return fmt.Errorf("register model: %w", err)
	}
	l.training.Model = model.Name
	return l.markAbandoned(ctx, s, store.Entry{})
}

// markAbandoned ends the training's row, and its line of spend where there is one to end.
func (l *trainingRun) markAbandoned(ctx context.Context, s *store.Store, bill store.Entry) error {
	l.training.Status, l.training.Error = statusCancelled, "its job ended before it did"
	return s.Tx(ctx, store.Synced, func(q *store.Queries) error {
		if bill.ID != "" {
			if err := settle(ctx, q, bill); err != nil {
				return fmt.Errorf("settle the training: %w", err)
			}
		}
		return l.write(ctx, q)
	})
}

// bookAll writes the hours that each deployment has begun.
func (t *tuner) bookAll(ctx context.Context, s *store.Store) (int, error) {
	var models []store.Model
	err := s.HostedModels(ctx, func(m store.Model) error {
		models = append(models, m) // a few: each costs dollars an hour
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("list hosted models: %w", err)
	}
	hours := 0
	for _, m := range models {
		n, err := t.book(ctx, s, m)
		hours += n
		if err != nil {
			return hours, err
		}
	}
	return hours, nil
}

func (t *tuner) bookHosting(ctx context.Context, s *store.Store, m store.Model) error {
	_, err := t.book(ctx, s, m)
	return err
}

// maxHours bounds the hours that are booked at once.
const maxHours = 1_000

// book writes the hours that a deployment has begun and that are not on the
// books yet. An hour's id follows from the model and its number, so that two
// who book at once write it once.
func (t *tuner) book(ctx context.Context, s *store.Store, m store.Model) (int, error) {
	known, err := s.HostedHours(ctx, m)
	if err != nil {
		return 0, fmt.Errorf("count hours of %s: %w", m.Name, err)
	}
	training, err := s.Training(ctx, m.Tenant, m.Training)
	if err != nil {
		return 0, fmt.Errorf("find the training of %s: %w", m.Name, err)
	}
	now, err := s.Now(ctx)
	if err != nil {
		return 0, fmt.Errorf("tell the time: %w", err)
	}
	begun := int(now.Sub(m.Created)/time.Hour) + 1
	n := 0
	for hour := known + 1; hour <= min(begun, known+maxHours); hour++ {
		err := s.AddEntry(ctx, hostingHour(m, training.Job, hour))
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return n, fmt.Errorf("book hosting of %s: %w", m.Name, err)
		}
		n++
	}
	return n, nil
}

// hostingHour is the line of spend of one hour that a model was served. A begun
// hour counts whole: a bound, since vendors bill by the minute.
func hostingHour(m store.Model, job string, hour int) store.Entry {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", m.Tenant, m.Name, hour))
	return store.Entry{
		ID: "ent_" + hex.EncodeToString(sum[:])[:32], Tenant: m.Tenant, Job: job, Step: "host", Number: hour,
		Purpose: purposeHost, Provider: m.Provider, Model: m.Name[len(m.Provider)+1:],
		State: store.EntrySettled, Settled: m.NanoPerHour,
	}
}
