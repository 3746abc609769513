package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

// storm fails some of all commands, half of them after they were carried out.
type storm struct{ share float64 }

func (s storm) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s storm) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "evalsha" || rand.Float64() > s.share {
			return next(ctx, cmd)
		}
		if rand.Float64() < 0.5 {
			if err := next(ctx, cmd); err != nil {
				return err
			}
		}
		err := errors.New("struck by lightning")
		cmd.SetErr(err)
		return err
	}
}

func (s storm) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if rand.Float64() > s.share {
			return next(ctx, cmds)
		}
		return errors.New("struck by lightning")
	}
}

// TestStorm works through a crowd of jobs while Redis fails, is wiped, and
// workers come and go. No job is lost, and none runs twice: no worker dies.
func TestStorm(t *testing.T) {
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Concurrency: 8, Window: 32}}
	onBoth(t, Options{Lanes: lanes}, func(t *testing.T, r *rig) {
		const count = 200
		r.redis.AddHook(storm{share: 0.03})
		var runs tally
		handler := func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			runs.add(run.Job.ID)
			return nil, nil
		}
		for range 2 {
			r.start(r.Reconciler().Run)
			r.start(r.Dispatcher().Run)
		}
		r.start(r.worker(WorkerOptions{Handlers: handlers(handler)}).Run)
		comes := r.start(r.worker(WorkerOptions{Handlers: handlers(handler)}).Run)
		jobs := make([]job.Job, count)
		for i := range jobs {
			jobs[i] = r.accept(job.NewJob{Tenant: fmt.Sprintf("ten_%d", i%4)})
			switch i {
			case count / 4, count / 2:
				r.must(r.redis.FlushAll(r.ctx).Err())
			case count * 3 / 4:
				comes()
			}
		}
		for _, j := range jobs {
			wantState(t, r.calm(j), job.StateSucceeded)
			if n := runs.get(j.ID); n != 1 {
				t.Errorf("%s ran %d times", j.ID, n)
			}
		}
	})
}

// calm waits for a job's end. One whose dequeue was struck is in nobody's
// hands, and is given up after two minutes: where nothing moves any more, time
// is made to pass.
func (r *rig) calm(j job.Job) job.Job {
	r.t.Helper()
	for {
		got, err := r.Wait(r.ctx, j.Tenant, j.ID, 3*time.Second)
		r.must(err)
		if got.State.Ended() {
			return got
		}
		if got.State == job.StateDispatched {
			r.passed += stuckAfter
			r.must(r.store.ShiftClock(r.ctx, r.passed))
			r.must(r.redis.Set(r.ctx, claimedKey(tasks.Lane(j.Lane)), 1, claimedFor).Err())
		}
	}
}
