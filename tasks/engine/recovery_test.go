package engine

import (
	"fmt"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// TestTakenWake takes a wake-up out of the queue as a worker does that dies
// before it claims: the job is given to another in seconds, not in the minutes
// that Asynq takes to notice.
func TestTakenWake(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		j := r.accept(job.NewJob{})
		r.must(r.reconcile(r.ctx)) // sets the sentinel
		r.must(r.redis.HSet(r.ctx, taskKey("chat", j.Wake), "state", "active").Err())
		r.must(r.store.ShiftClock(r.ctx, takenAfter-busyMachine))
		r.must(r.reconcile(r.ctx))
		wantState(t, r.job(j.ID), job.StateDispatched) // its claim may be under way
		r.must(r.store.ShiftClock(r.ctx, takenAfter))
		r.must(r.reconcile(r.ctx))
		wantState(t, r.job(j.ID), job.StateQueued)
		r.work(succeed)
		wantState(t, r.ended(j), job.StateSucceeded)
	})
}

// TestReapedAtOnce lets a lease expire: the reconciler's next look, a second
// later at most, gives the job to another.
func TestReapedAtOnce(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		j := r.accept(job.NewJob{})
		r.claim(j)
		r.start(r.Reconciler().Run)
		r.work(succeed)
		r.must(r.store.ShiftClock(r.ctx, tasks.Chat.Lease()))
		got := r.endedWithin(j, 5*time.Second)
		wantState(t, got, job.StateSucceeded)
		if got.Crashes != 1 || got.Attempt != 0 {
			t.Errorf("crashes %d, attempts %d", got.Crashes, got.Attempt)
		}
	})
}

const wideWindow = 10_000

// TestWideWindow wipes Redis under a window of ten thousand: one round looks for
// all of it, and one turn brings it back.
func TestWideWindow(t *testing.T) {
	t.Parallel()
	wipeWideWindow(t)
}

// BenchmarkWideWindow takes the time of that; two seconds are aimed at.
func BenchmarkWideWindow(b *testing.B) {
	var looked, took time.Duration
	for b.Loop() {
		looked, took = wipeWideWindow(b)
	}
	b.ReportMetric(looked.Seconds(), "s/look")
	b.ReportMetric(took.Seconds(), "s/back")
}

// wipeWideWindow returns how long it took to look for the wake-ups, and until
// all of them were sent again.
func wipeWideWindow(t testing.TB) (looked, took time.Duration) {
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Window: wideWindow, TenantCap: wideWindow}}
	r := newRig(t, Options{Lanes: lanes}, storetest.PostgreSQL(t), storetest.RedisQueue(t).Client)
	r.must(r.reconcile(r.ctx)) // sets the sentinel
	jobs := make([]job.NewJob, wideWindow)
	for i := range jobs {
		jobs[i] = job.NewJob{Tenant: fmt.Sprintf("ten_%d", i%50), Kind: string(tasks.ChatRun), Lane: "chat"}
	}
	r.must(r.store.Tx(r.ctx, db.Relaxed, func(q *store.Queries) error {
		_, err := q.AcceptJobs(r.ctx, jobs, nil)
		return err
	}))
	r.must(r.dispatchAll())
	pending := func() int64 { return r.redis.LLen(r.ctx, "asynq:{chat}:pending").Val() }
	if n := pending(); n != wideWindow {
		t.Fatalf("%d wake-ups were sent", n)
	}
	r.must(r.redis.FlushAll(r.ctx).Err())
	began := time.Now()
	r.must(r.reconcile(r.ctx))
	looked = time.Since(began)
	r.must(r.dispatchAll())
	if n := pending(); n != wideWindow {
		t.Errorf("%d wake-ups are back", n)
	}
	return looked, time.Since(began)
}
