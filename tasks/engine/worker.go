package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/backoff"
	"dreamlab/store/db"
	"dreamlab/store/flight"
	"dreamlab/tasks"
)

// WorkerOptions set up a worker.
type WorkerOptions struct {
	// Handlers do the work, one for each kind of the lanes.
	Handlers map[tasks.Kind]tasks.Handler
	// Lanes that this worker serves. Defaults to all.
	Lanes []tasks.Lane
	// Name is what leases are held under. Defaults to the host's name, the
	// process id and a random part.
	Name string
	// Grace is how long running handlers may go on when the worker stops.
	// Defaults to 20 seconds.
	Grace time.Duration
	// Patience is how long handlers may take to return after their context
	// has ended. Defaults to 5 seconds.
	Patience time.Duration
	// Look is how often it asks whether its jobs are to end, beside being told.
	// Leases are renewed then too, where a third of theirs is over. Defaults to
	// a second.
	Look time.Duration
}

// Worker runs jobs: one asynq.Server a lane delivers wake-ups, the database
// says whether they hold.
type Worker struct {
	store     *store.Store
	redis     redis.UniversalClient
	log       zerolog.Logger
	metrics   *metrics
	configs   map[tasks.Lane]LaneConfig
	backoff   backoff.Bounds
	announcer *announcer
	ender     *ender
	firer     *firer

	handlers   map[tasks.Kind]tasks.Handler
	lanes      []tasks.Lane
	name       string
	grace      time.Duration
	patience   time.Duration
	keeper     *keeper
	pool       *pool
	claims     map[tasks.Lane]*flight.Group[*claiming]
	lastServed map[tasks.Lane]*atomic.Int64 // the second in which a lane was last reported to be served

	work     context.Context // what handlers' contexts come from
	stopWork context.CancelCauseFunc
	given    chan struct{} // closed when handlers that did not return are not waited for any more

	mu       sync.Mutex
	stopping bool
	running  sync.WaitGroup
}

// Worker returns a worker, or an error that names the kinds without a handler
// and the handlers without a kind. A worker runs once.
func (e *Engine) Worker(o WorkerOptions) (*Worker, error) {
	if len(o.Lanes) == 0 {
		o.Lanes = tasks.Lanes()
	}
	if err := parity(o.Lanes, o.Handlers); err != nil {
		return nil, err
	}
	if o.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("name the worker: %w", err)
		}
		o.Name = fmt.Sprintf("%s/%d/%s", host, os.Getpid(), db.NewID("")[20:])
	}
	w := &Worker{
		store: e.store, redis: e.redis, log: e.log, metrics: e.metrics, configs: e.lanes, backoff: e.backoff,
		announcer: e.announcer, ender: e.ender, firer: e.firer, handlers: o.Handlers, lanes: o.Lanes, name: o.Name,
		grace: positive(o.Grace, 20*time.Second), patience: positive(o.Patience, 5*time.Second),
		keeper: newKeeper(e, positive(o.Look, time.Second)), lastServed: map[tasks.Lane]*atomic.Int64{},
		given: make(chan struct{}), claims: map[tasks.Lane]*flight.Group[*claiming]{},
	}
	for _, lane := range tasks.Lanes() {
		w.lastServed[lane] = &atomic.Int64{}
		w.claims[lane] = flight.NewGroup(1, func(ctx context.Context, all []*claiming) {
			w.claimTogether(ctx, lane, all)
		})
	}
	w.work, w.stopWork = context.WithCancelCause(context.Background())
	w.pool = newPool(w.given)
	return w, nil
}

// parity checks handlers against kinds.
func parity(lanes []tasks.Lane, handlers map[tasks.Kind]tasks.Handler) error {
	var faults []error
	kinds := tasks.Kinds()
	for _, kind := range kinds {
		if slices.Contains(lanes, kind.Lane()) && handlers[kind] == nil {
			faults = append(faults, fmt.Errorf("make worker: no handler for %s", kind))
		}
	}
	for kind := range handlers {
		if !slices.Contains(kinds, kind) {
			faults = append(faults, fmt.Errorf("make worker: %q is no kind of task", kind))
		}
	}
	for _, lane := range lanes {
		if !slices.Contains(tasks.Lanes(), lane) {
			faults = append(faults, fmt.Errorf("make worker: there is no lane %q: use one of %v", lane, tasks.Lanes()))
		}
	}
	return errors.Join(faults...)
}

// Run works until ctx ends; then it takes nothing new, lets handlers finish for
// the grace period, hands back what is left, and returns. The error names jobs
// whose handlers did not return although their context had ended.
func (w *Worker) Run(ctx context.Context) error {
	lines := make([]*line, len(w.lanes))
	for i, lane := range w.lanes {
		lines[i] = w.newLine(lane)
	}
	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	var kept sync.WaitGroup
	kept.Go(func() { w.keeper.run(keeping) })
	kept.Go(func() { w.keepPlaces(keeping) })
	defer kept.Wait()
	defer stopKeeping()
	for i, l := range lines {
		if err := l.server.Start(l.mux); err != nil {
			return errors.Join(fmt.Errorf("start lane %s: %w", l.lane, err), w.drain(lines[:i]))
		}
	}
	<-ctx.Done()
	return w.drain(lines)
}

// line is one lane's delivery into this process.
type line struct {
	lane   tasks.Lane
	waiter *waiter
	server *asynq.Server
	mux    *asynq.ServeMux
}

func (w *Worker) newLine(lane tasks.Lane) *line {
	wait := newWaiter(w.redis, lane, w.log)
	server := asynq.NewServerFromRedisClient(wait.client(), asynq.Config{
		Concurrency:       w.configs[lane].Concurrency,
		Queues:            map[string]int{string(lane): 1},
		TaskCheckInterval: time.Millisecond, // the waiter waits
		// A claim that could not be asked comes back after a second, and does
		// not count.
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return time.Second },
		DelayedTaskCheckInterval: time.Second,
		IsFailure:                func(error) bool { return false },
		ShutdownTimeout:          time.Second, // nothing runs any more by then
		JanitorInterval:          time.Minute, // nothing is retained
		Logger:                   newAsynqLog(w.log),
		LogLevel:                 asynq.WarnLevel,
	})
	mux := asynq.NewServeMux()
	for kind := range w.handlers {
		if kind.Lane() == lane {
			mux.HandleFunc(string(kind), w.process)
		}
	}
	return &line{lane: lane, waiter: wait, server: server, mux: mux}
}

// enter counts a wake-up in, unless the worker is stopping.
func (w *Worker) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping {
		return false
	}
	w.running.Add(1)
	return true
}
