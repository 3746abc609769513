// Package tasks is the contract between the code that requests work and the handlers that do
// it: the kinds of task with their typed inputs, the lanes that deliver them, and what a
// handler gets and has to return. Package engine delivers the tasks, the packages in handlers
// do the work.
package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Lane is a queue of its own, with an asynq.Server of its own in each worker,
// so that a flood on one cannot delay another.
type Lane string

// The lanes.
const (
	Chat   Lane = "chat"
	Dream  Lane = "dream"
	Tune   Lane = "tune"
	System Lane = "system"
)

// Lanes returns all lanes, the most urgent first.
func Lanes() []Lane { return []Lane{Chat, Dream, Tune, System} }

// Lease is how long a worker may be silent before its job is given to another.
func (l Lane) Lease() time.Duration {
	if l == Chat {
		return 15 * time.Second
	}
	return 60 * time.Second
}

// Run is one attempt at a job, held under an epoch.
type Run struct {
	Job   job.Job
	Store *store.Store
	// Worker names the process that holds the job.
	Worker string
}

// Tx runs fn in a transaction that first makes sure that the job is still held
// under this run's epoch, and fails with db.ErrFenced otherwise. Answers
// that are to survive the attempt are stored this way.
func (r *Run) Tx(ctx context.Context, durability db.Durability, fn func(*store.Queries) error) error {
	return r.Store.Tx(ctx, durability, func(q *store.Queries) error {
		if err := q.HoldJob(ctx, r.Job.ID, r.Job.Epoch, r.Job.LeaseOwner); err != nil {
			return err
		}
		return fn(q)
	})
}

// Decode reads the job's input.
func (r *Run) Decode(input any) error {
	if err := json.Unmarshal(r.Job.Input, input); err != nil {
		return Fail("internal", "the stored input of %s does not fit its kind %s: %v", r.Job.ID, r.Job.Kind, err)
	}
	return nil
}

// Handler does the work of one kind. Its context ends when the job is
// cancelled, when the lease is lost or when the worker has to stop; the cause
// (context.Cause) tells which. It returns how the attempt ended, or an error:
// a *Failure says what to tell the client and whether to try again, any other
// error counts as internal and is tried again.
type Handler func(ctx context.Context, run *Run) (*End, error)

// Causes of a handler's context ending.
var (
	ErrCancelled = errors.New("the job was cancelled")
	ErrLeaseLost = errors.New("the lease was lost")
	ErrDraining  = errors.New("the worker is stopping")
)

// End is how an attempt ended, short of an error. It is carried out in one
// transaction together with Write.
type End struct {
	// State is where the job goes: JobSucceeded, JobWaiting, JobCancelled, or
	// JobQueued to hand the rest back at once (no attempt is counted).
	// Defaults to JobSucceeded.
	State  job.State
	Result json.RawMessage
	// After is how long a waiting job waits. Zero: until its last child ended.
	After time.Duration
	// Children are made with the move; the job waits for them.
	Children []job.NewJob
	// Write stores what was learned, in the same transaction.
	Write func(ctx context.Context, q *store.Queries) error
	// Unrecorded leaves no row of the attempt: nothing was tried, the job only waits
	// for its turn.
	Unrecorded bool
	// WriteIsShort says that Write is a few statements that wait for no lock: the end
	// may share a commit with others.
	WriteIsShort bool
	// Then runs after the commit: closing a reply stream. Its error is logged.
	Then func(ctx context.Context) error
	// Fenced runs instead of Then when there was no commit: the job is held by
	// another epoch, or the database refused. It settles what was paid. Its
	// error is logged.
	Fenced func(ctx context.Context) error
}

// Failure is an attempt's failure, told to the client by code and message.
type Failure struct {
	Code    string // of the closed set in the public contract
	Message string // says what to do; no key
	Param   string // the request's parameter that is at fault, "" where none is
	// Final failures are not tried again.
	Final bool
	// Free ones count no attempt: nothing was tried. The job is handed back.
	Free bool
	// After is the earliest next try, and what a client is told of a final
	// failure. Zero: by the engine's back-off.
	After time.Duration
	Err   error
}

// JobError is the failure as a job's row and its reply hold it.
func (f *Failure) JobError() *job.Error {
	return &job.Error{Code: f.Code, Message: f.Message, Param: f.Param, RetryAfter: f.After}
}

// Error returns code and message.
func (f *Failure) Error() string {
	if f.Err != nil {
		return fmt.Sprintf("%s: %s: %v", f.Code, f.Message, f.Err)
	}
	return f.Code + ": " + f.Message
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Fail returns a final failure.
func Fail(code, format string, args ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, args...), Final: true}
}
