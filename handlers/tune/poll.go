package tune

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/archive"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// Bounds of following a training.
const (
	maxLost        = 2_880 // looks in a row without an answer: a day at 30 s
	maxEvents      = 200
	maxCheckpoints = 50
)

// poller does the job that follows a training through its phases at the vendor.
type poller struct {
	trainings trainings
	bucket    blob.Bucket
	registry  registry
	deployer  *deployer
	prover    *prover
	stopper   stopper
	pollEvery time.Duration
	now       func() time.Time
}

func newPoller(d Deps) *poller {
	return &poller{
		trainings: newTrainings(d), bucket: d.Bucket, registry: newRegistry(d), deployer: newDeployer(d),
		prover: newProver(d), stopper: newStopper(d), pollEvery: d.Settings.PollEvery, now: d.Now,
	}
}

// poll looks once at a training, then at its deployment, then proves that the
// tuned weights answer. Between looks it is a row that waits.
func (p *poller) poll(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	l, err := p.trainings.trainingRun(ctx, run)
	if err != nil {
		return nil, err
	}
	if l.training.Ended() {
		return l.outcome()
	}
	switch l.spec.Phase {
	case phaseTrain:
		return p.look(ctx, l)
	case phaseDeploy:
		return p.deployer.deploy(ctx, l)
	case phaseProve:
		return p.prover.prove(ctx, l)
	}
	return nil, tasks.Fail("internal", "training %s can not be polled in the phase %q: start another",
		l.training.ID, l.spec.Phase)
}

// look asks how far the training is.
func (p *poller) look(ctx context.Context, l *trainingRun) (*tasks.End, error) {
	seen, err := l.trainer.Poll(ctx, l.spec.Vendor)
	if err != nil {
		return p.stopper.lost(ctx, l, err)
	}
	if err := l.log(ctx); err != nil {
		l.warn(p.now(), "log_unavailable", "the vendor's log can not be read", err)
	}
	l.spec.Lost = 0
	if seen, err = l.steer(ctx, seen); err != nil {
		l.warn(p.now(), "pause_refused", "the vendor does not pause or resume it yet", err)
	}
	l.note(seen)
	if !seen.State.Ended() {
		return l.followed(seen, p.pollEvery), nil
	}
	return p.trainingEnded(ctx, l, seen)
}

// steer asks the vendor for what was asked of the training, where it can be asked now: to pause, or to
// go on. It returns the training as it was seen last.
func (l *trainingRun) steer(ctx context.Context, seen providers.Training) (providers.Training, error) {
	pauser, can := l.trainer.(providers.Pauser)
	ask := func(context.Context, providers.Handle) (providers.Training, error) { return seen, nil }
	switch {
	case !can:
	case l.training.Pause == learn.PauseVendor && seen.State == providers.TrainingRunning:
		ask = pauser.Pause
	case l.training.Pause == learn.PauseResume && seen.State == providers.TrainingPaused:
		ask = pauser.Resume
	}
	asked, err := ask(ctx, seen.Handle)
	if err != nil {
		return seen, err
	}
	return asked, nil
}

// followed waits for the next look. A training that goes on needs not be resumed any more.
func (l *trainingRun) followed(seen providers.Training, pause time.Duration) *tasks.End {
	end := l.wait(pause)
	if l.training.Pause == learn.PauseResume && seen.State != providers.TrainingPaused {
		end.Write = func(ctx context.Context, q *store.Queries) error {
			if err := q.Resumed(ctx, l.training.ID); err != nil {
				return fmt.Errorf("note that the training goes on: %w", err)
			}
			return l.write(ctx, q)
		}
	}
	return end
}

// lost waits on when the vendor gave no answer: neither an outage nor a key that
// has to be renewed ends a training that was paid for. What does is the vendor's
// word that there is no such thing, or a day without an answer.
func (sp stopper) lost(ctx context.Context, l *trainingRun, err error) (*tasks.End, error) {
	failure := handlers.Failure(err)
	gone := failure.Final && failure.Code != "vendor_unavailable"
	if l.spec.Lost++; gone || l.spec.Lost > maxLost {
		return nil, sp.abort(ctx, l, failure)
	}
	return l.wait(max(sp.pollEvery, failure.After)), nil
}

// warn notes in the training's own log what the vendor refused, a warning of the given type.
func (l *trainingRun) warn(now time.Time, kind, what string, err error) {
	l.spec.Events = append(l.spec.Events[max(len(l.spec.Events)-maxEvents+1, 0):], tasks.TrainingEvent{
		Type: kind, Level: "warning", Created: now.UTC(), Message: what + ": " + handlers.Failure(err).Message,
	})
}

// note keeps what the vendor says of the training.
func (l *trainingRun) note(seen providers.Training) {
	l.training.Tokens, l.training.Cost, l.spec.Vendor = seen.Tokens, seen.Nano, seen.Handle
	switch seen.State {
	case providers.TrainingQueued:
		l.training.Status = statusQueued
	case providers.TrainingPaused:
		l.training.Status = learn.TrainingPaused
	default:
		l.training.Status = statusRunning // until the tuned weights answer
	}
}

// log stores the newest events and checkpoints for the API.
func (l *trainingRun) log(ctx context.Context) error {
	logger, ok := l.trainer.(providers.Logger)
	if !ok {
		return nil
	}
	events, err := logger.Events(ctx, l.spec.Vendor)
	if err != nil {
		return err
	}
	checkpoints, err := logger.Checkpoints(ctx, l.spec.Vendor)
	if err != nil {
		return err
	}
	l.spec.Events, l.spec.Checkpoints = nil, nil
	for _, e := range events[max(len(events)-maxEvents, 0):] {
		l.spec.Events = append(l.spec.Events, tasks.TrainingEvent(e))
	}
	for _, c := range checkpoints[max(len(checkpoints)-maxCheckpoints, 0):] {
		l.spec.Checkpoints = append(l.spec.Checkpoints, tasks.TrainingCheckpoint(c))
	}
	return nil
}

// trainingEnded settles a training that has ended. A tune goes on to deploy what
// was trained; a training alone is done.
func (p *poller) trainingEnded(ctx context.Context, l *trainingRun, seen providers.Training) (*tasks.End, error) {
	if seen.State != providers.TrainingSucceeded {
		return l.trainingFailed(ctx, seen)
	}
	if err := archive.Keep(ctx, p.bucket, l.manifest()); err != nil {
		return nil, err
	}
	if l.training.Tune == "" {
		return p.trainedAlone(l, seen)
	}
	bill := l.bill(seen)
	l.spec.Phase = phaseDeploy
	return &tasks.End{State: job.StateQueued, Write: func(ctx context.Context, q *store.Queries) error {
		if err := settle(ctx, q.Book(), bill); err != nil {
			return fmt.Errorf("settle the training: %w", err)
		}
		if err := l.stage(ctx, q.Learn(), stageDeploy); err != nil {
			return err
		}
		return l.write(ctx, q)
	}}, nil
}

// manifest describes the model that the training made.
func (l *trainingRun) manifest() archive.Manifest {
	t := l.training
	return archive.Manifest{
		Training: t.ID, Tune: t.Tune, Dataset: l.spec.Dataset, SHA256: l.spec.SHA256, Trainer: t.Provider,
		Base:     trainSpec(t, l.spec).Base,
		VendorID: t.VendorID, Suffix: t.Suffix, Method: cmp.Or(l.spec.Method, tasks.MethodSFT), Hyper: l.spec.Hyper,
	}
}

// trainedAlone registers the model of a training that a client asked for alone. It
// costs nothing to keep: it is served nowhere.
func (p *poller) trainedAlone(l *trainingRun, seen providers.Training) (*tasks.End, error) {
	bill := l.bill(seen)
	model := p.registry.model(l, cmp.Or(seen.Output, seen.ID))
	l.training.Model, l.training.Status = model.Name, learn.TrainingSucceeded
	l.spec.Phase = phaseDone
	end, err := l.outcome()
	if err != nil {
		return nil, err
	}
	end.Write = func(ctx context.Context, q *store.Queries) error {
		if err := settle(ctx, q.Book(), bill); err != nil {
			return fmt.Errorf("settle the training: %w", err)
		}
		if err := q.AddModel(ctx, model); err != nil {
			return fmt.Errorf("register model: %w", err)
		}
		return l.write(ctx, q)
	}
	return end, nil
}

// trainingFailed ends a training that its vendor ended without a model.
func (l *trainingRun) trainingFailed(ctx context.Context, seen providers.Training) (*tasks.End, error) {
	bill := l.bill(seen)
	l.training.Status = learn.TrainingFailed
	if seen.State == providers.TrainingCancelled {
		l.training.Status = learn.TrainingCancelled
	}
	l.training.Error = fmt.Sprintf("the vendor ended it as %q: %s", seen.Status, seen.Reason)
	err := l.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if err := settle(ctx, q.Book(), bill); err != nil {
			return fmt.Errorf("settle the training: %w", err)
		}
		return l.write(ctx, q)
	})
	if err != nil {
		return nil, err
	}
	return l.outcome()
}

// bill ends the training's line of spend at the vendor's total. What the vendor tells the tokens of alone
// stands at the catalogue's price of them, a success of which it tells neither at its estimate. Of a cancelled
// one that it bills without telling how much the reserved amount stays on the books.
func (l *trainingRun) bill(seen providers.Training) book.Entry {
	e := book.Entry{ID: l.spec.Entry, State: book.EntrySettled, Settled: seen.Nano, Input: seen.Tokens}
	switch {
	case seen.Nano > 0:
	case (seen.State == providers.TrainingSucceeded || seen.Charge == providers.ChargeUsage) && seen.Tokens > 0 && l.rate > 0:
		e.Settled = trainingBound(seen.Tokens, 1, l.rate)
	case seen.State == providers.TrainingSucceeded:
		e.Settled, e.Estimated = l.spec.Estimate, true
	case seen.Charge == providers.ChargeUsage || seen.Charge == providers.ChargeUnknown:
		e.State, e.Cause = book.EntryUnknown, "the vendor does not tell what it bills of it"
	default:
		e.State, e.Cause = book.EntryVoid, "not billed: "+seen.Status
	}
	return e
}
