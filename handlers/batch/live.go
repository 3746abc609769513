package batch

import (
	"context"
	"fmt"
	"net/http"

	"dreamlab/handlers"
	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/lines"
)

// How many lines are asked for live at a time: so many jobs, with so many lines each.
const (
	wave     = 8
	perChild = 16
)

// askLive hands what waits to jobs that ask for it live, a wave at a time. A batch that no
// vendor takes is served in the off-peak window, unless its time runs out before.
func (b *batchRun) askLive(ctx context.Context) (*tasks.End, error) {
	if err := b.regain(ctx); err != nil {
		return nil, err
	}
	if b.cancelling() || !b.Now().Before(b.expires()) {
		return b.next(ctx, batch.PhaseWrite)
	}
	if pause := min(b.Settings.Quiet(b.Now()), b.lastCall().Sub(b.Now())); b.spec.Provider == "" && pause > 0 {
		return b.wait(min(pause, b.Settings.PollEvery)), nil
	}
	some, err := b.run.Store.Lines(ctx, b.row.ID, batch.LineWaiting, 0, wave*perChild)
	if err != nil {
		return nil, fmt.Errorf("read the lines: %w", err)
	}
	if len(some) == 0 {
		return b.next(ctx, batch.PhaseWrite)
	}
	var children []job.NewJob
	for from := 0; from < len(some); from += perChild {
		children = append(children, b.child(some[from:min(from+perChild, len(some))]))
	}
	return &tasks.End{
		State: job.StateWaiting, Children: children, Write: func(ctx context.Context, q *store.Queries) error {
			for i := range some {
				some[i].State, some[i].Tries = batch.LineLive, some[i].Tries+1
			}
			if err := q.MoveLines(ctx, batch.LineWaiting, some); err != nil {
				return err
			}
			return b.save(ctx, q)
		},
	}, nil
}

// child is a job that asks for some lines live.
func (b *batchRun) child(some []batch.Line) job.NewJob {
	in := lines.LiveInput{Batch: b.row.ID}
	for _, l := range some {
		in.Lines = append(in.Lines, l.Number)
	}
	own := &b.run.Job
	return job.NewJob{
		Tenant: own.Tenant, KeyID: own.KeyID, Kind: string(tasks.BatchLive), Lane: string(tasks.BatchLive.Lane()),
		Priority: own.Priority, Input: plainjson.Of(in), Subject: own.Subject, Trace: own.Trace,
	}
}

// regain takes back what jobs have left that could not go on.
func (b *batchRun) regain(ctx context.Context) error {
	for {
		some, err := b.run.Store.Lines(ctx, b.row.ID, batch.LineLive, 0, page)
		if err != nil {
			return fmt.Errorf("read the lines: %w", err)
		}
		for i := range some {
			some[i].State = batch.LineWaiting
			if some[i].Tries >= maxTries {
				failed(&some[i], tasks.Fail("vendor_unavailable", "the request could not be answered: send it again"))
			}
		}
		err = b.run.Tx(ctx, db.Synced, func(q *store.Queries) error { return q.MoveLines(ctx, batch.LineLive, some) })
		if err != nil {
			return fmt.Errorf("take lines back: %w", err)
		}
		if len(some) < page {
			return nil
		}
	}
}

// live asks for some lines, one after the other. What is answered is stored with its line.
func (w *worker) live(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in lines.LiveInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	b, err := w.load(ctx, run, in.Batch)
	if err != nil {
		return nil, err
	}
	some, err := run.Store.LiveLines(ctx, b.row.ID, in.Lines)
	if err != nil {
		return nil, fmt.Errorf("read the lines: %w", err)
	}
	for i := range some {
		if err := b.askOne(ctx, &some[i]); err != nil {
			return nil, err
		}
	}
	return &tasks.End{}, nil
}

// askOne asks for one line. A failure is the line's own, but for what ends the job.
func (b *batchRun) askOne(ctx context.Context, l *batch.Line) error {
	request, err := b.request(l)
	if err != nil {
		return err
	}
	tiers, err := b.Caller.Resolve(ctx, b.run.Store.Queries, b.row.Tenant, b.spec.Model, b.row.ID)
	if err != nil {
		return err
	}
	_, err = b.Caller.Ask(ctx, b.run, handlers.Step{
		Name: lineID(l.Number), Purpose: l.Purpose, Request: *request, Tiers: tiers,
		Write: func(ctx context.Context, q *store.Queries, a *handlers.Answered) error {
			answered := *l
			answered.State, answered.Status, answered.Response = batch.LineAnswered, http.StatusOK, a.Reply.Body
			if err := q.MoveLines(ctx, batch.LineLive, []batch.Line{answered}); err != nil {
				return err
			}
			return q.AddLiveCost(ctx, b.row.ID, a.Live)
		},
	})
	if err == nil {
		return nil
	}
	failure := handlers.Failure(err)
	if ctx.Err() != nil || failure.Code == "internal" {
		return err
	}
	return b.askFailed(ctx, l, err, failure)
}

// askFailed ends a line that failed for good, or lets it wait for another wave.
func (b *batchRun) askFailed(ctx context.Context, l *batch.Line, err error, failure *tasks.Failure) error {
	l.State = batch.LineWaiting
	if failure.Final || l.Tries >= maxTries {
		failed(l, err)
	}
	return b.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		return q.MoveLines(ctx, batch.LineLive, []batch.Line{*l})
	})
}
