package boot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// Process is a part of the program that runs until its context ends.
type Process struct {
	Name string
	Run  func(context.Context) error
	// Support says that other processes need it: it is stopped after they have ended.
	Support bool
}

// running is a process that was started.
type running struct {
	Process
	stop  context.CancelFunc
	ended chan struct{}
	err   error
}

// defaultGrace is the grace of a group that has no configuration.
const defaultGrace = 20 * time.Second

// Group runs processes as one. When ctx ends, or when one of them does, all are
// stopped within the grace: those that work at the same time, then those that
// support them. The first error is returned; later ones are logged. A process
// that has not ended when the grace is over is named in the error and left running:
// the program has to exit then. Otherwise no goroutine outlives the call.
func Group(ctx context.Context, log zerolog.Logger, grace time.Duration, processes ...Process) error {
	first := make(chan *running, len(processes))
	var workers, supports []*running
	for _, p := range processes {
		if r := start(ctx, p, first); p.Support {
			supports = append(supports, r)
		} else {
			workers = append(workers, r)
		}
	}
	var fault error
	var cause *running
	select {
	case <-ctx.Done():
	case cause = <-first:
		fault = cause.fault()
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	ended, left := stopAll(late.C, workers, supports)
	for _, r := range ended {
		switch {
		case r == cause || r.err == nil:
		case fault == nil:
			fault = r.fault()
		default:
			log.Error().Err(r.err).Str("process", r.Name).Msg("stopped with an error")
		}
	}
	return errors.Join(fault, leftBehind(left, grace))
}

// stopAll stops one stage after the other. Left are the processes that had not ended
// when late fired.
func stopAll(late <-chan time.Time, stages ...[]*running) (ended, left []*running) {
	over := false
	for _, stage := range stages {
		for _, r := range stage {
			r.stop()
		}
		for _, r := range stage {
			if over = over || !r.endsBefore(late); over && !r.hasEnded() {
				left = append(left, r)
			} else {
				ended = append(ended, r)
			}
		}
	}
	return ended, left
}

func (r *running) endsBefore(late <-chan time.Time) bool {
	select {
	case <-r.ended:
		return true
	case <-late:
		return false
	}
}

func (r *running) hasEnded() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

func leftBehind(left []*running, grace time.Duration) error {
	if len(left) == 0 {
		return nil
	}
	names := make([]string, len(left))
	for i, r := range left {
		names[i] = r.Name
	}
	return fmt.Errorf("stop within %s: cut off: %s", grace, strings.Join(names, ", "))
}

// start runs a process under a context of its own, so that the end of the
// caller's does not stop all of them at once.
func start(ctx context.Context, p Process, first chan<- *running) *running {
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{Process: p, stop: stop, ended: make(chan struct{})}
	go func() {
		r.err = p.Run(own)
		first <- r
		close(r.ended)
	}()
	return r
}

// fault is why the process ended. To end without an error, before it was stopped, is
// a fault too.
func (r *running) fault() error {
	if r.err == nil {
		return fmt.Errorf("%s ended by itself: see the log above", r.Name)
	}
	return fmt.Errorf("%s: %w", r.Name, r.err)
}

// Until runs processes as a group for as long as one piece of work takes, and
// returns that work's error, or the group's where that ended first.
func Until(ctx context.Context, log zerolog.Logger, work Process, processes ...Process) error {
	ctx, done := context.WithCancel(ctx)
	defer done()
	var result error
	last := Process{Name: work.Name, Run: func(own context.Context) error {
		err := work.Run(own)
		if own.Err() != nil { // it was told to stop
			return err
		}
		result = err
		done()
		<-own.Done()
		return nil
	}}
	if err := Group(ctx, log, defaultGrace, append(processes, last)...); err != nil {
		return err
	}
	return result
}
