package main

import (
	"context"
	"sync"
	"syscall"
	"time"

	"dreamlab/store/backoff"
)

const (
	restartAfter = 300 * time.Millisecond
	stopPatience = 20 * time.Second
)

// slot keeps one process of the fleet running: it starts a process that ended again, as a
// supervisor does.
type slot struct {
	name string
	make func(die string) command

	mu      sync.Mutex
	current *child
	die     string // the point at which the next one is to die
}

// run keeps the process until ctx ends, and stops it then.
func (s *slot) run(ctx context.Context) error {
	for {
		c, err := s.start()
		if err != nil {
			return err
		}
		select {
		case <-c.ended:
		case <-ctx.Done():
			return c.end(syscall.SIGTERM, stopPatience)
		}
		if !pause(ctx, restartAfter) {
			return nil
		}
	}
}

func (s *slot) start() (*child, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := start(s.make(s.die))
	s.current, s.die = c, ""
	return c, err
}

// child returns the present process, nil before the first.
func (s *slot) child() *child {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// next replaces the process by one that dies at a named point, and returns it once it runs.
func (s *slot) next(ctx context.Context, die string) (*child, error) {
	before := s.child()
	s.mu.Lock()
	s.die = die
	s.mu.Unlock()
	if err := before.end(syscall.SIGTERM, stopPatience); err != nil {
		return nil, err
	}
	for {
		if now := s.child(); now != before {
			return now, nil
		}
		if !pause(ctx, restartAfter/3) {
			return nil, ctx.Err()
		}
	}
}

// pause waits, and tells whether it waited to the end.
func pause(ctx context.Context, d time.Duration) bool { return backoff.Sleep(ctx, d) == nil }

const (
	// retryTime bounds the retries while the lab is set up or a fault is injected: a server
	// takes a few seconds to start.
	retryTime   = 45 * time.Second
	insistPause = 200 * time.Millisecond
)

// retry calls a function until it succeeds or retryTime is over.
func retry(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, retryTime)
	defer cancel()
	for {
		err := do()
		if err == nil || !pause(ctx, insistPause) {
			return err
		}
	}
}
