package handlers

import (
	"cmp"
	"context"
	"errors"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/tasks"
)

// ledger keeps the books of one step's tries.
type ledger struct {
	caller *Caller
	run    *tasks.Run
	step   *Step
}

// Reserve writes an open entry if the job is still held and every budget has room.
func (l *ledger) Reserve(ctx context.Context, try providers.Try) (string, error) {
	id, err := l.open(ctx, try)
	if err != nil {
		return "", errors.Join(err, l.withdraw(ctx, id, err))
	}
	tasks.Point("intent")
	return id, nil
}

// withdraw ends an entry that was written although its writing was not confirmed: no call
// follows it. An entry that it cannot reach is ended with the attempt.
func (l *ledger) withdraw(ctx context.Context, id string, why error) error {
	if !errors.Is(why, db.ErrBusy) && !errors.Is(why, db.ErrConflict) {
		return nil // it was refused
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settlePatience)
	defer cancel()
	err := l.run.Store.EndEntry(ctx, book.Entry{ID: id, State: book.EntryVoid, Cause: "not asked"})
	if errors.Is(err, db.ErrConflict) {
		return nil // it was not written
	}
	return err
}

func (l *ledger) open(ctx context.Context, try providers.Try) (string, error) {
	job := &l.run.Job
	entry := book.Entry{
		Tenant: job.Tenant, KeyID: job.KeyID, Job: job.ID, Step: l.step.Name, Epoch: job.Epoch,
		Number: try.Number, Purpose: l.step.Purpose,
		Provider: try.Target.Provider, Model: try.Target.Model, Reserved: try.ReservedNano,
		Tier: try.Target.Service, Priced: try.Priced,
	}
	caps, err := l.caller.purses.of(ctx, l.run.Store.Book(), entry.Tenant)
	if err != nil {
		return "", err
	}
	r := &reservation{store: l.run.Store, entry: entry, caps: caps}
	switch {
	case l.step.Within == nil && !caps.hold(entry):
		return l.run.Store.OpenEntry(ctx, entry)
	case l.step.Within == nil:
		return l.caller.reserve(ctx, r)
	}
	err = l.run.Store.Tx(ctx, db.Synced, func(q *store.Queries) (err error) {
		if err := hold(ctx, q.Book(), []*reservation{r}); err != nil {
			return err
		}
		if err := l.caller.admitEach(ctx, q.Book(), []*reservation{r}); err != nil || r.err != nil {
			return cmp.Or(err, r.err)
		}
		if entry.ID, err = q.OpenEntry(ctx, entry); err != nil {
			return err
		}
		return checkWithin(ctx, q.Book(), l.step.Within)
	})
	return entry.ID, err
}

// checkWithin refuses the entry that was just written where it goes over the
// job's own cap.
func checkWithin(ctx context.Context, q *book.Queries, within *Within) error {
	spend, err := q.JobSpend(ctx, within.Job)
	if err != nil {
		return err
	}
	if spend.Reserved+spend.Settled > within.Nano {
		return tasks.Fail("insufficient_quota", "its own budget is used up: start it again with a larger one")
	}
	return nil
}

// End closes the entry of a try that failed.
func (l *ledger) End(ctx context.Context, entry string, o providers.Outcome) error {
	e := book.Entry{ID: entry, Cause: cause(o.Err)}
	switch o.Charge {
	case providers.ChargeNone:
		e.State = book.EntryVoid
	case providers.ChargeUsage:
		e.State, e.Settled = book.EntrySettled, o.Nano
		e.Input, e.Cached, e.Output = o.Usage.Input, o.Usage.CachedInput, o.Usage.Output
		e.Reasoning = o.Usage.Reasoning
	default:
		e.State = book.EntryUnknown
	}
	err := l.run.Store.EndEntry(ctx, e)
	if errors.Is(err, db.ErrConflict) {
		return nil // the lease was lost, and its entries were ended for us
	}
	return err
}

// cause is a failed try in the words of the books: kind and vendor, no prompt.
func cause(err error) string {
	var e *providers.Error
	if !errors.As(err, &e) {
		return "unknown"
	}
	if code := e.PlainCode(); code != "" {
		return string(e.Kind) + ": " + code
	}
	return string(e.Kind)
}
