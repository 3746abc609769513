package engine

import (
	"context"
	"fmt"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"dreamlab/store/job"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// crowd accepts jobs of every kind of several tenants.
func (r *rig) crowd(count int) []job.Job {
	r.t.Helper()
	jobs := make([]job.Job, count)
	kinds := tasks.Kinds()
	for i := range jobs {
		jobs[i] = r.accept(job.NewJob{Tenant: fmt.Sprintf("ten_%d", i%3), Kind: string(kinds[i%len(kinds)])})
	}
	return jobs
}

// whole runs one of each part of the engine.
func (r *rig) whole(handler tasks.Handler) {
	r.t.Helper()
	r.start(r.Reconciler().Run)
	r.start(r.Scheduler().Run)
	r.work(handler)
}

// TestCluster runs all lanes on a cluster of three masters, each of which is
// wiped once: a lane's keys are in one slot, and no job is lost.
func TestCluster(t *testing.T) {
	t.Parallel()
	q := storetest.ClusterQueue(t)
	r := newRig(t, Options{}, storetest.SQLite(t), q.Client)
	r.must(r.EnsureSchedule(r.ctx, job.Schedule{ID: "often", Spec: "@every 1s"}))
	replies := redis.NewReplies(q.Client)
	var runs tally
	r.whole(func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		runs.add(run.Job.ID)
		reply := replies.Writer(run.Job.Lane, run.Job.ID, run.Job.Epoch)
		if err := reply.Data(ctx, []byte("{}")); err != nil {
			return nil, err
		}
		return nil, reply.End(ctx)
	})
	for range 3 {
		jobs := r.crowd(33)
		r.must(q.Client.(interface {
			ForEachMaster(context.Context, func(context.Context, *goredis.Client) error) error
		}).ForEachMaster(r.ctx, func(ctx context.Context, c *goredis.Client) error { return c.FlushAll(ctx).Err() }))
		for _, j := range jobs {
			wantState(t, r.ended(j), job.StateSucceeded)
			if n := runs.get(j.ID); n != 1 {
				t.Errorf("%s %s ran %d times", j.Kind, j.ID, n)
			}
		}
	}
}

// TestFailover takes the master away while jobs are under way: a sentinel makes
// the replica the master, and what the old one took with it is delivered again.
func TestFailover(t *testing.T) {
	t.Parallel()
	q, failover := storetest.SentinelQueue(t)
	r := newRig(t, Options{}, storetest.SQLite(t), q.Client)
	var runs tally
	r.whole(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
		runs.add(run.Job.ID)
		return nil, nil
	})
	before := r.crowd(22)
	failover()
	for _, j := range append(before, r.crowd(22)...) {
		wantState(t, r.ended(j), job.StateSucceeded)
		if n := runs.get(j.ID); n != 1 {
			t.Errorf("%s ran %d times", j.ID, n)
		}
	}
}
