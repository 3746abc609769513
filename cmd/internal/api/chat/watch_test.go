package chat

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/store/job"
)

// told answers looks from a map, and counts them.
type told struct {
	states map[string]job.State
	looks  int
	err    error
}

func (s *told) JobStates(_ context.Context, _ []string) (map[string]job.State, error) {
	s.looks++
	return s.states, s.err
}

func TestWatcherLooksOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the clock of a bubble: nothing really sleeps
		s := &told{states: map[string]job.State{"job_1": job.StateRunning, "job_2": job.StateSucceeded}}
		w := newWatcher(s, zerolog.Nop())
		defer w.close()
		first, leave := w.watch("job_1")
		second, _ := w.watch("job_2")
		gone, _ := w.watch("job_3")
		<-second
		<-gone
		if s.looks != 1 {
			t.Errorf("%d looks for three jobs", s.looks)
		}
		s.err = errors.New("away")
		time.Sleep(3 * lookEvery / 2)
		s.err, s.states["job_1"] = nil, job.StateFailed
		<-first
		leave()
		time.Sleep(3 * lookEvery)
		if looks := s.looks; looks != 3 {
			t.Errorf("%d looks, want none while nobody watches", looks)
		}
		again, leave := w.watch("job_1")
		leave()
		time.Sleep(2 * lookEvery)
		select {
		case <-again:
			t.Error("who has left is told")
		default:
		}
	})
}
