package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// backstop is how often the background parts look by themselves.
const backstop = time.Second

// Dispatcher sends wake-ups for queued jobs, in fair turns and within each
// lane's window. It is set off by accepts that left a job queued, by ends where
// others wait for the place, by the earliest run_at and by a clock of one second.
type Dispatcher struct {
	engine *Engine
	queued map[string]bool // the lanes that had due jobs when it last looked
}

// Dispatcher returns a dispatcher. Any number may run.
func (e *Engine) Dispatcher() *Dispatcher { return &Dispatcher{engine: e} }

// Run dispatches until ctx ends.
func (d *Dispatcher) Run(ctx context.Context) error {
	e := d.engine
	listener := e.redis.Subscribe(ctx, queuedChannel, roomChannel)
	defer closeQuietly(e.log, listener)
	told := listener.Channel(redis.WithChannelSize(1024))
	lanes := allLanes()
	for {
		wait, err := d.dispatch(ctx, lanes)
		if err != nil && ctx.Err() == nil {
			e.log.Warn().Err(err).Msg("dispatch; it is tried again in a second")
		}
		if lanes = d.next(ctx, told, wait); lanes == nil {
			return nil
		}
	}
}

// next waits for something to do: the lanes that were told of, all of them
// when the clock strikes, none when ctx ends.
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
			if !open { // the client was closed: there is only the clock
				told = nil
				continue
			}
			if lanes := d.worthwhile(message, told); len(lanes) > 0 {
				return lanes
			}
		}
	}
}

// worthwhile takes up all that was told meanwhile, and returns the lanes to look
// at: those that have new work, and of those that have room the ones in which
// somebody waited for it. Who came to wait since then says so himself.
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

// dispatch makes due what is due and serves the given lanes and those that it
// made work for, the most urgent first. It returns how long it is until there
// is something to do by the clock.
func (d *Dispatcher) dispatch(ctx context.Context, lanes map[tasks.Lane]bool) (time.Duration, error) {
	e, began := d.engine, time.Now()
	e.findPlaces(ctx)
	look, err := e.store.Outlook(ctx, laneNames(), backstop)
	if err != nil {
		return backstop, err
	}
	d.queued = look.Queued
	var faults []error
	if look.Due == 0 {
		faults = append(faults, e.makeDue(ctx, lanes, look.Queued))
	}
	for _, lane := range tasks.Lanes() {
		if !lanes[lane] || !look.Queued[string(lane)] {
			continue
		}
		if err := e.dispatchLane(ctx, lane); err != nil { // the other lanes are served all the same
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
func (e *Engine) makeDue(ctx context.Context, lanes map[tasks.Lane]bool, queued map[string]bool) error {
	var moved []job.Moved
	err := e.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
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

// dispatchLane marks first and enqueues then: a mark without a wake-up is found
// by the reconciler, a wake-up without a mark would claim nothing.
func (e *Engine) dispatchLane(ctx context.Context, lane tasks.Lane) error {
	var wakes []wakeUp
	var count int
	err := e.store.Tx(ctx, db.Relaxed, func(q *store.Queries) error {
		picked, err := q.PickJobs(ctx, string(lane), e.limits(lane))
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
	e.metrics.dispatched.WithLabelValues(string(lane)).Add(float64(count))
	return e.pusher.push(ctx, wakes)
}

// bundle puts jobs into wake-ups and notes each one's wake-up in it. A job
// that has crashed a worker goes alone, so that it takes no other with it.
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
