package engine

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// inOwnTime runs a test on embedded parts in a time that passes when all wait,
// the database's time with it.
func inOwnTime(t *testing.T, o Options, test func(r *rig)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, o, storetest.SQLite(t), storetest.EmbeddedQueue(t).Client)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Hour)
		t.Cleanup(cancel)
		r.ctx = ctx
		r.holdClock()
		r.setClock()
		r.start(func(ctx context.Context) error {
			for pause(ctx, clockStep) {
				r.setClock()
			}
			return nil
		})
		test(r)
	})
}

// clockStep is how far the database's clock may be behind in a bubble.
const clockStep = 250 * time.Millisecond

// holdClock makes the database's clock stand still but for setClock. A clock that went on
// by itself would be ahead of the bubble's on a slow machine, and each setClock would turn
// it back: what was queued in between would not be due for seconds.
func (r *rig) holdClock() {
	r.t.Helper()
	r.must(r.store.Tx(r.ctx, db.Relaxed, func(q *store.Queries) error {
		if _, err := q.Exec(r.ctx, `DROP VIEW clock`); err != nil {
			return err
		}
		_, err := q.Exec(r.ctx, `CREATE VIEW clock AS SELECT us FROM clock_offset`)
		return err
	}))
}

// setClock sets the database's clock, which is held, to the bubble's.
func (r *rig) setClock() {
	if err := r.store.ShiftClock(r.ctx, time.Since(time.Unix(0, 0))); err != nil && r.ctx.Err() == nil {
		r.t.Error(err)
	}
}

// kindOf returns a kind of task of a lane.
func kindOf(lane tasks.Lane) tasks.Kind {
	for _, kind := range tasks.Kinds() {
		if kind.Lane() == lane {
			return kind
		}
	}
	panic("no kind of task is in the lane " + lane)
}

// TestRecoveryIsQuick has a worker be killed with a job in its hands: the job
// runs again within the lane's lease and two seconds.
func TestRecoveryIsQuick(t *testing.T) {
	for _, lane := range tasks.Lanes() {
		t.Run(string(lane), func(t *testing.T) {
			inOwnTime(t, Options{}, func(r *rig) {
				r.claim(r.accept(job.NewJob{Kind: string(kindOf(lane))}))
				killed := time.Now()
				again := make(chan time.Time, 1)
				r.start(r.Reconciler().Run)
				r.work(func(context.Context, *tasks.Run) (*tasks.End, error) {
					again <- time.Now()
					return nil, nil
				})
				took := (<-again).Sub(killed)
				if most := lane.Lease() + 2*time.Second; took > most || took < lane.Lease()-clockStep {
					t.Errorf("it ran again after %s, not between %s and %s", took, lane.Lease(), most)
				}
			})
		})
	}
}

// TestStopHandsBackAtOnce stops a worker in the middle of a job: another has it
// within a second, and no attempt is counted.
func TestStopHandsBackAtOnce(t *testing.T) {
	inOwnTime(t, Options{}, func(r *rig) {
		started := make(chan struct{})
		stop := r.start(r.worker(WorkerOptions{Grace: time.Millisecond, Handlers: handlers(
			func(ctx context.Context, _ *tasks.Run) (*tasks.End, error) {
				close(started)
				<-ctx.Done()
				return nil, ctx.Err()
			})}).Run)
		job := r.accept(job.NewJob{})
		<-started
		again := make(chan time.Time, 1)
		r.work(func(context.Context, *tasks.Run) (*tasks.End, error) {
			again <- time.Now()
			return nil, nil
		})
		stopped := time.Now()
		go stop()
		if took := (<-again).Sub(stopped); took > time.Second {
			t.Errorf("another had it after %s", took)
		}
		if got := r.ended(job); got.Attempt != 0 || got.Crashes != 0 {
			t.Errorf("attempts %d, crashes %d", got.Attempt, got.Crashes)
		}
	})
}

// TestWipeIsNoticed wipes Redis under jobs that are on their way: all of them run
// within two seconds, of which one is for noticing.
func TestWipeIsNoticed(t *testing.T) {
	inOwnTime(t, Options{}, func(r *rig) {
		const count = 50
		r.must(r.reconcile(r.ctx)) // sets the sentinel
		jobs := make([]job.Job, count)
		for i := range jobs {
			jobs[i] = r.accept(job.NewJob{Tenant: fmt.Sprintf("ten_%d", i)})
			wantState(t, jobs[i], job.StateDispatched)
		}
		r.start(r.Reconciler().Run)
		r.must(r.redis.FlushAll(r.ctx).Err())
		wiped := time.Now()
		r.work(succeed)
		for _, j := range jobs {
			wantState(t, r.ended(j), job.StateSucceeded)
		}
		if took := time.Since(wiped); took > 2*time.Second {
			t.Errorf("a wiped window was back after %s", took)
		}
	})
}
