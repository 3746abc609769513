package handlertest

import (
	"cmp"
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/handlers/all"
	"dreamlab/handlers/batch"
	"dreamlab/handlers/dream"
	"dreamlab/handlers/schedule"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

// Deps returns what every handler needs, over the emulators.
func (b *Bench) Deps(e *engine.Engine) all.Deps {
	return all.Deps{
		Caller: b.Caller(), Replies: b.Replies, Cache: b.Cache, Bucket: b.Bucket, Prices: b.Prices, Vendors: b.Router,
		Accept: e.Accept,
		Load:   func(context.Context) (schedule.Load, error) { return schedule.Load{}, nil },
		Dream:  dream.Settings{Pause: 10 * time.Millisecond},
		Batch:  batch.Settings{PollEvery: 5 * time.Millisecond},
	}
}

// Engine returns an engine over the bench's store and queue. Nothing of it runs.
func (b *Bench) Engine(t testing.TB) *engine.Engine {
	t.Helper()
	e, err := engine.New(engine.Options{
		Store: b.Store, Redis: b.Queue.Client,
		Log:     zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel),
		Backoff: 10 * time.Millisecond, BackoffMax: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Start runs an engine with every handler until the test ends; change, which
// may be nil, changes what they work with.
func (b *Bench) Start(t testing.TB, change func(*all.Deps)) *engine.Engine {
	t.Helper()
	e := b.Engine(t)
	deps := b.Deps(e)
	if change != nil {
		change(&deps)
	}
	list, err := all.Handlers(deps)
	if err != nil {
		t.Fatal(err)
	}
	b.Serve(t, e, list)
	return e
}

// Serve runs an engine with the given handlers until the test ends.
func (b *Bench) Serve(t testing.TB, e *engine.Engine, list map[tasks.Kind]tasks.Handler) {
	t.Helper()
	worker, err := e.Worker(engine.WorkerOptions{Handlers: list})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for _, process := range []interface{ Run(context.Context) error }{e.Dispatcher(), e.Reconciler(), worker} {
		group.Go(func() { check(t, process.Run(ctx)) })
	}
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
}

// patience is how long a job may take: a dream in batches takes half a minute with the race detector, and more
// where other tests have the machine.
const patience = 5 * time.Minute

// Dream starts a dream and waits until it has ended.
func (b *Bench) Dream(t testing.TB, e *engine.Engine, in tasks.DreamInput, budget *int64) (
	learn.Dream, job.Job,
) {
	t.Helper()
	job := b.Begin(t, e, in, budget)
	ended, err := e.Wait(t.Context(), b.Tenant, job.ID, patience)
	if err != nil {
		t.Fatal(err)
	}
	d, err := b.Store.Dream(t.Context(), b.Tenant, job.Subject)
	if err != nil {
		t.Fatal(err)
	}
	return d, ended
}

// Begin starts a dream.
func (b *Bench) Begin(t testing.TB, e *engine.Engine, in tasks.DreamInput, budget *int64) job.Job {
	t.Helper()
	input, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	job := job.NewJob{
		ID: db.NewID("job_"), Tenant: b.Tenant, Kind: string(tasks.DreamPlan), Subject: db.NewID("drm_"),
		Input: input,
	}
	made, _, err := e.Accept(t.Context(), job, func(ctx context.Context, q *store.Queries) error {
		return q.AddDream(ctx, learn.Dream{
			ID: job.Subject, Tenant: b.Tenant, Job: job.ID, Mode: cmp.Or(in.Mode, "auto"), Stage: "seal", Budget: budget,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Import keeps conversations, one a line, through the import's handler, and
// returns the import's job.
func (b *Bench) Import(t testing.TB, e *engine.Engine, lines []byte) job.Job {
	t.Helper()
	id := db.NewID("job_")
	object := blob.ImportObject(id)
	b.Put(t, object, lines)
	input, err := json.Marshal(tasks.ImportInput{Object: object})
	if err != nil {
		t.Fatal(err)
	}
	j := job.NewJob{ID: id, Tenant: b.Tenant, Kind: string(tasks.ExperienceImport), Input: input}
	if _, _, err := e.Accept(t.Context(), j, nil); err != nil {
		t.Fatal(err)
	}
	ended, err := e.Wait(t.Context(), b.Tenant, id, patience)
	if err != nil {
		t.Fatal(err)
	}
	if ended.State != job.StateSucceeded {
		t.Fatalf("the import is %s: %v", ended.State, ended.Error)
	}
	return ended
}
