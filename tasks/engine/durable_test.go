package engine

import (
	"context"
	"slices"
	"sync"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// commits records with which durability transactions were committed.
type commits struct {
	mu  sync.Mutex
	all []db.Durability
}

func (c *commits) after(d db.Durability) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, d)
	return nil
}

// of returns the commits that do makes.
func (c *commits) of(do func()) []db.Durability {
	c.mu.Lock()
	c.all = nil
	c.mu.Unlock()
	do()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// TestDurability holds what survives a power cut: what stands behind a 202, what
// an attempt came to, and what was asked of a job. What can be found out again is
// committed without waiting for the disk.
func TestDurability(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		seen := &commits{}
		r.fault(&storetest.Fault{After: seen.after})
		var j job.Job
		write := func(context.Context, *store.Queries) error { return nil }
		accept := func(job job.NewJob, write func(context.Context, *store.Queries) error) func() {
			job.Tenant, job.Kind = "ten_a", string(tasks.ChatRun)
			return func() { _, _, err := r.Accept(r.ctx, job, write); r.must(err) }
		}
		end := func(f job.Finish) func() {
			return func() {
				held := r.claim(r.accept(job.NewJob{Tenant: "ten_b"}))
				f.Job, f.Epoch, f.Worker, f.Lane = held.ID, held.Epoch, "dead", held.Lane
				seen.of(func() {}) // its claim is not what is asked for
				_, err := r.ender.end(r.ctx, f)
				r.must(err)
			}
		}
		for _, c := range []struct {
			name string
			do   func()
			want db.Durability
		}{
			{"accept", accept(job.NewJob{}, nil), db.Synced},
			{"accept with what belongs to it", accept(job.NewJob{}, write), db.Synced},
			{"accept a parent", accept(job.NewJob{Waiting: true}, nil), db.Synced},
			{"accept many", func() {
				_, err := r.AcceptAll(r.ctx, []job.NewJob{{Tenant: "ten_a", Kind: string(tasks.ChatRun)}})
				r.must(err)
			}, db.Synced},
			{"accept for a client that waits", accept(job.NewJob{Attached: true}, nil), db.Relaxed},
			{"cancel", func() { j = r.accept(job.NewJob{}); seen.of(func() {}); r.cancel(j) }, db.Synced},
			{"retry", func() { _, err := r.Retry(r.ctx, j.Tenant, j.ID); r.must(err) }, db.Synced},
			{"store an answer", end(job.Finish{To: job.StateSucceeded, NoFollowUps: true, Outcome: "succeeded"}), db.Synced},
			{"store what was learned", end(job.Finish{To: job.StateWaiting, After: 1, Write: store.Learned(write), Outcome: "waiting"}),
				db.Synced},
			{"store a failure", end(job.Finish{To: job.StateFailed, Outcome: "failed"}), db.Synced},
			{"hand back", end(job.Finish{To: job.StateQueued, Outcome: job.AttemptHandedBack}), db.Relaxed},
		} {
			if got := seen.of(c.do); !slices.Equal(got, []db.Durability{c.want}) {
				t.Errorf("%s: committed with %v, want %v", c.name, got, c.want)
			}
		}
	})
}

func (r *rig) cancel(job job.Job) {
	r.t.Helper()
	_, err := r.Cancel(r.ctx, job.Tenant, job.ID)
	r.must(err)
}
