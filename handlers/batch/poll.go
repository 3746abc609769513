package batch

import (
	"context"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/tasks"
)

// How an order whose answer was lost is looked for: the vendor's list may be behind, and the
// request may still be on its way.
const (
	enoughLooks = 3
	doubtPolls  = 20 // pauses between looks: ten minutes by default
	clockSkew   = 5 * time.Minute
)

// maxLost bounds the calls in a row that got no answer: a day at 30 s.
const maxLost = 2_880

// adopt looks for an order that may have been made. Only after the vendor's list was without
// it several times, and for minutes, is it taken for not made.
func (b order) adopt(ctx context.Context) (*tasks.End, error) {
	batcher, err := b.Vendors.Batcher(b.spec.Provider)
	if err != nil {
		return nil, handlers.Failure(err)
	}
	made, found, err := batcher.Find(ctx, b.orderOf(ctx, 0), b.spec.Intent.Add(-clockSkew))
	switch {
	case err != nil && providers.KindOf(err) == providers.KindUnsupported:
		return b.forgo(ctx)
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil: // nothing is known, so nothing is done
		return b.lost(err)
	case found:
		return b.ordered(ctx, made)
	}
	b.spec.Lost = 0
	b.spec.Looks++
	if b.spec.Looks < enoughLooks || b.Now().Sub(b.spec.Intent) < doubtPolls*b.Settings.PollEvery {
		return b.wait(b.Settings.PollEvery), nil
	}
	b.spec.Phase = batch.PhaseSubmit
	return nil, b.release(ctx, "the order was not made")
}

// forgo gives an order up that can neither be found nor ruled out: its money stays on the
// books as lost, and its lines are asked for live.
func (b order) forgo(ctx context.Context) (*tasks.End, error) {
	b.spec.Refused = maxRefused
	b.spec.Phase = batch.PhaseSubmit
	return nil, b.endLines(ctx, func(ctx context.Context, q *store.Queries, l *batch.Line) error {
		unknown := book.Entry{ID: l.Entry, State: book.EntryUnknown, Cause: "the order was lost"}
		l.State, l.Entry = batch.LineWaiting, ""
		return q.SettleEntry(ctx, unknown)
	})
}

// lost waits on where the vendor gave no answer: an outage does not end an order.
func (b order) lost(err error) (*tasks.End, error) {
	failure := handlers.Failure(err)
	if b.spec.Lost++; b.spec.Lost > maxLost {
		return nil, failure
	}
	return b.wait(max(b.Settings.PollEvery, failure.After)), nil
}

// poll looks once at an order. Where the time is over, or the batch is to end, the vendor is
// asked to end it; what it has answered by then is billed, and taken.
func (b order) poll(ctx context.Context) (*tasks.End, error) {
	batcher, err := b.Vendors.Batcher(b.spec.Provider)
	if err != nil {
		return nil, handlers.Failure(err)
	}
	if !b.spec.Stopping && (b.cancelling() || b.late()) {
		if err := b.stop(ctx, batcher); err != nil {
			return b.lost(err)
		}
	}
	seen, err := batcher.Poll(ctx, b.spec.Handle)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return b.lost(err)
	}
	b.spec.Lost = 0
	if len(seen.Handle) > 0 {
		b.spec.Handle = seen.Handle
	}
	if !seen.State.Over() {
		return b.wait(b.Settings.PollEvery), nil
	}
	if seen.State == providers.BatchFailed {
		return b.orderFailed(ctx)
	}
	return b.next(ctx, batch.PhaseCollect)
}

// orderFailed takes an order back that the vendor has refused as a whole, after it took it: its
// queue may be full. It is tried again after a while.
func (b order) orderFailed(ctx context.Context) (*tasks.End, error) {
	files := b.files()
	err := b.run.Tx(ctx, db.Synced, func(q *store.Queries) error { return q.AddFiles(ctx, files) })
	if err != nil {
		return nil, fmt.Errorf("note the vendor's files: %w", err)
	}
	b.spec.Refused++
	b.spec.Phase, b.spec.Handle = batch.PhaseSubmit, nil
	if err := b.release(ctx, "the order failed"); err != nil {
		return nil, err
	}
	return b.wait(doubtPolls * b.Settings.PollEvery), nil
}

// stop asks the vendor to end the order. One that cannot goes on to its own end.
func (b order) stop(ctx context.Context, batcher providers.Batcher) error {
	seen, err := batcher.Cancel(ctx, b.spec.Handle)
	if err != nil && providers.KindOf(err) != providers.KindUnsupported {
		return err
	}
	b.spec.Stopping = true
	if len(seen.Handle) > 0 {
		b.spec.Handle = seen.Handle
	}
	return nil
}
