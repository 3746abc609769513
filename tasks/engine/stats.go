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
	stats := Stats{Lanes: map[tasks.Lane]LaneStats{}, Queue: e.Reachable(ctx)}
	for _, c := range counts {
		lane := stats.Lanes[tasks.Lane(c.Lane)]
		lane.add(c)
		stats.Lanes[tasks.Lane(c.Lane)] = lane
	}
	return stats, nil
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
