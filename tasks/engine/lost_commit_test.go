package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// forgetful loses the answer to the next synced commit once it is armed.
type forgetful struct{ armed atomic.Bool }

func (f *forgetful) after(d db.Durability) error {
	if d == db.Synced && f.armed.CompareAndSwap(true, false) {
		return fmt.Errorf("the connection broke: %w", db.ErrBusy)
	}
	return nil
}

// TestLostCommitAnswer loses the answer to the commit of an attempt's end: what
// was to follow on the commit does, and nobody takes the job for another's.
func TestLostCommitAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		job  job.NewJob
		end  *tasks.End
		fail error
		want job.State
	}{
		"alone":      {want: job.StateSucceeded},
		"with write": {end: &tasks.End{Write: func(context.Context, *store.Queries) error { return nil }}, want: job.StateSucceeded},
		"told of":    {job: job.NewJob{WebhookURL: "https://example.com/hook"}, want: job.StateSucceeded},
		"cancelled":  {end: &tasks.End{State: job.StateCancelled}, want: job.StateCancelled},
		"failed":     {fail: tasks.Fail("invalid_request", "mend it"), want: job.StateFailed},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, Options{}, func(t *testing.T, r *rig) {
				lost := &forgetful{}
				r.fault(&storetest.Fault{After: lost.after})
				var then, fenced atomic.Int32
				followed := make(chan struct{})
				r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
					if run.Job.Kind == job.DeliveryKind {
						return nil, nil
					}
					end := tasks.End{}
					if c.end != nil {
						end = *c.end
					}
					end.Then = func(context.Context) error { then.Add(1); close(followed); return nil }
					end.Fenced = func(context.Context) error { fenced.Add(1); close(followed); return nil }
					lost.armed.Store(true)
					return &end, c.fail
				})
				wantState(t, r.ended(r.accept(c.job)), c.want)
				if c.fail == nil {
					<-followed
					if then.Load() != 1 || fenced.Load() != 0 {
						t.Errorf("followed by %d and fenced by %d", then.Load(), fenced.Load())
					}
				}
				if told := scrape(t, r.metrics.fenced); told != "" {
					t.Errorf("counted as fenced: %s", told)
				}
			})
		})
	}
}

// TestLostCommitOfMany loses the answer to a commit that many ends share.
func TestLostCommitOfMany(t *testing.T) {
	const count = 24
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Concurrency: count, Window: 8 * count, TenantCap: count}}
	onBoth(t, Options{Lanes: lanes}, func(t *testing.T, r *rig) {
		lost := &forgetful{}
		r.fault(&storetest.Fault{After: lost.after})
		var all, followed sync.WaitGroup
		all.Add(count)
		followed.Add(count)
		var then tally
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			all.Done()
			all.Wait()
			lost.armed.Store(true)
			name := run.Job.ID
			return &tasks.End{
				Then:   func(context.Context) error { then.add(name); followed.Done(); return nil },
				Fenced: func(context.Context) error { followed.Done(); return errors.New("fenced") },
			}, nil
		})
		jobs := make([]job.Job, count)
		for i := range jobs {
			jobs[i] = r.accept(job.NewJob{Tenant: fmt.Sprintf("ten_%d", i)})
		}
		followed.Wait()
		for _, j := range jobs {
			wantState(t, r.ended(j), job.StateSucceeded)
			if n := then.get(j.ID); n != 1 {
				t.Errorf("%d follow-ups of %s", n, j.ID)
			}
		}
	})
}

// TestAnothersEnd is fenced for good: the same epoch was ended by the reaper.
func TestAnothersEnd(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		held := r.claim(r.accept(job.NewJob{}))
		w := r.worker(WorkerOptions{Handlers: handlers(succeed), Name: "dead"})
		f := job.Finish{Job: held.ID, Epoch: held.Epoch, Worker: "dead", Outcome: string(job.StateSucceeded)}
		if err := w.storedBefore(r.ctx, f); !errors.Is(err, db.ErrFenced) {
			t.Errorf("before any end: %v", err)
		}
		r.must(r.store.Tx(r.ctx, db.Synced, func(q *store.Queries) error {
			f.To = job.StateSucceeded
			_, err := storetest.FinishJob(r.ctx, q, f)
			return err
		}))
		r.must(w.storedBefore(r.ctx, f))
		f.Outcome = job.AttemptHandedBack
		if err := w.storedBefore(r.ctx, f); !errors.Is(err, db.ErrFenced) {
			t.Errorf("another end of the same attempt: %v", err)
		}
	})
}
