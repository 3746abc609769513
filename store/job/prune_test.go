package job_test

import (
	"errors"
	"testing"
	"time"

	"dreamlab/store"
)

func TestPrune(t *testing.T) {
	onEach(t, func(b bench) {
		old := b.run(store.NewJob{})
		b.finish(old, store.Finish{To: store.JobSucceeded})
		tune := b.run(store.NewJob{Kind: "tune.curate", Lane: "chat", Subject: "tun_1"})
		b.finish(tune, store.Finish{To: store.JobFailed})
		open := b.accept(store.NewJob{})[0].Job
		b.must(b.ShiftClock(ctx, 48*time.Hour))
		fresh := b.run(store.NewJob{})
		b.finish(fresh, store.Finish{To: store.JobSucceeded})
		var n int64
		b.tx(func(q *store.Queries) (err error) { n, err = q.PruneJobs(ctx, 24*time.Hour); return err })
		if n != 1 {
			b.t.Errorf("%d jobs went", n)
		}
		if _, err := b.AnyJob(ctx, old.ID); !errors.Is(err, store.ErrNotFound) {
			b.t.Errorf("the old one stayed: %v", err)
		}
		if attempts, err := b.Attempts(ctx, old.ID); err != nil || len(attempts) != 0 {
			b.t.Errorf("%d attempts stayed, %v", len(attempts), err)
		}
		for _, job := range []store.Job{tune, open, fresh} {
			b.job(job.ID)
		}
	})
}

// TestPruneTicks has the ticks of a schedule go, whose subject no noun shows.
func TestPruneTicks(t *testing.T) {
	onEach(t, func(b bench) {
		tick := store.NewJob{Kind: "schedule.tick", Lane: "chat", Subject: "dreams"}
		old := b.run(tick)
		b.finish(old, store.Finish{To: store.JobSucceeded})
		b.must(b.ShiftClock(ctx, 48*time.Hour))
		fresh, open := b.run(tick), b.accept(tick)[0].Job
		b.finish(fresh, store.Finish{To: store.JobFailed})
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
		if _, err := b.AnyJob(ctx, old.ID); !errors.Is(err, store.ErrNotFound) {
			b.t.Errorf("the old one stayed: %v", err)
		}
		if still, err := b.HasOpenJob(ctx, "ten_a", "dreams"); err != nil || !still {
			b.t.Errorf("a tick is open: %v, %v", still, err)
		}
		for _, job := range []store.Job{fresh, open} {
			b.job(job.ID)
		}
	})
}
