package schedule

import (
	"testing"
	"time"

	"dreamlab/store"
)

// TestFailedDreamsCountForTheBreaker keeps a lead model that can not be read from being
// paid at each tick.
func TestFailedDreamsCountForTheBreaker(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	dream := func(status store.JobState, experiences int, created time.Time) store.Dream {
		return store.Dream{Status: status, Counts: store.DreamCounts{Experiences: experiences}, Created: created}
	}
	starts, ended := recent([]store.Dream{
		dream(store.JobFailed, 16, midnight.Add(4*time.Hour)),
		dream(store.JobSucceeded, 0, midnight.Add(3*time.Hour)), // a dry run
		dream(store.JobCancelled, 16, midnight.Add(2*time.Hour)),
		dream(store.JobFailed, 16, midnight),
		dream(store.JobSucceeded, 16, midnight.Add(-time.Second)),
		dream(store.JobSucceeded, 16, midnight.Add(-time.Hour)),
	}, midnight)
	if starts != 3 || len(ended) != breakerDreams || ended[1].Status != store.JobFailed {
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
