package job_test

import (
	"errors"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
)

func TestPrune(t *testing.T) {
	onEach(t, func(b bench) {
		old := b.run(job.NewJob{})
		b.finish(old, job.Finish{To: job.StateSucceeded})
		tune := b.run(job.NewJob{Kind: "tune.curate", Lane: "chat", Subject: "tun_1"})
		b.finish(tune, job.Finish{To: job.StateFailed})
		open := b.accept(job.NewJob{})[0].Job
		b.must(b.ShiftClock(ctx, 48*time.Hour))
		fresh := b.run(job.NewJob{})
		b.finish(fresh, job.Finish{To: job.StateSucceeded})
		var n int64
		b.tx(func(q *store.Queries) (err error) { n, err = q.PruneJobs(ctx, 24*time.Hour); return err })
		if n != 1 {
			b.t.Errorf("%d jobs went", n)
		}
		if _, err := b.AnyJob(ctx, old.ID); !errors.Is(err, db.ErrNotFound) {
			b.t.Errorf("the old one stayed: %v", err)
		}
		if attempts, err := b.Attempts(ctx, old.ID); err != nil || len(attempts) != 0 {
			b.t.Errorf("%d attempts stayed, %v", len(attempts), err)
		}
		for _, job := range []job.Job{tune, open, fresh} {
			b.job(job.ID)
		}
	})
}

// TestPruneTicks has the ticks of a schedule go, whose subject no noun shows.
func TestPruneTicks(t *testing.T) {
	onEach(t, func(b bench) {
		tick := job.NewJob{Kind: "schedule.tick", Lane: "chat", Subject: "dreams"}
		old := b.run(tick)
		b.finish(old, job.Finish{To: job.StateSucceeded})
		b.must(b.ShiftClock(ctx, 48*time.Hour))
		fresh, open := b.run(tick), b.accept(tick)[0].Job
		b.finish(fresh, job.Finish{To: job.StateFailed})
		for _, want := range []int64{1, 0} {
			var n int64
			b.tx(func(q *store.Queries) (err error) {
				n, err = q.PruneTenantJobs(ctx, "ten_a", 24*time.Hour)
				return err
			})
			if n != want {
				b.t.Errorf("%d ticks went, want %d", n, want)
			}
		}
		if _, err := b.AnyJob(ctx, old.ID); !errors.Is(err, db.ErrNotFound) {
			b.t.Errorf("the old one stayed: %v", err)
		}
		if still, err := b.HasOpenJob(ctx, "ten_a", "dreams"); err != nil || !still {
			b.t.Errorf("a tick is open: %v, %v", still, err)
		}
		for _, job := range []job.Job{fresh, open} {
			b.job(job.ID)
		}
	})
}

// TestPrivateJobsAreCleared ends private jobs in every way: without an answer the
// input goes at once, an answer stays for those who may still fetch it, and what is
// not private stays.
func TestPrivateJobsAreCleared(t *testing.T) {
	onEach(t, func(b bench) {
		said := func(j job.NewJob) job.NewJob { j.Private, j.Input = true, []byte(`{"said":1}`); return j }
		failed, crossed := b.run(said(job.NewJob{})), b.accept(said(job.NewJob{}))[0].Job
		b.finish(failed, job.Finish{To: job.StateFailed})
		b.tx(func(q *store.Queries) error { _, err := q.CancelJob(ctx, crossed.Tenant, crossed.ID); return err })
		waited, fetched := b.run(said(job.NewJob{Attached: true})), b.run(said(job.NewJob{}))
		public := b.run(job.NewJob{Input: []byte(`{"said":1}`)})
		for _, j := range []job.Job{waited, fetched, public} {
			b.finish(j, job.Finish{To: job.StateSucceeded, Result: []byte(`{"answer":1}`)})
		}
		look := func(when string, keeps map[string]bool) {
			b.t.Helper()
			b.tx(func(q *store.Queries) error { _, err := q.ClearPrivate(ctx, 24*time.Hour); return err })
			for id, want := range keeps {
				if job := b.job(id); (string(job.Input) != "{}") != want || !want && len(job.Result) > 0 {
					b.t.Errorf("%s: the %s job holds %s and %s", when, job.State, job.Input, job.Result)
				}
			}
		}
		look("at once", map[string]bool{failed.ID: false, crossed.ID: false, waited.ID: true, fetched.ID: true, public.ID: true})
		b.must(b.ShiftClock(ctx, time.Hour))
		look("after an hour", map[string]bool{waited.ID: false, fetched.ID: true, public.ID: true})
		b.must(b.ShiftClock(ctx, 25*time.Hour))
		look("after a day", map[string]bool{fetched.ID: false, public.ID: true})
		b.tx(func(q *store.Queries) error {
			if _, err := q.RetryJob(ctx, failed.Tenant, failed.ID); !errors.Is(err, db.ErrConflict) {
				b.t.Errorf("a job without its input is tried again: %v", err)
			}
			return nil
		})
	})
}
