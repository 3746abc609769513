package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// backstop is how often the background parts poll, beside being notified.
const backstop = time.Second

// Dispatcher sends wake-ups for queued jobs, fairly between tenants and within each
// lane's window. It runs when a job was accepted as queued, when a job ended while
// others were queued in its lane, at the earliest run_at, and at least once a second.
type Dispatcher struct {
	store   *store.Store
	redis   redis.UniversalClient
	log     zerolog.Logger
	metrics *metrics
	places  *places
	pusher  *pusher

	queued map[string]bool // the lanes that had due jobs in the last round
}

// Dispatcher returns a dispatcher. Any number may run.
func (e *Engine) Dispatcher() *Dispatcher {
	return &Dispatcher{
		store: e.store, redis: e.redis, log: e.log, metrics: e.metrics, places: e.places, pusher: e.pusher,
	}
}

// Run dispatches until ctx ends.
func (d *Dispatcher) Run(ctx context.Context) error {
	listener := d.redis.Subscribe(ctx, queuedChannel, roomChannel)
	defer closeQuietly(d.log, listener)
	told := listener.Channel(redis.WithChannelSize(1024))
	lanes := allLanes()
	for {
		wait, err := d.dispatch(ctx, lanes)
		if err != nil && ctx.Err() == nil {
			d.log.Warn().Err(err).Msg("dispatch; it is tried again in a second")
		}
		if lanes = d.next(ctx, told, wait); lanes == nil {
			return nil
		}
	}
}

// next waits for something to do and returns the lanes to serve: those that were
// notified, all of them when the timer fires, nil when ctx ends.
func (d *Dispatcher) next(ctx context.Context, told <-chan *redis.Message, wait time.Duration,
) map[tasks.Lane]bool {
	timer := time.NewTimer(max(wait, time.Millisecond))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			return allLanes()
		case message, open := <-told:
			if !open { // the client was closed: the timer goes on
				told = nil
				continue
			}
			if lanes := d.worthwhile(message, told); len(lanes) > 0 {
				return lanes
			}
		}
	}
}

// worthwhile reads all notifications that have arrived and returns the lanes to
// serve: those with new work, and those with free capacity that had queued jobs in
// the last round. A job that was queued since then sends a notification of its own.
func (d *Dispatcher) worthwhile(message *redis.Message, told <-chan *redis.Message) map[tasks.Lane]bool {
	lanes := map[tasks.Lane]bool{}
	for message != nil {
		if message.Channel == queuedChannel || d.queued[message.Payload] {
			lanes[tasks.Lane(message.Payload)] = true
		}
		select {
		case message = <-told:
		default:
			return lanes
		}
	}
	return lanes
}

func allLanes() map[tasks.Lane]bool {
	lanes := map[tasks.Lane]bool{}
	for _, lane := range tasks.Lanes() {
		lanes[lane] = true
	}
	return lanes
}

// dispatch queues the jobs whose run_at has come, then serves the given lanes and
// those of these jobs, the most urgent lane first. It returns how long to wait until
// the next job is due.
func (d *Dispatcher) dispatch(ctx context.Context, lanes map[tasks.Lane]bool) (time.Duration, error) {
	began := time.Now()
	d.places.find(ctx)
	look, err := d.store.Outlook(ctx, laneNames(), backstop)
	if err != nil {
		return backstop, err
	}
	d.queued = look.Queued
	var faults []error
	if look.Due == 0 {
		faults = append(faults, d.makeDue(ctx, lanes, look.Queued))
	}
	for _, lane := range tasks.Lanes() {
		if !lanes[lane] || !look.Queued[string(lane)] {
			continue
		}
		if err := d.dispatchLane(ctx, lane); err != nil { // the other lanes are still served
			faults = append(faults, fmt.Errorf("lane %s: %w", lane, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return backstop, err
	}
	return look.Due - time.Since(began), nil
}

// makeDue queues the jobs whose time has come, and adds their lanes to those
// to serve.
func (d *Dispatcher) makeDue(ctx context.Context, lanes map[tasks.Lane]bool, queued map[string]bool) error {
	var moved []job.Moved
	err := d.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
		moved, err = q.MakeDue(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("make jobs due: %w", err)
	}
	for _, m := range moved {
		lanes[tasks.Lane(m.Lane)], queued[m.Lane] = true, true
	}
	return nil
}

func laneNames() []string {
	var names []string
	for _, lane := range tasks.Lanes() {
		names = append(names, string(lane))
	}
	return names
}

// dispatchLane marks jobs as dispatched before it enqueues their wake-ups: the
// reconciler finds a marked job without a wake-up, while a wake-up for a job that is
// not marked would claim nothing.
func (d *Dispatcher) dispatchLane(ctx context.Context, lane tasks.Lane) error {
	var wakes []wakeUp
	var count int
	err := d.store.Tx(ctx, db.Relaxed, func(q *store.Queries) error {
		picked, err := q.PickJobs(ctx, string(lane), d.places.limits(lane))
		count = len(picked)
		if err != nil || count == 0 {
			return err
		}
		wakes = bundle(picked)
		return q.MarkDispatched(ctx, picked)
	})
	if err != nil || count == 0 {
		return err
	}
	d.metrics.dispatched.WithLabelValues(string(lane)).Add(float64(count))
	return d.pusher.push(ctx, wakes)
}

// bundle puts jobs into wake-ups and sets each job's Wake. A job that has crashed a
// worker gets a wake-up of its own, so that another crash affects no other job.
func bundle(picked []job.Picked) []wakeUp {
	var wakes []wakeUp
	open := map[tasks.Kind]int{}
	for i := range picked {
		p := &picked[i]
		kind := tasks.Kind(p.Kind)
		at, found := open[kind]
		if !found || p.Crashes > 0 || len(wakes[at].jobs) >= kind.WakeSize() {
			at = len(wakes)
			wakes = append(wakes, wakeUp{id: db.NewID("wake_"), kind: kind})
			if p.Crashes == 0 {
				open[kind] = at
			}
		}
		p.Wake = wakes[at].id
		wakes[at].jobs = append(wakes[at].jobs, tasks.Ref{ID: p.ID, Gen: p.Gen})
	}
	return wakes
}
