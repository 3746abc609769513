// Package handlertest gives the tests of handlers real surroundings: a store
// on SQLite, the embedded queue, a router over real drivers, and the vendors'
// emulators with their books and faults. It is for tests alone.
package handlertest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/providers/azure"
	azureemulator "dreamlab/providers/azure/emulator"
	"dreamlab/providers/catalog"
	"dreamlab/providers/groq"
	groqemulator "dreamlab/providers/groq/emulator"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/together"
	togetheremulator "dreamlab/providers/together/emulator"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// The team, as the product's defaults name it.
const (
	Lead = "groq/openai/gpt-oss-120b"
	Base = "together/openai/gpt-oss-20b"
)

// Bench is the surroundings of a test.
type Bench struct {
	Store   *store.Store
	Queue   *redis.Queue
	Replies *redis.Replies
	Cache   *redis.Cache
	Lab     *lab.Lab
	Router  *providers.Router
	Prices  *catalog.Catalog
	Bucket  blob.Bucket
	Tenant  string
}

// New returns fresh surroundings, taken down with the test. The aliases
// assistant, base and lead are set.
func New(t testing.TB) *Bench {
	t.Helper()
	return On(t, storetest.SQLite(t), storetest.EmbeddedQueue(t))
}

// Each runs a test in surroundings of both kinds: in one process, and on
// PostgreSQL with Redis where they are installed.
func Each(t *testing.T, test func(t *testing.T, b *Bench)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, New(t))
	})
	t.Run("production", func(t *testing.T) {
		t.Parallel()
		test(t, On(t, storetest.PostgreSQL(t), storetest.RedisQueue(t)))
	})
}

// On returns fresh surroundings on a store and a queue.
func On(t testing.TB, s *store.Store, q *redis.Queue) *Bench {
	t.Helper()
	b := &Bench{Store: s, Queue: q}
	var err error
	if b.Prices, err = catalog.Load(nil); err != nil {
		t.Fatal(err)
	}
	b.Replies = redis.NewReplies(b.Queue.Client)
	b.Cache = redis.NewCache(b.Queue.Client, redis.CacheOptions{TTL: time.Hour, MaxBytes: 1 << 20})
	if b.Bucket, err = blob.Directory(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	b.vendors(t)
	tenant, err := b.Store.EnsureTenant(t.Context(), "test")
	check(t, err)
	b.Tenant = tenant.ID
	for alias, model := range map[string]string{"assistant": Base, "base": Base, "lead": Lead} {
		b.SetRoute(t, alias, model)
	}
	return b
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// vendors starts the emulators and a router over the drivers that ask them.
func (b *Bench) vendors(t testing.TB) {
	t.Helper()
	var err error
	b.Lab, err = lab.New(lab.Options{Price: b.price, Speed: 3600})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, b.Lab.Close()) })
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	drivers := map[string]providers.Driver{}
	for _, v := range []struct {
		providers.Vendor
		emulator func(*lab.Lab) http.Handler
	}{
		{groq.Vendor, groqemulator.New}, {together.Vendor, togetheremulator.New}, {azure.Vendor, azureemulator.New},
	} {
		mux.Handle("/"+v.Name+"/", http.StripPrefix("/"+v.Name, v.emulator(b.Lab)))
		drivers[v.Name], err = v.Open(providers.Config{
			Values: v.Sandbox(server.URL+"/"+v.Name, b.Lab.Credential()), HTTP: &http.Client{Transport: transport},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var slept atomic.Int64
	b.Router = providers.NewRouter(providers.RouterOptions{
		Drivers: drivers, Prices: b.Prices,
		Now: func() time.Time { return time.Now().Add(time.Duration(slept.Load())) },
		Sleep: func(ctx context.Context, wait time.Duration) error {
			slept.Add(int64(wait))
			return ctx.Err()
		},
	})
}

// price lets the emulators bill what the catalogue says.
func (b *Bench) price(vendor, model string) (in, out, cached int64) {
	price, err := b.Prices.Price(vendor, model, time.Now())
	if err != nil {
		return 0, 0, 0
	}
	return price.In, price.Out, price.CachedIn
}

// Caller returns a caller over the emulators.
func (b *Bench) Caller(budgets ...book.Budget) *handlers.Caller {
	return handlers.NewCaller(handlers.CallerOptions{Router: b.Router, Prices: b.Prices, Budgets: budgets})
}

// SetRoute puts an alias' one target in force.
func (b *Bench) SetRoute(t testing.TB, alias string, models ...string) {
	t.Helper()
	route := learn.Route{Alias: alias, Reason: "test", Author: "config"}
	if known, err := b.Store.Route(t.Context(), "", alias); err == nil {
		route.Version = known.Version
	}
	for tier, model := range models {
		route.Targets = append(route.Targets, learn.RouteTarget{Model: model, Weight: 1, Tier: tier})
	}
	if _, err := b.Store.SetRoute(t.Context(), route); err != nil {
		t.Fatal(err)
	}
}

// Claim makes a job and claims it, as a worker would.
func (b *Bench) Claim(t testing.TB, j job.NewJob, input any) *tasks.Run {
	t.Helper()
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	j.Tenant, j.Input = b.Tenant, text
	j.Lane = string(tasks.Kind(j.Kind).Lane())
	var made []job.Accepted
	err = b.Store.Tx(t.Context(), db.Synced, func(q *store.Queries) (err error) {
		made, err = q.AcceptJobs(t.Context(), []job.NewJob{j}, map[string]job.Limits{
			j.Lane: {Window: 1000, TenantCap: 1000},
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Take(t, made[0].Job)
}

// Take claims a job that was dispatched.
func (b *Bench) Take(t testing.TB, j job.Job) *tasks.Run {
	t.Helper()
	held, err := b.Store.ClaimJobs(t.Context(), []job.Ref{{ID: j.ID, Gen: j.Gen}}, "test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if len(held) != 1 {
		t.Fatalf("job %s is %s: it could not be claimed", j.ID, j.State)
	}
	return &tasks.Run{Job: held[0], Store: b.Store, Worker: "test"}
}

// Finish carries out a handler's end, as a worker would, and returns the job.
func (b *Bench) Finish(t testing.TB, run *tasks.Run, end *tasks.End) job.Job {
	t.Helper()
	state := end.State
	if state == "" {
		state = job.StateSucceeded
	}
	err := b.Store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		_, err := storetest.FinishJob(t.Context(), q, job.Finish{
			Job: run.Job.ID, Epoch: run.Job.Epoch, Worker: run.Worker, To: state, Outcome: string(state),
			Result: end.Result, After: end.After, Children: end.Children, Write: store.Learned(end.Write),
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if end.Then != nil {
		if err := end.Then(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	job, err := b.Store.AnyJob(t.Context(), run.Job.ID)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// Lose makes the job another worker's.
func (b *Bench) Lose(t testing.TB, run *tasks.Run) {
	t.Helper()
	_, err := b.Store.Driver().Exec(t.Context(), `UPDATE jobs SET epoch = epoch + 1 WHERE id = $1`, run.Job.ID)
	if err != nil {
		t.Fatal(err)
	}
}

// Entries returns a job's lines of spend.
func (b *Bench) Entries(t testing.TB, job string) []book.Entry {
	t.Helper()
	var entries []book.Entry
	err := b.Store.JobEntries(t.Context(), job, func(e book.Entry) error {
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// Paid sums what the emulators were paid.
func (b *Bench) Paid() (calls, nano int64) {
	for _, p := range b.Lab.Payments() {
		calls += p.Calls
		nano += p.NanoUSD
	}
	return calls, nano
}

// Fault adds a fault that is played so often; 0 is for ever.
func (b *Bench) Fault(t testing.TB, f lab.Fault, times int) {
	t.Helper()
	if times > 0 {
		f.Times = &times
	}
	if err := b.Lab.AddFault(f); err != nil {
		t.Fatal(err)
	}
}

// Put makes an object.
func (b *Bench) Put(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := b.Bucket.Create(t.Context(), name, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}
