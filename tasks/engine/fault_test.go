package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

func succeed(context.Context, *tasks.Run) (*tasks.End, error) { return &tasks.End{}, nil }

// busyMachine is how far a test turns the shared clock back before it looks at what
// is not due yet: a step of it may take that long where the machine is busy.
const busyMachine = time.Minute

// TestLostWake deletes the task of a dispatched job: the reconciler queues it
// under a new generation.
func TestLostWake(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		j := r.accept(job.NewJob{})
		wantState(t, j, job.StateDispatched)
		r.must(r.reconcile(r.ctx)) // sets the sentinel
		r.must(r.redis.Del(r.ctx, taskKey("chat", j.Wake)).Err())
		r.must(r.store.ShiftClock(r.ctx, -busyMachine))
		r.must(r.reconcile(r.ctx))
		if got := r.job(j.ID); got.Gen != 0 {
			t.Fatal("a wake-up of less than three seconds was given up")
		}
		r.must(r.store.ShiftClock(r.ctx, 4*time.Second))
		r.must(r.reconcile(r.ctx))
		got := r.job(j.ID)
		wantState(t, got, job.StateQueued)
		if got.Gen != 1 || got.Wake != "" {
			t.Fatalf("gen %d wake %q", got.Gen, got.Wake)
		}
		r.work(succeed)
		wantState(t, r.ended(j), job.StateSucceeded)
	})
}

// TestStuckWake leaves the task in place, as when Asynq believes that somebody
// works on it.
func TestStuckWake(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		j := r.accept(job.NewJob{})
		r.must(r.reconcile(r.ctx))
		r.must(r.store.ShiftClock(r.ctx, 3*time.Minute))
		r.must(r.reconcile(r.ctx))
		wantState(t, r.job(j.ID), job.StateDispatched) // its lane does not claim: it only waits
		r.must(r.redis.Set(r.ctx, claimedKey("chat"), 1, time.Minute).Err())
		r.must(r.reconcile(r.ctx))
		wantState(t, r.job(j.ID), job.StateQueued)
	})
}

// TestDoubledWake delivers each wake-up three times: the job runs once.
func TestDoubledWake(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		var runs tally
		j := r.accept(job.NewJob{})
		for range 2 {
			r.must(r.pusher.push(r.ctx, []wakeUp{{id: db.NewID("wake_"), kind: tasks.ChatRun,
				jobs: []tasks.Ref{{ID: j.ID, Gen: j.Gen}}}}))
		}
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			runs.add(run.Job.ID)
			return nil, nil
		})
		r.ended(j)
		last := r.accept(job.NewJob{Tenant: "ten_b"}) // delivered behind the doubles
		r.ended(last)
		if n := runs.get(j.ID); n != 1 {
			t.Errorf("the job ran %d times", n)
		}
	})
}

// TestDeadWorker lets leases expire: epochs fence, crashes count, the third
// one fails the job, and open entries become unknown.
func TestDeadWorker(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		j := r.accept(job.NewJob{})
		dead := r.claim(j)
		for crash := 1; crash <= job.MaxCrashes; crash++ {
			r.must(r.store.ShiftClock(r.ctx, time.Duration(crash)*time.Minute))
			r.must(r.reconcile(r.ctx))
			got := r.job(j.ID)
			if got.Crashes != crash || got.Attempt != 0 {
				t.Fatalf("crashes %d attempt %d after %d crashes", got.Crashes, got.Attempt, crash)
			}
			_, err := r.ender.end(r.ctx, job.Finish{Job: j.ID, Epoch: dead.Epoch, To: job.StateSucceeded})
			if !errors.Is(err, db.ErrFenced) {
				t.Fatalf("a late end: %v", err)
			}
			if crash == job.MaxCrashes {
				wantState(t, got, job.StateFailed)
				break
			}
			wantState(t, got, job.StateQueued)
			r.must(r.dispatchAll())
			dead = r.claim(r.job(j.ID))
			if dead.Epoch != int64(crash+1) {
				t.Fatalf("epoch %d after %d crashes", dead.Epoch, crash)
			}
		}
		attempts, err := r.store.Attempts(r.ctx, j.ID)
		if err != nil || len(attempts) != 3 || attempts[0].Outcome != job.AttemptCrashed {
			t.Errorf("attempts %+v, %v", attempts, err)
		}
	})
}

// TestFlushMidFlight wipes Redis while jobs are queued, dispatched and running.
func TestFlushMidFlight(t *testing.T) {
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Concurrency: 4, Window: 16}}
	onBoth(t, Options{Lanes: lanes}, func(t *testing.T, r *rig) {
		const count = 60
		var runs tally
		var started atomic.Int32
		half := make(chan struct{})
		wiped := make(chan struct{})
		r.start(r.Reconciler().Run)
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			if started.Add(1) == count/3 {
				close(half)
			}
			if started.Load() >= count/3 {
				<-wiped
			}
			runs.add(run.Job.ID)
			return nil, nil
		})
		jobs := make([]job.Job, count)
		for i := range jobs {
			jobs[i] = r.accept(job.NewJob{Tenant: fmt.Sprintf("ten_%d", i%3)})
		}
		<-half
		r.must(r.redis.FlushAll(r.ctx).Err())
		close(wiped)
		for _, j := range jobs {
			wantState(t, r.ended(j), job.StateSucceeded)
			if n := runs.get(j.ID); n != 1 {
				t.Errorf("job %s ran %d times", j.ID, n)
			}
		}
		if queues, err := r.redis.SMembers(r.ctx, asynqQueues).Result(); err != nil || len(queues) == 0 {
			t.Errorf("asynqmon knows the queues %v, %v", queues, err)
		}
	})
}

// TestRedisDown accepts while nothing answers; an attached job is refused.
func TestRedisDown(t *testing.T) {
	t.Parallel()
	away := redis.NewClient(&redis.Options{MaxRetries: -1, DialerRetries: 1,
		Dialer: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("away") }})
	t.Cleanup(func() {
		if err := away.Close(); err != nil {
			t.Error(err)
		}
	})
	s := storetest.SQLite(t)
	down := newRig(t, Options{}, s, away)
	j := down.accept(job.NewJob{})
	attached := job.NewJob{Tenant: "ten_a", Kind: "chat.run", Attached: true}
	if _, _, err := down.Accept(down.ctx, attached, nil); !errors.Is(err, ErrQueueUnavailable) {
		t.Errorf("attached: %v", err)
	}
	if jobs, _, err := s.Jobs(down.ctx, "ten_a", job.Filter{}, db.Page{}); err != nil || len(jobs) != 1 {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
	stats, err := down.Stats(down.ctx)
	if err != nil || stats.Queue == nil || stats.Lanes["chat"].Dispatched != 1 {
		t.Errorf("stats %+v, %v", stats, err)
	}
	back := newRig(t, Options{}, s, storetest.EmbeddedQueue(t).Client)
	back.start(back.Reconciler().Run)
	back.work(succeed)
	wantState(t, back.ended(j), job.StateSucceeded)
}

// lossy executes scripts and loses the answers of some: what is to be done
// was done, but the caller hears of an error.
type lossy struct {
	key  string // the end of a key that the script takes
	left atomic.Int32
}

func (l *lossy) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *lossy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (l *lossy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if cmd.Name() != "evalsha" || err != nil || !strings.Contains(cmd.String(), l.key) || l.left.Add(-1) < 0 {
			return err
		}
		err = errors.New("answer lost")
		cmd.SetErr(err)
		return err
	}
}

// TestLostDone loses the answer of Asynq's done script, of which Asynq alone
// makes a second run a minute later: here the second delivery claims nothing.
func TestLostDone(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		fault := &lossy{key: ":processed"}
		fault.left.Store(3)
		r.redis.AddHook(fault)
		var runs tally
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			runs.add(run.Job.ID)
			return nil, nil
		})
		for i := range 10 {
			j := r.accept(job.NewJob{Tenant: fmt.Sprintf("ten_%d", i)})
			wantState(t, r.ended(j), job.StateSucceeded)
			if n := runs.get(j.ID); n != 1 {
				t.Errorf("ran %d times", n)
			}
		}
		if left := fault.left.Load(); left > 0 {
			t.Errorf("%d answers were not lost", left)
		}
	})
}

// TestLostDequeue loses the answers of the dequeue script: the tasks are gone
// from the list, and the jobs run all the same.
func TestLostDequeue(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		fault := &lossy{key: ":pending"}
		fault.left.Store(2)
		r.redis.AddHook(fault)
		r.start(r.Reconciler().Run)
		r.work(succeed)
		jobs := []job.Job{r.accept(job.NewJob{}), r.accept(job.NewJob{})}
		for _, j := range jobs { // a claim in the lane lets stuck wake-ups be given up
			for fault.left.Load() > 0 {
				r.ended(r.accept(job.NewJob{Tenant: "ten_b"}))
			}
			r.ended(r.accept(job.NewJob{Tenant: "ten_b"}))
			r.must(r.store.ShiftClock(r.ctx, 3*time.Minute))
			wantState(t, r.ended(j), job.StateSucceeded)
		}
	})
}

// TestUnknownScript wipes the server's scripts: the pipeline's enqueue is done
// again one by one.
func TestUnknownScript(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{}, storetest.PostgreSQL(t), storetest.RedisQueue(t).Client)
	r.work(succeed)
	for range 2 {
		wantState(t, r.endedWithin(r.accept(job.NewJob{}), 2*time.Second), job.StateSucceeded)
		r.must(r.redis.ScriptFlush(r.ctx).Err())
	}
}
