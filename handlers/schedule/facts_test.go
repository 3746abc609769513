package schedule

import (
	"testing"
	"time"

	"dreamlab/store/job"
	"dreamlab/store/learn"
)

// TestFailedDreamsCountForTheBreaker keeps a lead model that can not be read from being
// paid at each tick.
func TestFailedDreamsCountForTheBreaker(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	dream := func(status job.State, experiences int, created time.Time) learn.Dream {
		return learn.Dream{Status: status, Counts: learn.DreamCounts{Experiences: experiences}, Created: created}
	}
	starts, ended := recent([]learn.Dream{
		dream(job.StateFailed, 16, midnight.Add(4*time.Hour)),
		dream(job.StateSucceeded, 0, midnight.Add(3*time.Hour)), // a dry run
		dream(job.StateCancelled, 16, midnight.Add(2*time.Hour)),
		dream(job.StateFailed, 16, midnight),
		dream(job.StateSucceeded, 16, midnight.Add(-time.Second)),
		dream(job.StateSucceeded, 16, midnight.Add(-time.Hour)),
	}, midnight)
	if starts != 3 || len(ended) != breakerDreams || ended[1].Status != job.StateFailed {
		t.Fatalf("%d starts, ended %+v", starts, ended)
	}
	f := facts{Now: midnight.Add(5 * time.Hour), Fresh: 100, Recent: make([]outcome, len(ended))}
	for i := range f.Recent {
		f.Recent[i].Ended = midnight
	}
	if start, reason := decide(f, Settings{}.filled()); start || reason != "breaker: the last dreams kept nothing" {
		t.Errorf("decided %v: %s", start, reason)
	}
}
