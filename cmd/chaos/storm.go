package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// calmWait bounds the way back to rest: a wake-up that was lost in a worker's
// hands, and the lease of a dream, and three tries of each.
const calmWait = 6 * time.Minute

// aMinute is how far the clock is moved so that what comes with a schedule's
// tick comes now.
const aMinute = time.Minute + time.Second

// weather is what a storm was.
type weather struct {
	played *tally
	missed *tally        // faults that found nothing to be played on
	rested time.Duration // how long it took to come to rest
}

// storm runs the fleet under load while faults are injected, lets it come to
// rest without them, floods it once more, and stops it.
func (l *lab) storm(ctx context.Context, o options) (*weather, error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	fleet, running := errgroup.WithContext(running)
	for _, s := range l.fleet {
		fleet.Go(func() error { return s.run(running) })
	}
	fleet.Go(func() error { return l.witness.watch(running, l) })
	fleet.Go(func() error { return l.witness.watchServed(running, l) })
	l.load = newLoad(l, o)
	defer l.load.client.CloseIdleConnections()
	w := &weather{played: newTally(), missed: newTally()}
	err := l.load.begin(running)
	if err == nil {
		err = l.rage(running, o, w)
	}
	if err == nil {
		err = l.calm(running, w)
	}
	stop()
	return w, errors.Join(err, fleet.Wait(), ctx.Err())
}

// rage is the time of the faults. A flood comes in the middle of them.
func (l *lab) rage(ctx context.Context, o options, w *weather) error {
	if err := l.script(ctx, slowScript); err != nil {
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
	if err := errors.Join(all.Wait(), l.unscript(ctx)); err != nil {
		return err
	}
	return l.crashOnAccept(ctx)
}

// calm is the time after them: what was accepted comes to its end, and shares
// are fair.
func (l *lab) calm(ctx context.Context, w *weather) error {
	began := time.Now()
	if err := l.rest(ctx, l.idle); err != nil {
		return err
	}
	w.rested = time.Since(began)
	if err := l.load.flood(ctx, "the flood after them", tenants+2, true); err != nil {
		return err
	}
	return l.rest(ctx, l.settled)
}

// rest waits until nothing is left to do.
func (l *lab) rest(ctx context.Context, left func(context.Context) (string, error)) error {
	ctx, cancel := context.WithTimeout(ctx, calmWait)
	defer cancel()
	for {
		work, err := left(ctx)
		if err == nil && work == "" {
			return nil
		}
		if !pause(ctx, time.Second) {
			return fmt.Errorf("%s after the last fault there is still %s (logs are in %s)", calmWait, work, l.dir)
		}
	}
}

// idle tells which jobs are open.
func (l *lab) idle(ctx context.Context) (string, error) {
	counts, err := l.store.LaneCounts(ctx)
	if err != nil || len(counts) == 0 {
		return "", err
	}
	return fmt.Sprintf("%+v", counts), nil
}

// settled tells in addition which trainings were given up and go on at their
// vendor. The reaper looks after them by and by, so the clock is moved on.
func (l *lab) settled(ctx context.Context) (string, error) {
	work, err := l.idle(ctx)
	if err != nil || work != "" {
		return work, err
	}
	left, err := l.store.AbandonedTrainings(ctx, "", 1)
	if err != nil || len(left) == 0 {
		return "", err
	}
	return "the training " + left[0].ID, l.moveClock(ctx, aMinute)
}

// moveClock moves the clock that the processes share ahead, and notes when.
func (l *lab) moveClock(ctx context.Context, by time.Duration) error {
	ahead := by
	for _, m := range l.moves {
		ahead += time.Duration(m.by) * time.Microsecond
	}
	return insistently(ctx, func() error {
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
