package tune

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/together"
	"dreamlab/providers/together/emulator"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	baseModel = "together/openai/gpt-oss-20b"
	leadModel = "together/openai/gpt-oss-120b"
	pollEvery = 30 * time.Second
	labStep   = 20 * time.Minute // the usual step of a bench
)

// shop is the vendor that trains, serves, answers and judges.
type shop struct {
	vendor     providers.Vendor
	emulator   func(*lab.Lab) http.Handler
	base, lead string
}

// usual is the vendor of most tests.
func usual() shop { return shop{together.Vendor, emulator.New, baseModel, leadModel} }

// bench is a tune's whole world: a store, a bucket, and a vendor's emulator
// behind the real driver and router. Time passes when the test says so.
type bench struct {
	*testing.T
	shop
	ctx    context.Context
	store  *store.Store
	lab    *lab.Lab
	wires  *wires
	deps   Deps
	tenant string
	work   map[tasks.Kind]tasks.Handler
	ahead  time.Duration
	step   time.Duration // lab time that passes while a job waits for a poll
	worse  string        // the worse answer of the examples that are taught; "": they are no pairs
	// die, where set, loses the end of an attempt that it answers true for:
	// the worker died after its handler and before the commit.
	die func(job job.Job, end *tasks.End) bool
}

func newBench(t *testing.T, s Settings) *bench {
	t.Helper()
	return newBenchOn(t, storetest.SQLite(t), s)
}

func newBenchOn(t *testing.T, kept *store.Store, s Settings) *bench {
	t.Helper()
	return newBenchAt(t, kept, s, usual())
}

func newBenchAt(t *testing.T, kept *store.Store, s Settings, at shop) *bench {
	t.Helper()
	b := &bench{T: t, shop: at, ctx: t.Context(), store: kept, step: labStep}
	prices, err := catalog.Load(nil)
	b.must(err)
	l, err := lab.New(lab.Options{Price: func(vendor, model string) (in, out, cached int64) {
		price, err := prices.Price(vendor, model, time.Now())
		if err != nil {
			return 0, 0, 0 // a tuned model's: it is billed by the hour
		}
		return price.In, price.Out, price.CachedIn
	}})
	b.must(err)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	b.lab = l
	tenant, err := b.store.EnsureTenant(b.ctx, "acme")
	b.must(err)
	b.tenant = tenant.ID
	b.deps = b.wire(s)
	b.work = Handlers(b.deps)
	return b
}

func (b *bench) wire(s Settings) Deps {
	server := httptest.NewServer(b.emulator(b.lab))
	b.Cleanup(server.Close)
	b.wires = &wires{Transport: server.Client().Transport, broken: map[string]int{}}
	driver, err := b.vendor.Open(providers.Config{
		Values: b.vendor.Sandbox(server.URL, b.lab.Credential()), HTTP: &http.Client{Transport: b.wires, CheckRedirect: noRedirect},
	})
	b.must(err)
	prices, err := catalog.Load(nil)
	b.must(err)
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: map[string]providers.Driver{b.vendor.Name: driver}, Prices: prices,
		Sleep: func(_ context.Context, wait time.Duration) error {
			b.ahead += wait
			return nil
		},
		Now: func() time.Time { return time.Now().Add(b.ahead) },
	})
	bucket, err := blob.Directory(b.TempDir())
	b.must(err)
	s.Lead, s.Base, s.PollEvery = b.lead, b.base, pollEvery
	return Deps{
		Caller:  handlers.NewCaller(handlers.CallerOptions{Router: router, Prices: prices}),
		Vendors: router, Bucket: bucket, Prices: prices, Settings: s,
		Now: func() time.Time { return time.Now().Add(b.ahead) },
	}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) fault(f lab.Fault) {
	b.Helper()
	f.Vendor = b.vendor.Name
	b.must(b.lab.AddFault(f))
}

// tx runs fn in a transaction.
func (b *bench) tx(fn func(q *store.Queries) error) {
	b.Helper()
	b.must(b.store.Tx(b.ctx, db.Synced, fn))
}

// tune asks for a tune and returns it.
func (b *bench) tune(in tasks.TuneInput) learn.Tune {
	b.Helper()
	job := job.NewJob{
		ID: db.NewID("job_"), Tenant: b.tenant, Kind: string(tasks.TuneCurate), Lane: string(tasks.Tune),
		Input: plainjson.Of(in), Subject: db.NewID("tun_"),
	}
	tune := learn.Tune{
		ID: job.Subject, Tenant: b.tenant, Alias: learn.DefaultAlias, Base: b.base,
		Job: job.ID, Stage: stageCurate,
	}
	if in.Model != "" {
		tune.Stage = stagePrice
	}
	b.accept(job, func(q *store.Queries) error { return q.AddTune(b.ctx, tune) })
	return tune
}

func (b *bench) accept(j job.NewJob, write func(q *store.Queries) error) {
	b.Helper()
	b.tx(func(q *store.Queries) error {
		if _, err := q.AcceptJobs(b.ctx, []job.NewJob{j}, nil); err != nil {
			return err
		}
		return write(q)
	})
}

// run works until no job is open, or until fails to hold.
func (b *bench) run(until func() bool) {
	b.Helper()
	for range 2_000 {
		if until != nil && until() {
			return
		}
		if b.turn() {
			continue
		}
		if !b.waits() {
			return
		}
		b.pass()
	}
	b.Fatal("the jobs do not come to an end")
}

// turn runs the jobs that are due and tells whether there were any.
func (b *bench) turn() bool {
	b.Helper()
	return b.turnOf(tasks.Tune)
}

func (b *bench) turnOf(lane tasks.Lane) bool {
	b.Helper()
	var refs []job.Ref
	b.tx(func(q *store.Queries) error {
		picked, err := q.PickJobs(b.ctx, string(lane), job.Limits{Window: 4, TenantCap: 4})
		if err != nil || len(picked) == 0 {
			return err
		}
		for i, p := range picked {
			picked[i].Wake = db.NewID("wake_")
			refs = append(refs, job.Ref{ID: p.ID, Gen: p.Gen})
		}
		return q.MarkDispatched(b.ctx, picked)
	})
	if len(refs) == 0 {
		return false
	}
	jobs, err := b.store.ClaimJobs(b.ctx, refs, "bench", time.Hour)
	b.must(err)
	for _, job := range jobs {
		b.attempt(job)
	}
	return len(jobs) > 0
}

// waits tells whether a job waits for its time.
func (b *bench) waits() bool {
	b.Helper()
	counts, err := b.store.LaneCounts(b.ctx)
	b.must(err)
	return len(counts) > 0
}

// pass lets the time pass that a job waits between two polls.
func (b *bench) pass() {
	b.Helper()
	b.ahead += pollEvery + time.Second
	b.lab.Advance(b.step)
	b.must(b.store.ShiftClock(b.ctx, b.ahead))
	b.tx(func(q *store.Queries) error {
		_, err := q.MakeDue(b.ctx)
		return err
	})
}

// attempt does what a worker does: the handler, then its end in one transaction.
func (b *bench) attempt(j job.Job) {
	b.Helper()
	end, err := b.work[tasks.Kind(j.Kind)](b.ctx, &tasks.Run{Job: j, Store: b.store, Worker: "bench"})
	finish := job.Finish{Job: j.ID, Epoch: j.Epoch, Worker: "bench"}
	switch failure := (*tasks.Failure)(nil); {
	case err == nil && b.die != nil && b.die(j, end):
		finish.To, finish.Outcome = job.StateQueued, "handed_back"
	case errors.As(err, &failure):
		finish.To, finish.Outcome, finish.Failed, finish.After = job.StateQueued, "failed", true, pollEvery
		if failure.Final {
			finish.To, finish.After = job.StateFailed, 0
		}
		finish.Error = &job.Error{Code: failure.Code, Message: failure.Message}
	case err != nil:
		b.Fatalf("%s of %s: %v", j.Kind, j.Subject, err)
	default:
		finish.To, finish.Outcome, finish.Result = end.State, "succeeded", end.Result
		finish.After, finish.Children, finish.Write = end.After, end.Children, store.Learned(end.Write)
		if finish.To == "" {
			finish.To = job.StateSucceeded
		}
	}
	b.tx(func(q *store.Queries) error {
		_, err := storetest.FinishJob(b.ctx, q, finish)
		return err
	})
}

// loseAndDie loses the first answer to each of the calls, which are methods with the ends of their paths, and has the
// worker die after each step once, which it tells.
func (b *bench) loseAndDie(calls []string) (died map[string]bool) {
	b.Helper()
	for _, call := range calls {
		method, end, _ := strings.Cut(call, " ")
		b.wires.loseAll(1, method, end)
	}
	died = map[string]bool{}
	b.die = func(j job.Job, _ *tasks.End) bool {
		step := j.Kind + " " + b.at(j)
		first := !died[step]
		died[step] = true
		return first
	}
	return died
}

// decided reads how a tune ended.
func (b *bench) decided(id string) (learn.Tune, learn.Decision) {
	b.Helper()
	tune, err := b.store.Tune(b.ctx, b.tenant, id)
	b.must(err)
	if tune.Decision == nil {
		b.Fatalf("tune %s is %s at %s without a decision: %v", id, tune.Status, tune.Stage, tune.Error)
	}
	return tune, *tune.Decision
}

func (b *bench) report(tune learn.Tune) learn.Report {
	b.Helper()
	evaluation, err := b.store.Evaluation(b.ctx, b.tenant, tune.Evaluation)
	b.must(err)
	return evaluation.Report
}

// count returns how often the vendor was asked something.
func (b *bench) count(method, path string) int {
	n := 0
	for _, r := range b.lab.Requests() {
		if r.Method == method && r.Path == path {
			n++
		}
	}
	return n
}

func decode[T any](b *bench, raw json.RawMessage) (value T) {
	b.Helper()
	b.must(json.Unmarshal(raw, &value))
	return value
}
