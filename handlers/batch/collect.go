package batch

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/tasks"
)

// maxTries bounds how often a line that fails is tried, in orders and live together.
const maxTries = 3

// collect takes the answers of an order that is over: each with its bill in one transaction,
// so that what an earlier attempt has taken is not taken again. Then what failed is ordered
// again, as far as that may cure it.
func (b order) collect(ctx context.Context) (*tasks.End, error) {
	batcher, err := b.Vendors.Batcher(b.spec.Provider)
	if err != nil {
		return nil, handlers.Failure(err)
	}
	answers := map[int]providers.BatchAnswer{}
	take := func(answer providers.BatchAnswer) error {
		if n := number(answer.ID); n > 0 {
			answers[n] = answer
		}
		if len(answers) < page {
			return nil
		}
		some := answers
		answers = map[int]providers.BatchAnswer{}
		return b.take(ctx, some)
	}
	err = batcher.Results(ctx, b.spec.Handle, take)
	if err == nil {
		err = b.take(ctx, answers)
	}
	var vendor *providers.Error
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &vendor):
		return b.lost(err)
	case err != nil:
		return nil, err
	}
	if err := b.release(ctx, "not answered"); err != nil {
		return nil, err
	}
	files := b.files()
	b.spec.Handle, b.spec.Lost, b.spec.Phase = nil, 0, batch.PhaseSubmit
	return nil, b.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if err := q.AddFiles(ctx, files); err != nil {
			return fmt.Errorf("note the vendor's files: %w", err)
		}
		return b.save(ctx, q)
	})
}

// files are what the vendor keeps of the order, which nobody reads once its answers are stored.
func (b order) files() batch.Files {
	return batch.Files{Name: b.orderName(), Root: b.spec.Root, Provider: b.spec.Provider, Handle: b.spec.Handle}
}

// take stores some answers, and settles what each has cost.
func (b order) take(ctx context.Context, answers map[int]providers.BatchAnswer) error {
	if len(answers) == 0 {
		return nil
	}
	numbers := make([]int, 0, len(answers))
	for n := range answers {
		numbers = append(numbers, n)
	}
	sent, err := b.run.Store.SentLines(ctx, b.row.ID, numbers)
	if err != nil {
		return fmt.Errorf("read the lines: %w", err)
	}
	live := b.row.Live
	err = b.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		b.row.Live = live // the transaction may be tried again
		for i := range sent {
			if err := b.takeOne(ctx, q, &sent[i], answers[sent[i].Number]); err != nil {
				return err
			}
		}
		if err := q.MoveLines(ctx, batch.LineSent, sent); err != nil {
			return err
		}
		return b.save(ctx, q)
	})
	if err != nil {
		return fmt.Errorf("store answers: %w", err)
	}
	tasks.Point("collected")
	return nil
}

func (b order) takeOne(ctx context.Context, q *store.Queries, l *batch.Line, answer providers.BatchAnswer) error {
	if answer.Err != nil {
		return b.takeFailure(ctx, q, l, answer.Err)
	}
	request, err := b.request(l)
	if err != nil {
		return err
	}
	price, err := b.price()
	if err != nil {
		return err
	}
	usage, disputed := providers.CountBatched(request, answer.Reply, b.Prices.Context(b.spec.Provider, b.spec.Target))
	entry := book.Entry{
		ID: l.Entry, State: book.EntrySettled, Settled: price.Batch.Cost(usage),
		Input: usage.Input, Cached: usage.CachedInput, Output: usage.Output, Reasoning: usage.Reasoning,
		Estimated: usage.Missing,
	}
	if disputed {
		entry.Cause = "disputed usage"
	}
	if err := q.SettleEntry(ctx, entry); err != nil {
		return err
	}
	live := price.Cost(asAlone(l, request, answer.Reply, usage))
	b.row.Live += live
	l.State, l.Status, l.Response = batch.LineAnswered, http.StatusOK, answer.Reply.Body
	if l.Job == "" {
		return nil
	}
	l.Response = nil // the effect holds it
	return b.keep(ctx, q, l, answer.Reply, paid{entry.Settled, live})
}

// takeFailure ends a line that failed, or lets it wait for another try.
func (b order) takeFailure(ctx context.Context, q *store.Queries, l *batch.Line, why *providers.Error) error {
	entry := book.Entry{ID: l.Entry, State: book.EntryUnknown, Cause: string(why.Kind)}
	if why.Charge == providers.ChargeNone {
		entry.State = book.EntryVoid
	}
	if err := q.SettleEntry(ctx, entry); err != nil {
		return err
	}
	lacking := why.Kind == providers.KindUnsupported // here, and here is where it would be tried again
	if (why.Kind.Retryable() || why.Kind.FailsOver() && !lacking) && l.Tries < maxTries {
		l.State, l.Entry = batch.LineWaiting, ""
		return nil
	}
	failed(l, why)
	return nil
}

// endLines moves all lines of the order that is under way, each by fn.
func (b order) endLines(ctx context.Context, fn func(context.Context, *store.Queries, *batch.Line) error) error {
	for {
		some, err := b.run.Store.Lines(ctx, b.row.ID, batch.LineSent, 0, page)
		if err != nil {
			return fmt.Errorf("read the lines: %w", err)
		}
		err = b.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
			for i := range some {
				if err := fn(ctx, q, &some[i]); err != nil {
					return err
				}
			}
			if err := q.MoveLines(ctx, batch.LineSent, some); err != nil {
				return err
			}
			return b.save(ctx, q)
		})
		if err != nil || len(some) < page {
			return err
		}
	}
}
