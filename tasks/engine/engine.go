// Package engine delivers what package tasks describes: it takes jobs in,
// hands them out fairly, runs them under a lease, and puts right what went
// wrong. The database decides and Asynq delivers: a row is the job, an Asynq
// task is a wake-up whose loss costs time and whose doubling costs nothing.
//
// It knows no kind of work but schedule.tick's trigger, calls no vendor and
// speaks no HTTP.
//
// The whole of it, from the outside:
//
//	e, err := engine.New(engine.Options{Store: s, Redis: r, Log: log})
//	job, existed, err := e.Accept(ctx, job.NewJob{…}, write) // write may be nil
//	job, err = e.Cancel(ctx, tenant, id)
//	job, err = e.Retry(ctx, tenant, id)
//	job, err = e.Wait(ctx, tenant, id, 10*time.Second)
//	stats, err := e.Stats(ctx)
//	err = e.Reachable(ctx)                     // is the queue there
//	err = e.EnsureSchedule(ctx, job.Schedule{…})
//
//	err = e.Dispatcher().Run(ctx)              // each of the four returns when ctx
//	err = e.Reconciler().Run(ctx)              // ends and leaves no goroutine
//	err = e.Scheduler().Run(ctx)
//	w, err := e.Worker(engine.WorkerOptions{Handlers: map[tasks.Kind]tasks.Handler{…}})
//	err = w.Run(ctx)
//
// Any number of each may run, in any number of processes.
package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/backoff"
	"dreamlab/tasks"
)

// SystemTenant owns the jobs that no client asked for.
const SystemTenant = "system"

// ErrQueueUnavailable means that Redis took no writes while a client was to
// wait on a reply stream: there is no job.
var ErrQueueUnavailable = errors.New("the queue did not answer: try again in a few seconds")

// LaneConfig sets a lane's width. Its zero value works.
type LaneConfig struct {
	// Concurrency is the number of wake-ups that one worker runs at once.
	// Defaults to 64 on chat and 8 elsewhere.
	Concurrency int
	// Window bounds the lane's jobs that are dispatched or running, over all
	// workers. Defaults to 8 times Concurrency on chat and 4 times elsewhere.
	Window int
	// TenantCap bounds those of one tenant, unless its share has a cap of its own.
	// Defaults to three quarters of the window and of the places that the live
	// workers have. All tenants that have jobs in flight share as many, so that
	// there is a place for one that has none.
	TenantCap int
	// Deadline ends an attempt. Defaults to 10 minutes on chat, 60 elsewhere.
	Deadline time.Duration
}

// Options set up an engine.
type Options struct {
	Store *store.Store
	Redis redis.UniversalClient
	// Log is told what the engine did by itself. Defaults to silence.
	Log zerolog.Logger
	// Lanes that are missing take LaneConfig's defaults.
	Lanes map[tasks.Lane]LaneConfig
	// Registerer takes the metrics. Defaults to none.
	Registerer prometheus.Registerer
	// Backoff is the bound of the first pause after a failed attempt; it
	// doubles up to BackoffMax, and a random part of it is waited. Defaults to
	// two seconds and five minutes.
	Backoff    time.Duration
	BackoffMax time.Duration
	// Keep is how long ended jobs are kept. Defaults to 90 days.
	Keep time.Duration
	// KeepPrivate is how long the answer of a private job can be fetched that no
	// client waited on. Defaults to 24 hours.
	KeepPrivate time.Duration
	// KeepRecords is how long entries whose jobs are gone, the changes of the audit log, batches that have
	// ended, comparisons of evaluations, and the sums and alerts of budgets are kept. Defaults to 400 days.
	KeepRecords time.Duration
}

// Engine accepts, cancels and retries jobs, and waits for their ends. It runs nothing by itself
// and is safe for concurrent use.
type Engine struct {
	store   *store.Store
	redis   redis.UniversalClient
	log     zerolog.Logger
	lanes   map[tasks.Lane]LaneConfig
	backoff backoff.Bounds
	keep    time.Duration
	// keepPrivate is Options.KeepPrivate.
	keepPrivate time.Duration
	keepRecords time.Duration // Options.KeepRecords
	metrics     *metrics

	queue     *queue
	pusher    *pusher
	places    *places
	announcer *announcer
	deliverer *deliverer
	canceller *canceller
	accepter  *accepter
	watcher   *watcher
	ender     *ender
	firer     *firer
}

// New returns an engine over a migrated store and a queue.
func New(o Options) (*Engine, error) {
	if o.Store == nil || o.Redis == nil {
		return nil, errors.New("make engine: it needs a store and a Redis client")
	}
	lanes, err := fillLanes(o.Lanes)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(o)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		store: o.Store, redis: o.Redis, log: o.Log, lanes: lanes, metrics: m,
		backoff: backoff.Bounds{First: positive(o.Backoff, 2*time.Second), Max: positive(o.BackoffMax, 5*time.Minute)},
		keep:    positive(o.Keep, 90*24*time.Hour), keepPrivate: positive(o.KeepPrivate, 24*time.Hour),
		keepRecords: positive(o.KeepRecords, 400*24*time.Hour),
	}
	e.wire()
	return e, nil
}

// wire makes the parts, each with those that it works with.
func (e *Engine) wire() {
	e.queue = &queue{redis: e.redis}
	e.pusher = newPusher(e.redis)
	e.places = &places{redis: e.redis, log: e.log, lanes: e.lanes}
	e.announcer = newAnnouncer(e)
	e.deliverer = newDeliverer(e)
	e.canceller = &canceller{store: e.store, announcer: e.announcer}
	e.accepter = newAccepter(e)
	e.watcher = newWatcher(e)
	e.ender = newEnder(e.store)
	e.firer = &firer{store: e.store, places: e.places, deliverer: e.deliverer}
}

func fillLanes(given map[tasks.Lane]LaneConfig) (map[tasks.Lane]LaneConfig, error) {
	filled := make(map[tasks.Lane]LaneConfig, len(tasks.Lanes()))
	for _, lane := range tasks.Lanes() {
		filled[lane] = given[lane].filled(lane)
	}
	for lane := range given {
		if _, known := filled[lane]; !known {
			return nil, fmt.Errorf("make engine: there is no lane %q: use one of %v", lane, tasks.Lanes())
		}
	}
	return filled, nil
}

func (c LaneConfig) filled(lane tasks.Lane) LaneConfig {
	concurrency, factor, deadline := 8, 4, time.Hour
	if lane == tasks.Chat {
		concurrency, factor, deadline = 64, 8, 10*time.Minute
	}
	c.Concurrency = positive(c.Concurrency, concurrency)
	c.Window = positive(c.Window, factor*c.Concurrency)
	c.TenantCap = min(c.TenantCap, c.Window)
	c.Deadline = positive(c.Deadline, deadline)
	return c
}

func positive[T int | time.Duration](given, otherwise T) T {
	if given > 0 {
		return given
	}
	return otherwise
}
