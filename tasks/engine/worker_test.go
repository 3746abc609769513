package engine

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/sqlite"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

var quick = Options{Backoff: time.Millisecond, BackoffMax: time.Millisecond}

func TestFailures(t *testing.T) {
	fails := func(err error) tasks.Handler {
		return func(context.Context, *tasks.Run) (*tasks.End, error) { return nil, err }
	}
	ends := func(end tasks.End) tasks.Handler {
		return func(context.Context, *tasks.Run) (*tasks.End, error) { return &end, nil }
	}
	refuse := func(context.Context, *store.Queries) error { return tasks.Fail("not_found", "gone") }
	cases := map[string]struct {
		handler  tasks.Handler
		attempts int
		code     string
	}{
		"tried again":   {fails(errors.New("boom")), 3, "internal"},
		"final":         {fails(tasks.Fail("content_filter", "no")), 1, "content_filter"},
		"panic":         {func(context.Context, *tasks.Run) (*tasks.End, error) { panic("secret") }, 3, "internal"},
		"unknown state": {ends(tasks.End{State: "odd"}), 1, "internal"},
		"refused write": {ends(tasks.End{Write: refuse}), 1, "not_found"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			onBoth(t, quick, func(t *testing.T, r *rig) {
				r.work(c.handler)
				got := r.ended(r.accept(job.NewJob{MaxAttempts: 3}))
				wantState(t, got, job.StateFailed)
				if got.Attempt != c.attempts || got.Error == nil || got.Error.Code != c.code {
					t.Errorf("attempt %d error %v", got.Attempt, got.Error)
				}
				if strings.Contains(got.Error.Message, "secret") {
					t.Error("the error shows what panicked")
				}
			})
		})
	}
}

// TestFreeFailure hands back a job for which nothing could be tried: none of
// that counts.
func TestFreeFailure(t *testing.T) {
	onBoth(t, quick, func(t *testing.T, r *rig) {
		var runs tally
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			if runs.add(run.Job.ID) < 4 {
				return nil, &tasks.Failure{Code: "vendor_unavailable", Message: "full", Free: true, After: time.Millisecond}
			}
			return nil, nil
		})
		got := r.ended(r.accept(job.NewJob{MaxAttempts: 1}))
		wantState(t, got, job.StateSucceeded)
		if got.Attempt != 0 || got.Crashes != 0 || runs.get(got.ID) != 4 {
			t.Errorf("%d runs, attempts %d, crashes %d", runs.get(got.ID), got.Attempt, got.Crashes)
		}
	})
}

func TestRetryRunsAgain(t *testing.T) {
	onBoth(t, quick, func(t *testing.T, r *rig) {
		var runs tally
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			if runs.add(run.Job.ID) == 1 {
				return nil, tasks.Fail("internal", "not yet")
			}
			return nil, nil
		})
		j := r.ended(r.accept(job.NewJob{}))
		wantState(t, j, job.StateFailed)
		if _, err := r.Retry(r.ctx, "ten_other", j.ID); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("another tenant's retry: %v", err)
		}
		if _, err := r.Retry(r.ctx, j.Tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		wantState(t, r.ended(j), job.StateSucceeded)
		if _, err := r.Retry(r.ctx, j.Tenant, j.ID); !errors.Is(err, db.ErrConflict) {
			t.Errorf("retry of one that succeeded: %v", err)
		}
	})
}

func TestCancel(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		waits := r.accept(job.NewJob{RunAt: time.Now().Add(time.Hour)})
		queued, err := r.Cancel(r.ctx, waits.Tenant, waits.ID)
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, queued, job.StateCancelled)

		started := make(chan struct{})
		r.work(func(ctx context.Context, _ *tasks.Run) (*tasks.End, error) {
			close(started)
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		j := r.accept(job.NewJob{})
		<-started
		for range 2 { // idempotent
			running, err := r.Cancel(r.ctx, j.Tenant, j.ID)
			if err != nil || running.CancelAt.IsZero() {
				t.Fatalf("cancel: %+v, %v", running, err)
			}
		}
		wantState(t, r.endedWithin(j, 5*time.Second), job.StateCancelled)
	})
}

// TestManyWaiters has more wait for a job than may listen: all of them are told.
func TestManyWaiters(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		j := r.accept(job.NewJob{RunAt: time.Now().Add(time.Hour)})
		var all sync.WaitGroup
		for range 3 * maxListeners {
			all.Go(func() {
				if got, err := r.Wait(r.ctx, j.Tenant, j.ID, testWait); err != nil || got.State != job.StateCancelled {
					t.Errorf("told that it is %s, %v", got.State, err)
				}
			})
		}
		for len(r.watcher.listeners) < maxListeners && r.ctx.Err() == nil {
			runtime.Gosched()
		}
		_, err := r.Cancel(r.ctx, j.Tenant, j.ID)
		r.must(err)
		all.Wait()
		if n := len(r.watcher.listeners); n != 0 {
			t.Errorf("%d still listen", n)
		}
	})
}

func TestExpiry(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		j := r.accept(job.NewJob{ExpiresIn: time.Minute})
		r.must(r.store.ShiftClock(r.ctx, 2*time.Minute))
		r.must(r.reconcile(r.ctx))
		got := r.job(j.ID)
		wantState(t, got, job.StateExpired)
		if got.Error == nil {
			t.Error("an expired job says nothing")
		}
	})
}

func TestRunAt(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		r.work(succeed)
		at := time.Now().Add(400 * time.Millisecond)
		got := r.ended(r.accept(job.NewJob{RunAt: at}))
		if late := got.Started.Sub(at); late < 0 || late > 3*time.Second {
			t.Errorf("started %s after its time", late)
		}
	})
}

// TestWaitingPolls has a job wait and come back, which counts no attempt.
func TestWaitingPolls(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		var polls tally
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			if polls.add(run.Job.ID) < 4 {
				return &tasks.End{State: job.StateWaiting, After: 20 * time.Millisecond}, nil
			}
			return nil, nil
		})
		got := r.ended(r.accept(job.NewJob{Kind: "tune.poll"}))
		wantState(t, got, job.StateSucceeded)
		if n := polls.get(got.ID); n != 4 || got.Attempt != 0 {
			t.Errorf("%d polls, %d attempts", n, got.Attempt)
		}
	})
}

// TestFamily has a parent wait for children of which one fails, and then
// gather them.
func TestFamily(t *testing.T) {
	onBoth(t, quick, func(t *testing.T, r *rig) {
		r.work(func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
			if run.Job.Parent != "" {
				if string(run.Job.Input) == "2" {
					return nil, tasks.Fail("internal", "this one fails")
				}
				return nil, nil
			}
			found, _, err := run.Store.Jobs(ctx, run.Job.Tenant, job.Filter{Parent: run.Job.ID}, db.Page{})
			if err != nil || len(found) > 0 {
				return &tasks.End{Result: text("%d", len(found))}, err
			}
			var children []job.NewJob
			for i := range 5 {
				children = append(children, job.NewJob{Kind: "dream.slice", Lane: "dream", Input: text("%d", i)})
			}
			return &tasks.End{State: job.StateWaiting, Children: children}, nil
		})
		got := r.ended(r.accept(job.NewJob{Kind: "dream.plan"}))
		wantState(t, got, job.StateSucceeded)
		if string(got.Result) != "5" || got.OpenChildren != 0 {
			t.Errorf("result %s, %d open children", got.Result, got.OpenChildren)
		}
	})
}

// TestCancelFamily cancels a waiting parent: its children go with it.
func TestCancelFamily(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		j := job.NewJob{ID: "job_parent", Tenant: "ten_a", Kind: "dream.plan", Waiting: true}
		parent, _, err := r.Accept(r.ctx, j,
			func(ctx context.Context, q *store.Queries) error {
				_, err := q.AcceptJobs(ctx, []job.NewJob{
					{Tenant: "ten_a", Kind: "dream.slice", Lane: "dream", Parent: "job_parent"},
					{Tenant: "ten_a", Kind: "dream.slice", Lane: "dream", Parent: "job_parent"},
				}, nil)
				return err
			})
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, parent, job.StateWaiting)
		if open := r.job(parent.ID).OpenChildren; open != 2 {
			t.Fatalf("%d open children", open)
		}
		if _, err := r.Cancel(r.ctx, "ten_a", parent.ID); err != nil {
			t.Fatal(err)
		}
		wantState(t, r.job(parent.ID), job.StateCancelled)
		children, _, err := r.store.Jobs(r.ctx, "ten_a", job.Filter{Parent: parent.ID}, db.Page{})
		if err != nil || len(children) != 2 {
			t.Fatalf("%d children, %v", len(children), err)
		}
		for _, child := range children {
			wantState(t, child, job.StateCancelled)
		}
	})
}

// TestDrain stops a worker in the middle of a job: it is handed back, without
// an attempt counted, and another worker finishes it.
func TestDrain(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		started := make(chan struct{})
		first := func(ctx context.Context, _ *tasks.Run) (*tasks.End, error) {
			close(started)
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), tasks.ErrDraining) {
				t.Errorf("the handler was ended by %v", context.Cause(ctx))
			}
			return nil, ctx.Err()
		}
		stop := r.start(r.worker(WorkerOptions{Handlers: handlers(first), Grace: 10 * time.Millisecond}).Run)
		j := r.accept(job.NewJob{})
		<-started
		began := time.Now()
		stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the worker took %s to stop", took)
		}
		got := r.job(j.ID)
		wantState(t, got, job.StateQueued)
		if got.Attempt != 0 || got.Crashes != 0 || got.Gen != 1 {
			t.Errorf("handed back as attempt %d, crashes %d, gen %d", got.Attempt, got.Crashes, got.Gen)
		}
		r.work(succeed)
		wantState(t, r.ended(j), job.StateSucceeded)
	})
}

// TestStubbornHandler stops a worker whose handler ignores its context.
func TestStubbornHandler(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		started, release, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
		stubborn := func(context.Context, *tasks.Run) (*tasks.End, error) {
			defer close(left)
			close(started)
			<-release
			return nil, nil
		}
		w := r.worker(WorkerOptions{Handlers: handlers(stubborn),
			Grace: time.Millisecond, Patience: time.Millisecond})
		ctx, stop := context.WithCancel(r.ctx)
		ran := make(chan error, 1)
		go func() { ran <- w.Run(ctx) }()
		j := r.accept(job.NewJob{})
		<-started
		stop()
		if err := <-ran; err == nil || !strings.Contains(err.Error(), j.ID) {
			t.Errorf("run: %v", err)
		}
		wantState(t, r.job(j.ID), job.StateQueued)
		close(release)
		<-left
	})
}

// TestAnswerAtStop stops a worker that has an answer in hand and can not store
// it yet: it is not handed back, but stored once the database is there again.
func TestAnswerAtStop(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		var runs tally
		var back atomic.Bool
		tried := make(chan struct{})
		once := sync.OnceFunc(func() { close(tried) })
		answer := func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			runs.add(run.Job.ID)
			return &tasks.End{Write: func(context.Context, *store.Queries) error {
				if back.Load() {
					return nil
				}
				once()
				return db.ErrBusy
			}}, nil
		}
		w := r.worker(WorkerOptions{Handlers: handlers(answer), Grace: time.Millisecond, Patience: time.Millisecond})
		ctx, stop := context.WithCancel(r.ctx)
		defer stop()
		ran := make(chan error, 1)
		go func() { ran <- w.Run(ctx) }()
		j := r.accept(job.NewJob{})
		<-tried
		stop()
		<-w.given
		back.Store(true)
		r.must(<-ran)
		wantState(t, r.job(j.ID), job.StateSucceeded)
		if n := runs.get(j.ID); n != 1 {
			t.Errorf("it ran %d times", n)
		}
	})
}

// TestPatienceWhileAway: a handler that holds an answer is waited for until the
// database is back, any other no longer than its patience.
func TestPatienceWhileAway(t *testing.T) {
	t.Parallel()
	driver, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, Options{}, store.Open(driver), storetest.EmbeddedQueue(t).Client)
	r.must(driver.Migrate(r.ctx, -1))
	w := r.worker(WorkerOptions{Handlers: handlers(succeed), Patience: time.Nanosecond})
	idle := make(chan struct{})
	if w.wait(idle) {
		t.Error("a handler settled that never returned")
	}
	r.must(r.store.Close())
	go close(idle)
	if !w.wait(idle) {
		t.Error("a handler was not waited for while the database was away")
	}
}

func TestDeadline(t *testing.T) {
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Deadline: 50 * time.Millisecond}}
	onBoth(t, Options{Lanes: lanes}, func(t *testing.T, r *rig) {
		r.work(func(ctx context.Context, _ *tasks.Run) (*tasks.End, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		wantState(t, r.ended(r.accept(job.NewJob{MaxAttempts: 1})), job.StateFailed)
	})
}

func TestParity(t *testing.T) {
	t.Parallel()
	all := handlers(succeed)
	delete(all, tasks.TunePoll)
	all["tune.pull"] = succeed
	err := parity([]tasks.Lane{tasks.Tune, "lane"}, all)
	for _, want := range []string{"tune.poll", "tune.pull", `"lane"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	one := map[tasks.Kind]tasks.Handler{tasks.ChatRun: succeed}
	if err := parity([]tasks.Lane{tasks.Chat}, one); err != nil {
		t.Errorf("one lane's handlers alone: %v", err)
	}
}
