package tune

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/tasks"
)

// How a creation whose answer was lost is looked for: the vendor's list may be
// behind, and the request may still be on its way, so the list is asked some
// times, a poll apart, and for some time, before the training is taken for not
// created.
const (
	enoughLooks = 3
	doubtPolls  = 20 // pauses between looks: ten minutes by default
)

// maxPollers bounds how often a poller that broke is replaced.
const maxPollers = 3

// starter does the job of a training: it uploads the file and creates the training.
type starter struct {
	caller    *handlers.Caller
	bucket    blob.Bucket
	trainings trainings
	prices    priceList
	stopper   stopper
	doubt     doubt
	pollEvery time.Duration
	now       func() time.Time
}

func newStarter(d Deps) *starter {
	return &starter{
		caller: d.Caller, bucket: d.Bucket, trainings: newTrainings(d), prices: newPriceList(d),
		stopper: newStopper(d), doubt: newDoubt(d), pollEvery: d.Settings.PollEvery, now: d.Now,
	}
}

// start takes a training from its file to its creation, then waits for it. It is
// the training's own job: what it answers is what the training came to.
func (s *starter) start(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	l, err := s.trainings.trainingRun(ctx, run)
	if err != nil {
		return nil, err
	}
	if l.training.Ended() {
		return l.outcome()
	}
	if l.training.Pause == learn.PauseHeld {
		return l.wait(s.pollEvery), nil
	}
	switch l.spec.Phase {
	case "":
		return s.upload(ctx, l)
	case phaseFile:
		return s.validated(ctx, l)
	case phaseCreate:
		return s.create(ctx, l)
	}
	return s.await(ctx, l)
}

// errHeld says that a training was paused before its vendor heard of it.
var errHeld = errors.New("the training is held")

// upload brings the files to the vendor, unless they are there already. A vendor
// that takes no uploads reads them elsewhere.
func (s *starter) upload(ctx context.Context, l *trainingRun) (*tasks.End, error) {
	filer, ok := l.trainer.(providers.Filer)
	if !ok {
		return l.next(phaseCreate), nil
	}
	id, err := s.bring(ctx, filer, rows{l.spec.SHA256, l.spec.Bytes, l.spec.Object})
	if v := l.spec.Validation; err == nil && v != nil {
		v.FileID, err = s.bring(ctx, filer, rows{v.SHA256, v.Bytes, v.Object})
	}
	if err != nil {
		return nil, l.vendorFailed(ctx, err)
	}
	l.spec.FileID = id
	return l.next(phaseFile), nil
}

// rows are a file of rows in the bucket.
type rows struct {
	sha256 string
	bytes  int64
	object string
}

// bring uploads a file unless the vendor has it, and returns the vendor's id.
func (s *starter) bring(ctx context.Context, filer providers.Filer, r rows) (string, error) {
	name := r.sha256 + ".jsonl"
	file, found, err := filer.FindFile(ctx, name)
	if err == nil && !found {
		file, err = filer.Upload(ctx, providers.Upload{
			Name: name, Size: r.bytes,
			Open: func() (io.ReadCloser, error) { return openRows(ctx, s.bucket, r.object) },
		})
	}
	return file.ID, err
}

// openRows opens a training file as it was measured when the training was asked for.
func openRows(ctx context.Context, bucket blob.Bucket, object string) (io.ReadCloser, error) {
	file, err := bucket.Open(ctx, object)
	if err != nil {
		return nil, fmt.Errorf("open training file: %w", err)
	}
	return tasks.CleanTrainingFile(file), nil
}

// validated waits until the vendor has read the files.
func (s *starter) validated(ctx context.Context, l *trainingRun) (*tasks.End, error) {
	filer, ok := l.trainer.(providers.Filer)
	if !ok {
		return l.next(phaseCreate), nil
	}
	files := map[string]string{"training": l.spec.FileID}
	if l.spec.Validation != nil {
		files["validation"] = l.spec.Validation.FileID
	}
	for what, id := range files {
		file, err := filer.File(ctx, id)
		switch {
		case err != nil:
			return nil, l.vendorFailed(ctx, err)
		case file.Invalid != "":
			why := tasks.Fail("invalid_request", "the vendor refuses the %s file: %s", what, file.Invalid)
			return nil, l.fail(ctx, why)
		case !file.Ready:
			return l.wait(s.pollEvery), nil
		}
	}
	return l.next(phaseCreate), nil
}

// create starts the training at the vendor, once.
func (s *starter) create(ctx context.Context, l *trainingRun) (*tasks.End, error) {
	spec := trainSpec(l.training, l.spec)
	if !l.spec.Intent.IsZero() {
		return s.adopt(ctx, l, spec)
	}
	if err := s.vendorGate(ctx, l, spec); err != nil {
		return nil, err
	}
	err := s.intend(ctx, l)
	if errors.Is(err, errHeld) {
		return l.next(phaseCreate), nil
	}
	if err != nil {
		return nil, err
	}
	tasks.Point("creating")
	made, err := l.trainer.Start(ctx, spec)
	if err == nil {
		tasks.Point("created")
		return l.created(made), nil
	}
	if doubtful(err) {
		return l.wait(s.pollEvery), nil
	}
	return nil, l.refusedCreation(ctx, err)
}

// doubtful tells whether a creation that failed may have happened.
func doubtful(err error) bool {
	var e *providers.Error
	if !errors.As(err, &e) {
		return true
	}
	switch e.Kind {
	case providers.KindServer, providers.KindUnreadable, providers.KindTimeout, providers.KindTruncated,
		providers.KindCancelled:
		return true
	}
	return e.Charge != providers.ChargeNone
}

// vendorGate lets the price of the training pass or not: the vendor's own estimate,
// or else the catalogue's.
func (s *starter) vendorGate(ctx context.Context, l *trainingRun, spec providers.TrainSpec) error {
	nano, err := s.estimate(ctx, l, spec)
	if err != nil {
		return err
	}
	maxCost, err := s.trainingCap(ctx, l)
	if err != nil {
		return err
	}
	if maxCost > 0 && nano > maxCost {
		return l.fail(ctx, tasks.Fail("insufficient_quota",
			"refused: budget: training would cost $%s, $%s are left for it",
			money.USD(nano), money.USD(maxCost)))
	}
	l.spec.Estimate = nano
	return nil
}

func (s *starter) estimate(ctx context.Context, l *trainingRun, spec providers.TrainSpec) (int64, error) {
	estimator, ok := l.trainer.(providers.Estimator)
	if !ok {
		return s.trainingBound(ctx, l, spec)
	}
	estimate, err := estimator.Estimate(ctx, spec)
	switch {
	case err != nil:
		return 0, l.vendorFailed(ctx, err)
	case !estimate.Available:
		return 0, &tasks.Failure{
			Code: "vendor_unavailable", Message: "the vendor has no estimate yet: " + estimate.Reason,
			After: s.pollEvery,
		}
	case !estimate.Allowed:
		return 0, l.fail(ctx, tasks.Fail("insufficient_quota",
			"refused: budget: the vendor's account may not spend $%s: top it up", money.USD(estimate.Nano)))
	}
	return estimate.Nano, nil
}

// bytesPerTrainedToken is what a token of a training file has at least, with the
// JSON around it.
const bytesPerTrainedToken = 2

// trainingBound is what the training costs at most, by the catalogue's price.
func (s *starter) trainingBound(ctx context.Context, l *trainingRun, spec providers.TrainSpec) (int64, error) {
	rate, refused := s.prices.trainRate(providers.Target{Provider: l.training.Provider, Model: spec.Base}, l.spec.Method)
	if refused != "" {
		return 0, l.fail(ctx, tasks.Fail("model_not_found", "%s", refused))
	}
	tokens := l.spec.Bytes / bytesPerTrainedToken
	if spec.Beta > 0 {
		tokens *= 2 // the prompt is read with each of both answers
	}
	return trainingBound(tokens, spec.Epochs, rate), nil
}

// trainingCap is what the training may cost, nano-dollars; 0: no cap.
func (s *starter) trainingCap(ctx context.Context, l *trainingRun) (int64, error) {
	left, limited, err := s.caller.BudgetLeft(ctx, l.run.Store.Book(), book.Entry{
		Tenant: l.training.Tenant, KeyID: l.run.Job.KeyID, Purpose: purposeTrain, Provider: l.training.Provider,
	})
	if err != nil {
		return 0, err
	}
	if limited && (l.spec.Budget == 0 || left < l.spec.Budget) {
		return max(left, 1), nil
	}
	return l.spec.Budget, nil
}

// intend writes down that the training is about to be created and what it will
// cost, before the vendor hears of it. It fails with errHeld where the training was paused.
func (s *starter) intend(ctx context.Context, l *trainingRun) error {
	before := l.spec
	l.spec.Intent, l.spec.Looks = s.now().UTC(), 0
	entry := l.entry("create", purposeTrain, l.spec.Estimate)
	if l.spec.Entry == "" { // else it is of a creation that was found not to have happened
		l.spec.Entry = entry.ID
	}
	err := l.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		pause, err := q.LockPause(ctx, l.training.ID)
		switch {
		case err != nil:
			return fmt.Errorf("see whether the training is paused: %w", err)
		case pause == learn.PauseHeld:
			return errHeld
		case l.spec.Entry == entry.ID:
			if _, err := q.OpenEntry(ctx, entry); err != nil {
				return fmt.Errorf("open the training's line of spend: %w", err)
			}
		}
		return l.write(ctx, q)
	})
	if errors.Is(err, errHeld) {
		l.spec = before
	}
	return err
}

// entry is a new line of spend for this training.
func (l *trainingRun) entry(step, purpose string, reserved int64) book.Entry {
	job := l.run.Job
	return book.Entry{
		ID: db.NewID("ent_"), Tenant: job.Tenant, KeyID: job.KeyID, Job: job.ID, Step: step, Epoch: job.Epoch, Number: 1,
		Purpose: purpose, Provider: l.training.Provider, Model: l.training.Base, Reserved: reserved,
	}
}

// created goes over to polling.
func (l *trainingRun) created(made providers.Training) *tasks.End {
	l.training.VendorID, l.spec.Vendor = made.ID, made.Handle
	l.training.Status, l.spec.Phase = statusQueued, phaseTrain
	return l.polled()
}

// polled waits for a poller.
func (l *trainingRun) polled() *tasks.End {
	poll := child(&l.run.Job, tasks.TunePoll, tasks.TrainInput{Training: l.training.ID, Tune: l.training.Tune})
	return &tasks.End{
		State: job.StateWaiting, Children: []job.NewJob{poll},
		Write: func(ctx context.Context, q *store.Queries) error {
			if err := l.stage(ctx, q.Learn(), l.polledAt()); err != nil {
				return err
			}
			return l.write(ctx, q)
		},
	}
}

// adopt looks for a training that may have been created. Only after the vendor's
// list was without it several times, and for minutes, is it created again.
func (s *starter) adopt(ctx context.Context, l *trainingRun, spec providers.TrainSpec) (*tasks.End, error) {
	made, found, err := l.trainer.Find(ctx, spec, l.spec.Intent.Add(-clockSkew))
	if err != nil {
		l.spec.Lost++
		if l.spec.Lost > maxLost {
			return nil, l.vendorFailed(ctx, err)
		}
		return l.wait(s.pollEvery), nil // unreachable: nothing is known, so nothing is done
	}
	if found {
		l.spec.Lost = 0
		return l.created(made), nil
	}
	if l.spec.Looks++; s.doubt.stillDoubtful(l) {
		return l.wait(s.pollEvery), nil
	}
	l.spec.Intent = time.Time{}
	return l.next(phaseCreate), nil
}

// doubt tells for how long a training that can not be found may exist.
type doubt struct {
	pollEvery time.Duration
	now       func() time.Time
}

func newDoubt(d Deps) doubt { return doubt{pollEvery: d.Settings.PollEvery, now: d.Now} }

// stillDoubtful tells whether a training that the vendor's list is without may have
// been created all the same.
func (d doubt) stillDoubtful(l *trainingRun) bool {
	return l.spec.Looks < enoughLooks || d.now().Sub(l.spec.Intent) < doubtPolls*d.pollEvery
}

// clockSkew is how far the vendor's clock may be behind ours.
const clockSkew = 5 * time.Minute

// refusedCreation takes the intent back: the vendor says that there is nothing.
func (l *trainingRun) refusedCreation(ctx context.Context, refusal error) error {
	failure := handlers.Failure(refusal)
	l.spec.Intent = time.Time{}
	void := book.Entry{ID: l.spec.Entry, State: book.EntryVoid, Cause: string(providers.KindOf(refusal))}
	l.spec.Entry = ""
	if failure.Final {
		l.training.Status, l.training.Error = learn.TrainingFailed, failure.Message
	}
	err := l.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if err := settle(ctx, q.Book(), void); err != nil {
			return err
		}
		return l.write(ctx, q)
	})
	if err != nil {
		return fmt.Errorf("take the creation back: %w", err)
	}
	return failure
}

// await answers for a poller that broke: another takes its place, some times.
func (s *starter) await(ctx context.Context, l *trainingRun) (*tasks.End, error) {
	jobs, _, err := l.run.Store.Jobs(ctx, l.run.Job.Tenant, job.Filter{Parent: l.run.Job.ID},
		db.Page{Limit: maxPollers})
	if err != nil {
		return nil, fmt.Errorf("find pollers: %w", err)
	}
	if len(jobs) < maxPollers {
		return l.polled(), nil
	}
	why := tasks.Fail("vendor_unavailable", "training %s could not be followed: see its jobs", l.training.ID)
	return nil, s.stopper.abort(ctx, l, why)
}
