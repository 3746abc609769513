package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// calmWait bounds the wait until all work has ended: a wake-up that was lost in a worker's
// memory, the lease of a dream, and three attempts of each.
const calmWait = 6 * time.Minute

// clockStep is how far the clock is moved so that a schedule's next tick comes now.
const clockStep = time.Minute + time.Second

// faultCounts counts the faults of a run.
type faultCounts struct {
	played *tally
	missed *tally        // faults that had nothing to be injected into
	rested time.Duration // time from the last fault until all work had ended
}

// runStorm runs the fleet under load while faults are injected, waits until all work has ended
// without them, floods a lane once more, and stops the fleet.
func (l *lab) runStorm(ctx context.Context, o options) (*faultCounts, error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	fleet, running := errgroup.WithContext(running)
	for _, s := range l.fleet {
		fleet.Go(func() error { return s.run(running) })
	}
	fleet.Go(func() error { return l.witness.watch(running, l) })
	fleet.Go(func() error { return l.witness.watchServed(running, l) })
	l.load, l.running = newLoad(l, o), running
	defer l.load.client.CloseIdleConnections()
	w := &faultCounts{played: newTally(), missed: newTally()}
	err := l.load.begin(running)
	if err == nil {
		err = l.faultPhase(running, o, w)
	}
	if err == nil {
		err = l.restPhase(running, w)
	}
	stop()
	return w, errors.Join(err, fleet.Wait(), ctx.Err())
}

// faultPhase is the phase with faults. A flood comes in its middle.
func (l *lab) faultPhase(ctx context.Context, o options, w *faultCounts) error {
	if err := l.script(ctx, slowScript, batchScript); err != nil {
		return err
	}
	stormy, end := context.WithTimeout(ctx, o.length)
	defer end()
	var all errgroup.Group
	all.Go(func() error { return l.load.run(ctx, stormy) })
	all.Go(func() error { return l.injectAll(stormy, o, w.played, w.missed) })
	all.Go(func() error {
		pause(stormy, o.length/2)
		return l.load.flood(ctx, "the flood among the faults", tenants, false)
	})
	if err := errors.Join(all.Wait(), l.clearScript(ctx), l.armTunes(ctx)); err != nil {
		return err
	}
	return l.crashOnAccept(ctx)
}

// restPhase is the phase after them: all accepted jobs end, and shares are fair.
func (l *lab) restPhase(ctx context.Context, w *faultCounts) error {
	began := time.Now()
	if err := errors.Join(l.machines.Wait(), l.cancelBrief(ctx), l.rest(ctx, l.idle)); err != nil {
		return err
	}
	w.rested = time.Since(began)
	if err := l.load.flood(ctx, "the flood after them", tenants+2, true); err != nil {
		return err
	}
	return l.rest(ctx, l.settled)
}

// rest waits until no work is left, in two looks a second apart: a process may be about to store what a
// client asked for that has hung up since.
func (l *lab) rest(ctx context.Context, left func(context.Context) (string, error)) error {
	ctx, cancel := context.WithTimeout(ctx, calmWait)
	defer cancel()
	calm := false
	for {
		work, err := left(ctx)
		none := err == nil && work == ""
		if none && calm {
			return nil
		}
		calm = none
		if !pause(ctx, time.Second) {
			return fmt.Errorf("%s after the last fault there is still %s (logs are in %s)", calmWait, work, l.dir)
		}
	}
}

// idle returns a description of the open jobs, "" if there are none.
func (l *lab) idle(ctx context.Context) (string, error) {
	counts, err := l.store.LaneCounts(ctx)
	if err != nil || len(counts) == 0 {
		return "", err
	}
	return fmt.Sprintf("%+v", counts), nil
}

// settled looks in addition for abandoned trainings that still run at their vendor. The reaper
// handles them on its own schedule, so the clock is moved.
func (l *lab) settled(ctx context.Context) (string, error) {
	work, err := l.idle(ctx)
	if err != nil || work != "" {
		return work, err
	}
	left, err := l.store.AbandonedTrainings(ctx, "", 1)
	if err != nil || len(left) == 0 {
		return "", err
	}
	return "the training " + left[0].ID, l.moveClock(ctx, clockStep)
}

// moveClock moves the clock that the processes share forward, and notes when.
func (l *lab) moveClock(ctx context.Context, by time.Duration) error {
	ahead := by
	for _, m := range l.moves {
		ahead += time.Duration(m.by) * time.Microsecond
	}
	return retry(ctx, func() error {
		now, err := l.store.Now(ctx)
		if err != nil {
			return err
		}
		if err := l.store.ShiftClock(ctx, ahead); err != nil {
			return err
		}
		l.moves = append(l.moves, move{now.UnixMicro(), by.Microseconds()})
		return nil
	})
}
