package engine

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(storetest.Suite{M: m}) }

// testWait bounds every wait of these tests; it is only reached when they fail.
const testWait = 40 * time.Second

// rig is an engine with its parts at hand.
type rig struct {
	*Engine
	t       testing.TB
	ctx     context.Context
	options Options
	passed  time.Duration // how far the shared clock was moved by calm
}

// onBoth runs a test on the embedded stack and, where it is installed, on
// PostgreSQL with Redis.
func onBoth(t *testing.T, o Options, test func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, newRig(t, o, storetest.SQLite(t), storetest.EmbeddedQueue(t).Client))
	})
	t.Run("production", func(t *testing.T) {
		t.Parallel()
		test(t, newRig(t, o, storetest.PostgreSQL(t), storetest.RedisQueue(t).Client))
	})
}

func newRig(t testing.TB, o Options, s *store.Store, q redis.UniversalClient) *rig {
	t.Helper()
	o.Store, o.Redis, o.Log = s, q, zerolog.Nop()
	if os.Getenv("DREAMLAB_LOG") != "" {
		o.Log = zerolog.New(zerolog.NewTestWriter(t))
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testWait)
	t.Cleanup(cancel)
	return &rig{Engine: e, t: t, ctx: ctx, options: o}
}

// fault makes the engine anew over a store that a fault is put into.
func (r *rig) fault(f *storetest.Fault) {
	r.t.Helper()
	r.options.Store = storetest.Faulty(r.options.Store, f)
	e, err := New(r.options)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Engine = e
}

func (r *rig) reconcile(ctx context.Context) error { return r.Reconciler().reconcile(ctx) }

// start runs a part of the engine until stop is called or the test ends.
func (r *rig) start(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	var done sync.WaitGroup
	done.Go(func() {
		if err := run(ctx); err != nil {
			r.t.Errorf("run: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	r.t.Cleanup(stop)
	return stop
}

// work runs a worker whose kinds all go to one handler, beside a dispatcher.
func (r *rig) work(handler tasks.Handler) (stop func()) {
	stop = r.start(r.worker(WorkerOptions{Handlers: handlers(handler)}).Run)
	r.start(r.Dispatcher().Run)
	return stop
}

func (r *rig) worker(o WorkerOptions) *Worker {
	r.t.Helper()
	w, err := r.Worker(o)
	if err != nil {
		r.t.Fatal(err)
	}
	return w
}

func handlers(handler tasks.Handler) map[tasks.Kind]tasks.Handler {
	all := map[tasks.Kind]tasks.Handler{}
	for _, kind := range tasks.Kinds() {
		all[kind] = handler
	}
	return all
}

func (r *rig) accept(job job.NewJob) job.Job {
	r.t.Helper()
	if job.Tenant == "" {
		job.Tenant = "ten_a"
	}
	if job.Kind == "" {
		job.Kind = string(tasks.ChatRun)
	}
	made, _, err := r.Accept(r.ctx, job, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return made
}

// ended waits for a job's end.
func (r *rig) ended(job job.Job) job.Job {
	r.t.Helper()
	return r.endedWithin(job, testWait)
}

func (r *rig) endedWithin(job job.Job, d time.Duration) job.Job {
	r.t.Helper()
	got, err := r.Wait(r.ctx, job.Tenant, job.ID, d)
	if err != nil {
		r.t.Fatal(err)
	}
	if !got.State.Ended() {
		r.t.Fatalf("job %s is still %s after %s", got.ID, got.State, d)
	}
	return got
}

func (r *rig) job(id string) job.Job {
	r.t.Helper()
	job, err := r.store.AnyJob(r.ctx, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return job
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// claim takes a job as a worker would that is never heard of again.
func (r *rig) claim(j job.Job) job.Job {
	r.t.Helper()
	var got []job.Job
	r.must(r.store.Tx(r.ctx, db.Relaxed, func(q *store.Queries) (err error) {
		refs := []job.Ref{{ID: j.ID, Gen: j.Gen}}
		got, err = q.ClaimJobs(r.ctx, refs, "dead", tasks.Lane(j.Lane).Lease())
		return err
	}))
	if len(got) != 1 {
		r.t.Fatalf("claimed %d jobs, want 1", len(got))
	}
	return got[0]
}

// tally counts by name.
type tally struct {
	mu sync.Mutex
	of map[string]int
}

func (c *tally) add(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[name]++
	return c.of[name]
}

func (c *tally) get(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[name]
}

func wantState(t testing.TB, job job.Job, want job.State) {
	t.Helper()
	if job.State != want {
		t.Fatalf("job is %s (%v), want %s", job.State, job.Error, want)
	}
}

func text(format string, args ...any) []byte { return fmt.Appendf(nil, format, args...) }
