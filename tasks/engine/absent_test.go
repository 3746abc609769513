package engine

import (
	"testing"
	"time"

	"dreamlab/store/job"
	"dreamlab/store/redis"
)

// TestAbsentClients has chats run whose API process is killed: they are cancelled
// once two looks that are ten seconds apart found no process that follows them. A
// chat that another process resumed, one with a key, one that nobody waits on and
// a young one go on.
func TestAbsentClients(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		run := func(job job.NewJob) job.Job { return r.claim(r.accept(job)) }
		gone := run(job.NewJob{Attached: true})
		resumed := run(job.NewJob{Attached: true})
		keyed := run(job.NewJob{Attached: true, IdemKey: "k", IdemHash: "h"})
		alone := run(job.NewJob{})
		r.must(r.store.ShiftClock(r.ctx, followedAfter+time.Second))
		young := run(job.NewJob{Attached: true})

		first := redis.NewReader(r.redis, "chat")
		r.must(first.Following(r.ctx, gone.ID, resumed.ID))
		look := looks(r)
		look(0)
		look(absentFor) // all are followed
		r.killed(gone.ID, resumed.ID)
		look(2 * absentFor)
		r.must(redis.NewReader(r.redis, "chat").Arrive(r.ctx, resumed.ID))
		look(3 * absentFor)
		for _, job := range []job.Job{resumed, keyed, alone, young} {
			if !r.job(job.ID).CancelAt.IsZero() {
				t.Errorf("job %+v was cancelled", job)
			}
		}
		if r.job(gone.ID).CancelAt.IsZero() {
			t.Error("a chat goes on whose client's process was killed")
		}
	})
}

// TestAbsentAfterWipe wipes Redis under chats that are followed: their process
// reports them again before the second look, and all go on.
func TestAbsentAfterWipe(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		job := r.claim(r.accept(job.NewJob{Attached: true}))
		r.must(r.store.ShiftClock(r.ctx, followedAfter+time.Second))
		reader := redis.NewReader(r.redis, "chat")
		look := looks(r)
		for at := time.Duration(0); at < time.Minute; at += 2 * absentFor {
			r.must(r.redis.FlushAll(r.ctx).Err())
			look(at)
			r.must(reader.Following(r.ctx, job.ID))
			look(at + absentFor)
		}
		if !r.job(job.ID).CancelAt.IsZero() {
			t.Error("a chat was cancelled whose client is there")
		}
	})
}

// looks returns what looks for absent clients at a time since the first look.
func looks(r *rig) func(at time.Duration) {
	seen := newAbsentees(r.Engine)
	began := time.Now()
	return func(at time.Duration) {
		r.t.Helper()
		r.must(seen.cancel(r.ctx, began.Add(at)))
	}
}

// killed lets the reports of jobs end, as those of a process do that was killed.
func (r *rig) killed(jobs ...string) {
	r.t.Helper()
	for _, job := range jobs {
		r.must(r.redis.ZRem(r.ctx, "dreamlab:{chat}:followed", job).Err())
	}
}
