package engine

import (
	"context"
	"fmt"
	"time"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

// LaneStats is how a lane stands.
type LaneStats struct {
	Queued     int // due, delayed and backing off
	Dispatched int
	Running    int
	Waiting    int
	// Wait is how long the oldest queued or dispatched job has been due.
	Wait time.Duration
}

// Stats is how the engine stands.
type Stats struct {
	Lanes map[tasks.Lane]LaneStats
	Queue error // nil while Redis answers
}

// Stats counts the open jobs and asks whether the queue answers. An error
// means that the database does not.
func (e *Engine) Stats(ctx context.Context) (Stats, error) {
	counts, err := e.store.LaneCounts(ctx)
	if err != nil {
		return Stats{}, fmt.Errorf("count jobs: %w", err)
	}
	return Stats{Lanes: lanesOf(counts), Queue: e.Reachable(ctx)}, nil
}

func lanesOf(counts []job.LaneCount) map[tasks.Lane]LaneStats {
	lanes := map[tasks.Lane]LaneStats{}
	for _, c := range counts {
		lane := lanes[tasks.Lane(c.Lane)]
		lane.add(c)
		lanes[tasks.Lane(c.Lane)] = lane
	}
	return lanes
}

// states returns the counts by state.
func (s LaneStats) states() map[job.State]int {
	return map[job.State]int{
		job.StateQueued: s.Queued, job.StateDispatched: s.Dispatched,
		job.StateRunning: s.Running, job.StateWaiting: s.Waiting,
	}
}

func (s *LaneStats) add(c job.LaneCount) {
	switch c.State {
	case job.StateQueued:
		s.Queued += c.Jobs
		s.Wait = max(s.Wait, c.Oldest)
	case job.StateDispatched:
		s.Dispatched += c.Jobs
		s.Wait = max(s.Wait, c.Oldest)
	case job.StateRunning:
		s.Running += c.Jobs
	case job.StateWaiting:
		s.Waiting += c.Jobs
	}
}
