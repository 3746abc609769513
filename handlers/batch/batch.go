// Package batch is the room of requests that are answered later: it reads a file of them,
// orders their answers at a vendor for less, follows the order without holding a worker,
// asks for what is left live before the time is over, and writes the files of answers.
//
// Lines may come from a client's file, or from a job of ours that waits for the answers of
// its steps; then what an order leaves is for that job to ask. Package chat answers a client
// that waits.
package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/lines"
)

// Vendors finds the batches of a vendor; a [providers.Router] does.
type Vendors interface {
	Batcher(name string) (providers.Batcher, error)
}

// Deps are what the handlers work with. All but Settings and Now are required.
type Deps struct {
	Caller  *handlers.Caller
	Vendors Vendors
	Bucket  blob.Bucket
	Prices  providers.Pricer
	// Settings bound what a batch does. Their zero value works.
	Settings Settings
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
}

// Settings bound what a batch does.
type Settings struct {
	PollEvery time.Duration // how often a vendor is asked how far it is. Defaults to 30 s.
	// Quiet returns how long it is until the off-peak window, 0 within it. A batch that no
	// vendor takes is asked for live then. Defaults to always.
	Quiet func(now time.Time) time.Duration
}

func (d Deps) filled() Deps {
	if d.Settings.PollEvery <= 0 {
		d.Settings.PollEvery = 30 * time.Second
	}
	if d.Settings.Quiet == nil {
		d.Settings.Quiet = func(time.Time) time.Duration { return 0 }
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return d
}

// Handlers returns the handlers of a batch's kinds.
func Handlers(d Deps) map[tasks.Kind]tasks.Handler {
	w := &worker{d.filled()}
	return map[tasks.Kind]tasks.Handler{tasks.BatchRun: w.run, tasks.BatchLive: w.live}
}

type worker struct{ Deps }

// batchRun is a batch under way, as one wake sees it.
type batchRun struct {
	*worker
	run  *tasks.Run
	row  batch.Batch
	spec batch.Spec
}

// load finds the batch that a job works for.
func (w *worker) load(ctx context.Context, run *tasks.Run, id string) (*batchRun, error) {
	row, err := run.Store.Batch(ctx, run.Job.Tenant, id)
	if errors.Is(err, db.ErrNotFound) {
		return nil, tasks.Fail("not_found", "the batch %s of this job is gone: make another", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read the batch: %w", err)
	}
	b := &batchRun{worker: w, run: run, row: row}
	if err := json.Unmarshal(row.Spec, &b.spec); err != nil {
		return nil, tasks.Fail("internal", "the stored state of %s can not be read: make another batch", id)
	}
	return b, nil
}

// run takes a batch from phase to phase until it has to wait.
func (w *worker) run(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in lines.BatchInput
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	b, err := w.load(ctx, run, in.Batch)
	if err != nil {
		return nil, err
	}
	if run.Job.OpenChildren > 0 {
		return &tasks.End{State: job.StateWaiting}, nil
	}
	for !b.row.Ended() {
		end, err := b.step(ctx)
		if end != nil || err != nil {
			return end, err
		}
	}
	return &tasks.End{Result: b.result()}, nil
}

// step does what the phase says, and returns nil where another follows at once.
func (b *batchRun) step(ctx context.Context) (*tasks.End, error) {
	switch b.spec.Phase {
	case batch.PhaseRead, "":
		return b.read(ctx)
	case batch.PhaseChoose:
		return b.choose(ctx)
	case batch.PhaseSubmit:
		return order{b}.submit(ctx)
	case batch.PhaseAdopt:
		return order{b}.adopt(ctx)
	case batch.PhasePoll:
		return order{b}.poll(ctx)
	case batch.PhaseCollect:
		return order{b}.collect(ctx)
	case batch.PhaseLive:
		return b.askLive(ctx)
	case batch.PhaseWrite:
		return writer{b}.write(ctx)
	}
	return nil, tasks.Fail("internal", "batch %s is in the phase %q: make another", b.row.ID, b.spec.Phase)
}

// save stores how far the batch is.
func (b *batchRun) save(ctx context.Context, q *store.Queries) error {
	b.row.Spec = plainjson.Of(b.spec)
	return q.SetBatch(ctx, b.row)
}

// next goes on with another phase at once.
func (b *batchRun) next(ctx context.Context, phase batch.Phase) (*tasks.End, error) {
	b.spec.Phase = phase
	return nil, b.run.Tx(ctx, db.Synced, func(q *store.Queries) error { return b.save(ctx, q) })
}

// wait looks again after a pause. The job waits, and is not handed back: that would end
// its open lines of spend as lost.
func (b *batchRun) wait(pause time.Duration) *tasks.End {
	return &tasks.End{State: job.StateWaiting, After: max(pause, time.Millisecond), Write: b.save}
}

// cancelling tells whether the batch is to end.
func (b *batchRun) cancelling() bool { return !b.row.Cancelling.IsZero() }

// expires is when the batch is to be answered.
func (b *batchRun) expires() time.Time { return b.row.Created.Add(b.row.Window) }

// Bounds of the time that is kept for live calls at the end of a batch's window.
const (
	minReserve = 5 * time.Minute
	maxReserve = 2 * time.Hour
)

// lastCall is when what no order has answered has to be asked for live.
func (b *batchRun) lastCall() time.Time {
	return b.expires().Add(-min(max(b.row.Window/8, minReserve), maxReserve, b.row.Window/2))
}

// asksItself tells whether a job of ours waits for the answers, and asks for what is left.
func (b *batchRun) asksItself() bool { return b.row.File == "" }

// result is the result of batch.run.
func (b *batchRun) result() json.RawMessage {
	return plainjson.Of(map[string]any{
		"batch": b.row.ID, "status": b.row.Status, "total": b.row.Total, "completed": b.row.Completed, "failed": b.row.Failed,
	})
}
