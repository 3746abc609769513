package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/tasks"
)

// Budget caps what tenants spend on a purpose in a calendar period, UTC.
type Budget struct {
	Tenant  string // "" holds for each tenant by itself
	Purpose string // "" is all purposes together
	Nano    int64  // nano-dollars
	Monthly bool   // a month instead of a day
}

func (b Budget) holds(tenant, purpose string) bool {
	return (b.Tenant == "" || b.Tenant == tenant) && (b.Purpose == "" || b.Purpose == purpose)
}

// since returns the start of the period that now is in.
func (b Budget) since(now time.Time) time.Time {
	year, month, day := now.UTC().Date()
	if b.Monthly {
		day = 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func (b Budget) exceeded() *tasks.Failure {
	period, purpose := "day", "everything"
	if b.Monthly {
		period = "month"
	}
	if b.Purpose != "" {
		purpose = b.Purpose
	}
	return tasks.Fail("insufficient_quota",
		"this %s's budget for %s is used up: wait for the next %s or raise the budget", period, purpose, period)
}

// BudgetLeft returns what a tenant may still spend on a purpose, nano-dollars,
// and false where nothing caps it.
func (c *Caller) BudgetLeft(ctx context.Context, q *book.Queries, tenant, purpose string) (
	left int64, capped bool, err error,
) {
	for _, b := range c.budgets {
		if !b.holds(tenant, purpose) {
			continue
		}
		spent, err := q.Committed(ctx, tenant, b.Purpose, b.since(c.now()))
		if err != nil {
			return 0, false, fmt.Errorf("sum the spending: %w", err)
		}
		if rest := b.Nano - spent; !capped || rest < left {
			left = rest
		}
		capped = true
	}
	return left, capped, nil
}

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
	}
	if !l.capped() {
		return l.run.Store.OpenEntry(ctx, entry)
	}
	if l.step.Within == nil {
		return l.caller.reserve(ctx, l.run.Store, entry)
	}
	err := l.run.Store.Tx(ctx, db.Synced, func(q *store.Queries) (err error) {
		r := &reservation{entry: entry}
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

func (l *ledger) capped() bool {
	if l.step.Within != nil {
		return true
	}
	for _, b := range l.caller.budgets {
		if b.holds(l.run.Job.Tenant, l.step.Purpose) {
			return true
		}
	}
	return false
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
