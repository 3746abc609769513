package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"dreamlab/store"
	"dreamlab/store/backoff"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

const (
	thenTimeout = 10 * time.Second
	// finishTries bounds how long an answer waits for a database that is away:
	// some twenty seconds. Its epoch says whether it still counts.
	finishTries = 16
	// awayTries does the same where it is known to be away: some fifty seconds.
	awayTries = 36
	// refusedTries bounds how often a write is tried that a rule of the
	// database refused: another's write may have been under way.
	refusedTries = 3
)

// errDeadline is the cause of a context that ran into its lane's deadline.
var errDeadline = errors.New("the attempt took longer than its lane allows")

// attempt runs one job that was claimed, and returns what carries out its end.
func (w *Worker) attempt(h *hold) (end func()) {
	ctx, cancel := context.WithTimeoutCause(h.ctx, w.configs[tasks.Lane(h.job.Lane)].Deadline, errDeadline)
	defer cancel()
	done, err := w.call(ctx, h.job)
	if errors.Is(err, errReleased) {
		return func() { w.keeper.drop(h) }
	}
	w.keeper.ending(h)
	if err != nil && errors.Is(context.Cause(ctx), tasks.ErrLeaseLost) {
		w.fenced(h.job, err)
		return func() { w.keeper.drop(h) }
	}
	f, then := w.judge(ctx, h.job, done, err)
	return func() {
		defer w.keeper.drop(h)
		w.finish(h, f, then)
	}
}

// errReleased means that the job was released (drain or lost lease) while its
// handler still ran.
var errReleased = errors.New("the job was handed back")

// call runs the handler in another goroutine, so that a handler that ignores its
// context does not delay the worker's stop.
func (w *Worker) call(ctx context.Context, job job.Job) (*tasks.End, error) {
	type answer struct {
		end *tasks.End
		err error
	}
	answered := make(chan answer, 1)
	w.pool.do(func() {
		end, err := w.safely(ctx, job)
		answered <- answer{end, err}
	})
	select {
	case a := <-answered:
		return a.end, a.err
	case <-w.given:
		return nil, errReleased
	}
}

// safely turns a handler's panic into a failure.
func (w *Worker) safely(ctx context.Context, job job.Job) (end *tasks.End, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.log.Error().Str("job", job.ID).Str("kind", job.Kind).Str("panic", fmt.Sprintf("%T", p)).
				Bytes("stack", debug.Stack()).Msg("a handler panicked")
			end, err = nil, &tasks.Failure{Code: "internal", Err: errors.New("panic"),
				Message: "the work broke off: it is tried again, and the log has the place"}
		}
	}()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	run := &tasks.Run{Job: job, Store: w.store, Worker: w.name}
	return w.handlers[tasks.Kind(job.Kind)](ctx, run)
}

// following is what a handler left for after the end of its attempt.
type following struct {
	then   func(context.Context) error // after the commit
	fenced func(context.Context) error // where there is none
}

// judge turns what a handler answered into the end of the attempt.
func (w *Worker) judge(ctx context.Context, j job.Job, end *tasks.End, err error,
) (job.Finish, following) {
	if err != nil {
		return w.judgeError(ctx, j, err), following{}
	}
	if end == nil {
		end = &tasks.End{}
	}
	f := job.Finish{To: end.State, Result: end.Result, After: end.After,
		Children: end.Children, Write: store.Learned(end.Write), WriteIsShort: end.WriteIsShort,
		Unrecorded: end.Unrecorded}
	switch f.To {
	case "":
		f.To = job.StateSucceeded
	case job.StateSucceeded, job.StateWaiting, job.StateCancelled, job.StateQueued:
	default:
		odd := tasks.Fail("internal", "the handler of %s answered the state %q", j.Kind, end.State)
		return w.failure(j, odd), following{}
	}
	f.Outcome = string(f.To)
	if f.To == job.StateQueued {
		f.Outcome = job.AttemptHandedBack
	}
	return f, following{end.Then, end.Fenced}
}

func (w *Worker) judgeError(ctx context.Context, j job.Job, err error) job.Finish {
	var failed *tasks.Failure
	final := errors.As(err, &failed) && failed.Final
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, tasks.ErrCancelled):
		return job.Finish{To: job.StateCancelled, Outcome: string(job.StateCancelled)}
	case errors.Is(cause, tasks.ErrDraining) && !final:
		return job.Finish{To: job.StateQueued, Outcome: job.AttemptHandedBack}
	case failed != nil:
		return w.failure(j, failed)
	case errors.Is(cause, errDeadline):
		err = errDeadline
	}
	w.log.Error().Err(err).Str("job", j.ID).Str("kind", j.Kind).Msg("attempt failed")
	return w.failure(j, &tasks.Failure{Code: "internal",
		Message: "something went wrong on our side: it is tried again; the log knows it by the job's id"})
}

// failure counts an attempt, and says when the next one is.
func (w *Worker) failure(j job.Job, failed *tasks.Failure) job.Finish {
	f := job.Finish{
		To: job.StateQueued, Outcome: string(job.StateFailed), Failed: true,
		Error: failed.JobError(), After: failed.After,
	}
	if failed.Final {
		f.To = job.StateFailed
		return f
	}
	if failed.Free {
		f.Failed, f.Outcome = false, job.AttemptHandedBack
		return f
	}
	f.After = max(failed.After, w.backoff.After(j.Attempt+1))
	return f
}

// finish stores the end of an attempt, trying again while it may still count.
// What the database refuses fails the attempt; where nothing can be stored the
// lease runs out. An unreachable database is waited for: the answer
// is valid as long as no other worker has claimed the job.
func (w *Worker) finish(h *hold, f job.Finish, left following) {
	f = w.signed(h, f)
	ctx := context.WithoutCancel(h.ctx)
	moved, err := w.storeEnd(ctx, h, f)
	if err == nil {
		var told sync.WaitGroup
		told.Go(func() { w.announcer.announce(ctx, moved) })
		w.after(ctx, h.job, left.then)
		told.Wait()
		return
	}
	defer w.after(ctx, h.job, left.fenced)
	hopeless := errors.Is(err, db.ErrFenced) || errors.Is(err, db.ErrBusy)
	if !hopeless && (f.Write != nil || len(f.Children) > 0) {
		refused := w.judgeError(ctx, h.job, fmt.Errorf("store the answer: %w", err))
		moved, err = w.storeEnd(ctx, h, w.signed(h, refused))
		w.announcer.announce(ctx, moved)
	}
	if err != nil {
		w.fenced(h.job, err)
	}
}

// signed says whose attempt it is that ends.
func (w *Worker) signed(h *hold, f job.Finish) job.Finish {
	job := h.job
	f.Job, f.Epoch, f.Lane, f.Parent, f.Worker = job.ID, job.Epoch, job.Lane, job.Parent, w.name
	f.NoFollowUps = job.Parent == "" && job.Subject == "" && job.WebhookURL == ""
	return f
}

func (w *Worker) storeEnd(ctx context.Context, h *hold, f job.Finish) ([]job.Moved, error) {
	again := backoff.Bounds{First: 50 * time.Millisecond, Max: 3 * time.Second}
	var unsure []job.Moved // what a commit has moved whose answer was lost
	for try := 1; ; try++ {
		moved, err := w.ender.end(ctx, f)
		switch {
		case errors.Is(err, db.ErrBusy) && moved != nil:
			unsure = moved
		case errors.Is(err, db.ErrFenced):
			moved, err = unsure, w.storedBefore(ctx, f)
		}
		if err == nil {
			w.metrics.attempts.WithLabelValues(h.job.Lane, h.job.Kind, f.Outcome).Inc()
			return moved, nil
		}
		if try >= triesFor(err) {
			return nil, err
		}
		pause(ctx, again.After(try))
	}
}

// storedBefore tells why an end was fenced: nil means by itself, for it was
// committed and the answer to that was lost.
func (w *Worker) storedBefore(ctx context.Context, f job.Finish) error {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	outcome, err := w.store.AttemptOutcome(ctx, f.Job, f.Epoch, f.Worker)
	switch {
	case errors.Is(err, db.ErrNotFound), err == nil && outcome != f.Outcome:
		return db.ErrFenced
	case err != nil:
		return fmt.Errorf("ask for the attempt's end: %w", err)
	}
	return nil
}

// triesFor says how often an end is tried that met an error.
func triesFor(err error) int {
	var failed *tasks.Failure
	switch {
	case errors.Is(err, db.ErrFenced), errors.As(err, &failed):
		return 1
	case errors.Is(err, db.ErrBusy):
		return awayTries
	case errors.Is(err, db.ErrConflict), errors.Is(err, db.ErrNotFound):
		return refusedTries
	}
	return finishTries
}

// after does what the handler left for after the end.
func (w *Worker) after(ctx context.Context, job job.Job, do func(context.Context) error) {
	if do == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, thenTimeout)
	defer cancel()
	if err := do(ctx); err != nil {
		w.log.Warn().Err(err).Str("job", job.ID).Str("kind", job.Kind).Msg("follow-up after job end failed")
	}
}

func (w *Worker) fenced(job job.Job, err error) {
	w.metrics.fenced.WithLabelValues(job.Lane, job.Kind).Inc()
	w.log.Warn().Err(err).Str("job", job.ID).Int64("epoch", job.Epoch).Str("kind", job.Kind).
		Msg("attempt result discarded: job was taken over")
}
