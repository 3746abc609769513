package batch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/tasks"
)

// How often things are tried before the lines are asked for live.
const (
	maxRounds  = 3 // orders of one batch
	maxRefused = 3 // orders that the vendor would not take
)

// order is a batch's order at a vendor.
type order struct{ *batchRun }

// submit orders what waits, once: first each line is marked and its money is reserved, then
// the intent is written, then the vendor is asked.
func (b order) submit(ctx context.Context) (*tasks.End, error) {
	batcher, err := b.Vendors.Batcher(b.spec.Provider)
	if err != nil || b.cancelling() || b.spec.Round >= maxRounds || b.spec.Refused >= maxRefused || b.late() {
		return b.takeBack(ctx, "no order follows")
	}
	marked, err := b.mark(ctx)
	switch {
	case handlers.Failed(err, "insufficient_quota"):
		return b.takeBack(ctx, "over budget")
	case err != nil:
		return nil, err
	case marked < b.spec.MinLines:
		return b.takeBack(ctx, "too few lines for an order")
	}
	b.spec.Intent, b.spec.Looks, b.spec.Stopping = b.Now().UTC(), 0, false
	b.spec.Round++
	if _, err := b.next(ctx, batch.PhaseAdopt); err != nil {
		return nil, err
	}
	return b.send(ctx, batcher, marked)
}

// send asks the vendor. Where its answer is lost, the order is looked for.
func (b order) send(ctx context.Context, batcher providers.Batcher, marked int) (*tasks.End, error) {
	tasks.Point("ordering")
	made, err := batcher.Submit(ctx, b.orderOf(ctx, marked))
	var vendor *providers.Error
	switch {
	case err == nil:
		tasks.Point("ordered")
		return b.ordered(ctx, made)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &vendor) && (providers.Declined(err) || vendor.Kind == providers.KindUnsupported):
		return b.refused(ctx, vendor)
	}
	return b.wait(b.Settings.PollEvery), nil
}

// late tells whether only live calls still make it.
func (b order) late() bool { return !b.Now().Before(b.lastCall()) }

// left goes on with what no order has answered.
func (b order) left(ctx context.Context) (*tasks.End, error) {
	if b.asksItself() {
		return writer(b).finishOwn(ctx)
	}
	return b.next(ctx, batch.PhaseLive)
}

// mark marks the lines that wait as sent, page by page, as many as one order may hold, and
// returns how many are marked. Those that an earlier attempt has marked count.
func (b order) mark(ctx context.Context) (int, error) {
	counts, err := b.run.Store.LineCounts(ctx, b.row.ID)
	if err != nil {
		return 0, fmt.Errorf("count the lines: %w", err)
	}
	marked, size := counts[batch.LineSent], int64(0)
	for marked < b.spec.MaxLines {
		some, err := b.run.Store.Lines(ctx, b.row.ID, batch.LineWaiting, 0, min(page, b.spec.MaxLines-marked))
		if err != nil {
			return 0, fmt.Errorf("read the lines: %w", err)
		}
		fits := 0
		for _, l := range some {
			if size += int64(len(l.Request)) + perLine; b.spec.MaxBytes > 0 && size > b.spec.MaxBytes {
				break
			}
			fits++
		}
		if err := b.markSome(ctx, some[:fits]); err != nil {
			return 0, err
		}
		if marked += fits; fits == 0 || fits < len(some) {
			break
		}
	}
	return marked, nil
}

// perLine is what a line of a file has beside its request, in bytes, at most: its id and the
// vendor's own words.
const perLine = 512

// markSome reserves the money of some lines at the price of batches.
func (b order) markSome(ctx context.Context, some []batch.Line) error {
	if len(some) == 0 {
		return nil
	}
	price, err := b.price()
	if err != nil {
		return err
	}
	entries := make([]book.Entry, len(some))
	for i := range some {
		nano, err := b.quote(&some[i])
		if err != nil {
			return err
		}
		l, own := &some[i], &b.run.Job
		entries[i] = book.Entry{
			ID: db.NewID("ent_"), Tenant: own.Tenant, KeyID: own.KeyID, Job: own.ID, Step: lineID(l.Number), Epoch: own.Epoch,
			Number: l.Tries + 1, Purpose: l.Purpose, Provider: b.spec.Provider, Model: b.spec.Target, Reserved: nano,
			Tier: "batch", Priced: price.From,
		}
		l.State, l.Entry, l.Tries = batch.LineSent, entries[i].ID, l.Tries+1
	}
	return b.Caller.ReserveLater(ctx, b.run, entries, b.within(), func(ctx context.Context, q *store.Queries) error {
		return q.MoveLines(ctx, batch.LineWaiting, some)
	})
}

// within caps what the job that waits for the answers may spend.
func (b order) within() *handlers.Within {
	if b.spec.Budget == nil {
		return nil
	}
	return &handlers.Within{Job: b.spec.Root, Nano: *b.spec.Budget}
}

// quote is the most that a line costs in an order, nano-dollars: what it costs live, at the
// ratio of the two prices.
func (b order) quote(l *batch.Line) (int64, error) {
	request, err := b.request(l)
	if err != nil {
		return 0, err
	}
	live, err := b.Prices.Quote(b.spec.Provider, b.spec.Target, request, b.Now())
	if err != nil {
		return 0, tasks.Fail("model_not_found", "the price of %s/%s is not known: add it to the catalogue",
			b.spec.Provider, b.spec.Target)
	}
	price, err := b.price()
	if err != nil {
		return 0, err
	}
	from, to := price.Out, price.Batch.Out
	if from == 0 {
		from, to = price.In, price.Batch.In
	}
	if from == 0 {
		return live, nil
	}
	return int64(float64(live)*float64(to)/float64(from)) + 1, nil
}

func (b order) price() (providers.Price, error) {
	price, err := b.Prices.Price(b.spec.Provider, b.spec.Target, b.Now())
	if err != nil || price.Batch == nil {
		return price, tasks.Fail("model_not_found", "the price of batches of %s/%s is not known any more: add it to the catalogue",
			b.spec.Provider, b.spec.Target)
	}
	return price, nil
}

// lineID is what a line is called at the vendor.
func lineID(number int) string { return fmt.Sprintf("line-%d", number) }

// number reads what lineID has written; 0 where it is another's.
func number(id string) int {
	var n int
	if _, err := fmt.Sscanf(id, "line-%d", &n); err != nil || lineID(n) != id {
		return 0
	}
	return n
}

// orderName is the name by which an order is found again.
func (b order) orderName() string {
	id := strings.ToLower(strings.TrimPrefix(b.row.ID, "batch_"))
	return fmt.Sprintf("dl-%s-%d", id, b.spec.Round)
}

// orderOf is the order of the lines that are marked.
func (b order) orderOf(ctx context.Context, marked int) providers.BatchSpec {
	return providers.BatchSpec{
		Name: b.orderName(), Model: b.spec.Target, Lines: marked, Window: max(b.expires().Sub(b.Now()), time.Hour),
		Requests: func(yield func(providers.BatchLine, error) bool) {
			err := b.eachSent(ctx, func(l batch.Line) (bool, error) {
				request, err := b.request(&l)
				if err != nil {
					return false, err
				}
				return yield(providers.BatchLine{ID: lineID(l.Number), Request: request}, nil), nil
			})
			if err != nil {
				yield(providers.BatchLine{}, err)
			}
		},
	}
}

// eachSent hands over the lines of the order that is under way, page by page, until fn wants
// no more.
func (b order) eachSent(ctx context.Context, fn func(batch.Line) (bool, error)) error {
	for after := 0; ; {
		some, err := b.run.Store.Lines(ctx, b.row.ID, batch.LineSent, after, page)
		if err != nil {
			return fmt.Errorf("read the lines: %w", err)
		}
		for _, l := range some {
			more, err := fn(l)
			if err != nil || !more {
				return err
			}
			after = l.Number
		}
		if len(some) < page {
			return nil
		}
	}
}

// ordered follows an order that the vendor has.
func (b order) ordered(ctx context.Context, made providers.Batch) (*tasks.End, error) {
	b.spec.Handle, b.spec.VendorID, b.spec.Lost = made.Handle, made.ID, 0
	b.spec.Phase = batch.PhasePoll
	if err := b.run.Tx(ctx, db.Synced, func(q *store.Queries) error { return b.save(ctx, q) }); err != nil {
		return nil, err
	}
	return b.wait(b.Settings.PollEvery), nil
}

// refused takes an order back that the vendor would not take, and tries later.
func (b order) refused(ctx context.Context, why *providers.Error) (*tasks.End, error) {
	b.spec.Round--
	b.spec.Refused++
	if !why.Kind.Retryable() {
		b.spec.Refused = maxRefused
	}
	b.spec.Phase = batch.PhaseSubmit
	if err := b.release(ctx, string(why.Kind)); err != nil {
		return nil, err
	}
	return b.wait(max(b.Settings.PollEvery, why.RetryAfter)), nil
}

// takeBack gives up an order before the vendor heard of it.
func (b order) takeBack(ctx context.Context, cause string) (*tasks.End, error) {
	b.spec.Refused = maxRefused
	if err := b.release(ctx, cause); err != nil {
		return nil, err
	}
	return b.left(ctx)
}

// release lets the lines of an order wait again that were not answered: they cost nothing.
func (b order) release(ctx context.Context, cause string) error {
	return b.endLines(ctx, func(ctx context.Context, q *store.Queries, l *batch.Line) error {
		void := book.Entry{ID: l.Entry, State: book.EntryVoid, Cause: cause}
		l.State, l.Entry = batch.LineWaiting, ""
		return q.SettleEntry(ctx, void)
	})
}
