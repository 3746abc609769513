package engine

import (
	"context"
	"slices"
	"sync"
	"testing"

	"dreamlab/store"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// commits records with which durability transactions were committed.
type commits struct {
	mu  sync.Mutex
	all []store.Durability
}

func (c *commits) after(d store.Durability) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, d)
	return nil
}

// of returns the commits that do makes.
func (c *commits) of(do func()) []store.Durability {
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
		r.store = storetest.Faulty(r.store, &storetest.Fault{After: seen.after})
		var job store.Job
		write := func(context.Context, *store.Queries) error { return nil }
		accept := func(job store.NewJob, write func(context.Context, *store.Queries) error) func() {
			job.Tenant, job.Kind = "ten_a", string(tasks.ChatRun)
			return func() { _, _, err := r.Accept(r.ctx, job, write); r.must(err) }
		}
		end := func(f store.Finish) func() {
			return func() {
				held := r.claim(r.accept(store.NewJob{Tenant: "ten_b"}))
				f.Job, f.Epoch, f.Worker, f.Lane = held.ID, held.Epoch, "dead", held.Lane
				seen.of(func() {}) // its claim is not what is asked for
				_, err := r.end(r.ctx, f)
				r.must(err)
			}
		}
		for _, c := range []struct {
			name string
			do   func()
			want store.Durability
		}{
			{"accept", accept(store.NewJob{}, nil), store.Synced},
			{"accept with what belongs to it", accept(store.NewJob{}, write), store.Synced},
			{"accept a parent", accept(store.NewJob{Waiting: true}, nil), store.Synced},
			{"accept many", func() {
				_, err := r.AcceptAll(r.ctx, []store.NewJob{{Tenant: "ten_a", Kind: string(tasks.ChatRun)}})
				r.must(err)
			}, store.Synced},
			{"accept for a client that waits", accept(store.NewJob{Attached: true}, nil), store.Relaxed},
			{"cancel", func() { job = r.accept(store.NewJob{}); seen.of(func() {}); r.cancel(job) }, store.Synced},
			{"retry", func() { _, err := r.Retry(r.ctx, job.Tenant, job.ID); r.must(err) }, store.Synced},
			{"store an answer", end(store.Finish{To: store.JobSucceeded, NoFollowUps: true, Outcome: "succeeded"}), store.Synced},
			{"store what was learned", end(store.Finish{To: store.JobWaiting, After: 1, Write: store.Learned(write), Outcome: "waiting"}),
				store.Synced},
			{"store a failure", end(store.Finish{To: store.JobFailed, Outcome: "failed"}), store.Synced},
			{"hand back", end(store.Finish{To: store.JobQueued, Outcome: store.AttemptHandedBack}), store.Relaxed},
		} {
			if got := seen.of(c.do); !slices.Equal(got, []store.Durability{c.want}) {
				t.Errorf("%s: committed with %v, want %v", c.name, got, c.want)
			}
		}
	})
}

func (r *rig) cancel(job store.Job) {
	r.t.Helper()
	_, err := r.Cancel(r.ctx, job.Tenant, job.ID)
	r.must(err)
}
