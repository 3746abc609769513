package boot

import (
	"context"
	"fmt"
	"slices"

	"github.com/rs/zerolog"
)

// Process is a part of the program that runs until its context ends.
type Process struct {
	Name string
	Run  func(context.Context) error
}

// running is a process that was started.
type running struct {
	Process
	stop  context.CancelFunc
	ended chan struct{}
	err   error
}

// Group runs processes as one. They are started in the order given; when ctx
// ends, or when one of them does, they are stopped one after the other in the
// reverse order, each only when the one before has ended. The first error is
// returned; later ones are logged. No goroutine outlives the call.
func Group(ctx context.Context, log zerolog.Logger, processes ...Process) error {
	first := make(chan *running, len(processes))
	started := make([]*running, len(processes))
	for i, p := range processes {
		started[i] = start(ctx, p, first)
	}
	var cause *running
	var fault error
	select {
	case <-ctx.Done():
	case cause = <-first:
		fault = cause.fault()
	}
	for _, r := range slices.Backward(started) {
		r.stop()
		<-r.ended
		switch {
		case r == cause || r.err == nil:
		case fault == nil:
			fault = r.fault()
		default:
			log.Error().Err(r.err).Str("process", r.Name).Msg("stopped with an error")
		}
	}
	return fault
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

// fault is why the process ended. None should end without being told.
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
	if err := Group(ctx, log, append(processes, last)...); err != nil {
		return err
	}
	return result
}
