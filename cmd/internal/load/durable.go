package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
	"dreamlab/store/job"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

const (
	// noop is the kind of the jobs that do nothing. They use the lane system, in which the load
	// has no other jobs.
	noop      = tasks.ExperienceImport
	inserters = 64   // clients that insert one by one
	batchSize = 1000 // jobs in one call of AcceptAll
	batchers  = 2
	// floors for the two kinds of database. River's figures on the same machine are measured by
	// cmd/bench.
	singleFloor, embeddedFloor = 2000, 500
)

// DurableJobs is the full number of jobs of the load durable, for each way of inserting.
const DurableJobs = 10_000

// Insert is a way of inserting jobs.
type Insert string

// The ways of inserting jobs.
const (
	Single Insert = "single" // each by a call of its own, from 64 clients
	Batch  Insert = "batch"  // a thousand a call, from two clients
)

func durable(ctx context.Context, r *rig) ([]Figure, error) {
	Widen(r.config, inserters)
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	floor := float64(singleFloor)
	if r.config.Database == "" {
		floor = embeddedFloor
	}
	var figures []Figure
	for _, way := range []Insert{Single, Batch} {
		n := r.count(DurableJobs)
		took, err := Durable(ctx, r.stack, way, n)
		if err != nil {
			return nil, err
		}
		figures = append(figures, atLeast("durable", string(way)+" insert", rate(n, took), "jobs/s", floor))
	}
	return figures, nil
}

// Widen sets the concurrency of the lane of the no-op jobs.
func Widen(c *config.Config, workers int) {
	if c.Lanes == nil {
		c.Lanes = map[string]config.Lane{}
	}
	c.Lanes[string(noop.Lane())] = config.Lane{Concurrency: workers, Window: 100 * workers, TenantCap: 100 * workers}
}

// Durable inserts n no-op jobs into an open stack while one worker runs them, and returns the
// time from the first insert to the commit of the last job's end.
func Durable(ctx context.Context, s *boot.Stack, way Insert, n int) (time.Duration, error) {
	count := newCounter(n)
	processes, err := idleWorker(s, func(context.Context, *tasks.Run) (*tasks.End, error) {
		return &tasks.End{Then: func(context.Context) error { count.one(); return nil }}, nil
	})
	if err != nil {
		return 0, err
	}
	var took time.Duration
	work := func(ctx context.Context) error {
		began := time.Now()
		if err := insert(ctx, s.Engine, way, n); err != nil {
			return err
		}
		err := count.wait(ctx)
		took = time.Since(began)
		return err
	}
	return took, boot.Until(ctx, s.Log, boot.Process{Name: "load", Run: work}, processes...)
}

// idleWorker returns a worker of the no-op jobs' lane, and the engine that dispatches them.
func idleWorker(s *boot.Stack, handle tasks.Handler) ([]boot.Process, error) {
	handlers := map[tasks.Kind]tasks.Handler{}
	for _, kind := range tasks.Kinds() {
		if kind.Lane() == noop.Lane() {
			handlers[kind] = handle
		}
	}
	worker, err := s.Engine.Worker(engine.WorkerOptions{Handlers: handlers, Lanes: []tasks.Lane{noop.Lane()}})
	if err != nil {
		return nil, fmt.Errorf("make a worker: %w", err)
	}
	return []boot.Process{
		{Name: "reconciler", Run: s.Engine.Reconciler().Run},
		{Name: "dispatcher", Run: s.Engine.Dispatcher().Run},
		{Name: "worker", Run: worker.Run},
	}, nil
}

// insert inserts n jobs.
func insert(ctx context.Context, e *engine.Engine, way Insert, n int) error {
	clients, size := inserters, 1
	if way == Batch {
		clients, size = batchers, batchSize
	}
	var all sync.WaitGroup
	var taken atomic.Int64
	faults := make(chan error, clients)
	for range clients {
		all.Go(func() {
			for {
				from := int(taken.Add(int64(size))) - size
				if from >= n {
					return
				}
				if err := insertSome(ctx, e, way, min(size, n-from)); err != nil {
					faults <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(faults)
	return <-faults
}

func insertSome(ctx context.Context, e *engine.Engine, way Insert, n int) error {
	j := job.NewJob{Tenant: "bench", Kind: string(noop)}
	if way == Single {
		_, _, err := e.Accept(ctx, j, nil)
		return err
	}
	jobs := make([]job.NewJob, n)
	for i := range jobs {
		jobs[i] = j
	}
	_, err := e.AcceptAll(ctx, jobs)
	return err
}

// counter waits for a number of events.
type counter struct {
	left atomic.Int64
	done chan struct{}
}

func newCounter(n int) *counter {
	c := &counter{done: make(chan struct{})}
	c.left.Store(int64(n))
	return c
}

func (c *counter) one() {
	if c.left.Add(-1) == 0 {
		close(c.done)
	}
}

// wait returns when all events have come; two minutes without that are an error.
func (c *counter) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %d more jobs: %w", c.left.Load(), ctx.Err())
	}
}
