package boot

import (
	"context"
	"time"
)

// How the grace of a process is shared out. A host that gives 30 seconds, as most
// do, finds it ended after 20 by default.
const (
	// maxTail bounds the part of the grace that is kept for handlers to return and for
	// connections to be closed.
	maxTail = 5 * time.Second
	// closeWithin bounds the closing of what the processes shared.
	closeWithin = 2 * time.Second
)

// grace is how long a process may take to stop.
func (s *Stack) grace() time.Duration {
	if s.Config.Grace > 0 {
		return s.Config.Grace
	}
	return defaultGrace
}

// tail is what is left of the grace when running work is not waited for any more.
func (s *Stack) tail() time.Duration { return min(maxTail, s.grace()/4) }

// workGrace is how long running requests and jobs may go on.
func (s *Stack) workGrace() time.Duration { return s.grace() - s.tail() }

// patience is how long handlers may take to return once they were told to.
func (s *Stack) patience() time.Duration { return s.tail() * 3 / 5 }

// Run runs processes as one group, which is stopped within the configured grace.
func (s *Stack) Run(ctx context.Context, processes ...Process) error {
	processes = append(processes, Process{Name: "catalogue", Run: s.keeper().Run, Support: true})
	return Group(ctx, s.Log, s.grace(), processes...)
}
