package handlers

import (
	"context"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/tasks"
)

// RequestHash tells the questions of a step apart, as its effect keeps it.
func RequestHash(purpose string, request providers.Request) string {
	return requestHash(&Step{Purpose: purpose, Request: request})
}

// Later is the answer of a step that came with many others, in an order at a vendor.
type Later struct {
	Job, Step, Hash string
	Epoch           int64
	Entry           string
	Reply           *providers.Reply
	Target          providers.Target
	Nano            int64 // its cost, nano-dollars
	Live            int64 // what it would have cost live, nano-dollars
}

// Effect is the answer as [Caller.Ask] finds it when the step is asked.
func (l Later) Effect() book.Effect {
	a := &Answered{Reply: l.Reply, Target: l.Target, Nano: l.Nano, Live: l.Live, Tries: 1, Batched: true, Sandbox: l.Reply.Sandbox}
	return book.Effect{
		Job: l.Job, Step: l.Step, Epoch: l.Epoch, RequestHash: l.Hash, Response: encodeAnswer(a), Entry: l.Entry,
	}
}

// ReserveLater opens the entries of calls that are ordered together, all or none of them,
// with what else is to be written in the same transaction. It fails with
// insufficient_quota where a budget has no room for them.
func (c *Caller) ReserveLater(ctx context.Context, run *tasks.Run, entries []book.Entry, within *Within,
	write func(context.Context, *store.Queries) error,
) error {
	all := make([]*reservation, len(entries))
	for i, e := range entries {
		all[i] = &reservation{store: run.Store, entry: e}
	}
	return run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		if err := hold(ctx, q.Book(), all); err != nil {
			return err
		}
		if err := c.admitEach(ctx, q.Book(), all); err != nil {
			return err
		}
		for _, r := range all {
			if r.err != nil {
				return r.err
			}
		}
		opened, err := q.OpenEntries(ctx, entries)
		if err == nil && len(opened) != len(entries) {
			err = db.ErrFenced
		}
		if err != nil {
			return err
		}
		if within != nil {
			if err := checkWithin(ctx, q.Book(), within); err != nil {
				return err
			}
		}
		return write(ctx, q)
	})
}
