package engine

import (
	"context"
	"fmt"
	"time"

	"dreamlab/store"
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

func lanesOf(counts []store.LaneCount) map[tasks.Lane]LaneStats {
	lanes := map[tasks.Lane]LaneStats{}
	for _, c := range counts {
		lane := lanes[tasks.Lane(c.Lane)]
		lane.add(c)
		lanes[tasks.Lane(c.Lane)] = lane
	}
	return lanes
}

// states returns the counts by state.
func (s LaneStats) states() map[store.JobState]int {
	return map[store.JobState]int{
		store.JobQueued: s.Queued, store.JobDispatched: s.Dispatched,
		store.JobRunning: s.Running, store.JobWaiting: s.Waiting,
	}
}

func (s *LaneStats) add(c store.LaneCount) {
	switch c.State {
	case store.JobQueued:
		s.Queued += c.Jobs
		s.Wait = max(s.Wait, c.Oldest)
	case store.JobDispatched:
		s.Dispatched += c.Jobs
		s.Wait = max(s.Wait, c.Oldest)
	case store.JobRunning:
		s.Running += c.Jobs
	case store.JobWaiting:
		s.Waiting += c.Jobs
	}
}
