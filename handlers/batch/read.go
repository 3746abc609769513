package batch

import (
	"context"
	"errors"
	"fmt"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/db"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/lines"
)

// page is how many lines are read, stored or moved in one transaction.
const page = 200

// purpose is what the money of a client's batch is for.
const purpose = "chat"

// read takes the lines out of the file of requests. What an earlier attempt has stored
// stays as it is.
func (b *batchRun) read(ctx context.Context) (*tasks.End, error) {
	file, err := b.run.Store.File(ctx, b.row.Tenant, b.row.File)
	if errors.Is(err, db.ErrNotFound) {
		return b.fault(ctx, []lines.Fault{{Code: "file_not_found", Message: "The file of requests was deleted."}})
	}
	if err != nil {
		return nil, fmt.Errorf("find the file of requests: %w", err)
	}
	object, err := b.Bucket.Open(ctx, file.Object)
	if err != nil {
		return nil, fmt.Errorf("open the file of requests: %w", err)
	}
	var some []batch.Line
	total := 0
	faults, err := lines.Read(object, b.row.Endpoint, func(l lines.Line) error {
		total++
		b.spec.Model = l.Model
		some = append(some, batch.Line{
			Batch: b.row.ID, Number: total, CustomID: l.CustomID, Purpose: purpose, Request: l.Body,
		})
		if len(some) < page {
			return nil
		}
		stored := some
		some = nil
		return b.store(ctx, stored)
	})
	if err = errors.Join(err, object.Close()); err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return b.fault(ctx, faults)
	}
	if err := b.store(ctx, some); err != nil {
		return nil, err
	}
	b.row.Total, b.row.Status = total, batch.InProgress
	return b.next(ctx, batch.PhaseChoose)
}

func (b *batchRun) store(ctx context.Context, some []batch.Line) error {
	err := b.run.Tx(ctx, db.Relaxed, func(q *store.Queries) error { return q.AddLines(ctx, some) })
	if err != nil {
		return fmt.Errorf("store the lines: %w", err)
	}
	return nil
}

// fault ends a batch whose file is wrong. Nothing was asked, and nothing is kept of it.
func (b *batchRun) fault(ctx context.Context, faults []lines.Fault) (*tasks.End, error) {
	b.row.Status, b.row.Total = batch.Failed, 0
	b.row.Faults = plainjson.Of(faults)
	err := b.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if err := q.DropLines(ctx, b.row.ID); err != nil {
			return err
		}
		return b.save(ctx, q)
	})
	return nil, err
}

// choose finds who answers: the first of the model's targets whose vendor takes batches of
// it at a known price.
func (b *batchRun) choose(ctx context.Context) (*tasks.End, error) {
	tiers, err := b.Caller.Resolve(ctx, b.run.Store.Queries, b.row.Tenant, b.spec.Model, b.row.ID)
	if err != nil {
		return nil, err
	}
	for _, tier := range tiers {
		for _, target := range tier {
			if b.offers(ctx, target) {
				return b.next(ctx, batch.PhaseSubmit)
			}
		}
	}
	return order{b}.left(ctx)
}

// offers tells whether a target takes a batch, and notes its bounds. A vendor that cannot
// say so now is passed over: its live calls serve as well.
func (b *batchRun) offers(ctx context.Context, target providers.Target) bool {
	price, err := b.Prices.Price(target.Provider, target.Model, b.Now())
	if err != nil || price.Batch == nil || target.Hosted || target.Priced != "" {
		return false
	}
	batcher, err := b.Vendors.Batcher(target.Provider)
	if err != nil {
		return false
	}
	limits, err := batcher.Batchable(ctx, target.Model)
	if err != nil || limits.MinLines > b.row.Total {
		return false
	}
	b.spec.Provider, b.spec.Target = target.Provider, target.Model
	b.spec.MinLines, b.spec.MaxLines, b.spec.MaxBytes = max(limits.MinLines, 1), limits.MaxLines, limits.MaxBytes
	return true
}
