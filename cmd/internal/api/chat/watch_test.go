package chat

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/store/job"
)

// told answers looks from a map, and counts them.
type told struct {
	mu     sync.Mutex
	states map[string]job.State
	looks  int
	err    error
}

func (s *told) JobStates(_ context.Context, _ []string) (map[string]job.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return maps.Clone(s.states), s.err
}

// set changes what is answered.
func (s *told) set(err error, change func(map[string]job.State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	change(s.states)
}

// looked is how often it was asked.
func (s *told) looked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks
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
		if looks := s.looked(); looks != 1 {
			t.Errorf("%d looks for three jobs", looks)
		}
		s.set(errors.New("away"), func(map[string]job.State) {})
		time.Sleep(3 * lookEvery / 2)
		s.set(nil, func(states map[string]job.State) { states["job_1"] = job.StateFailed })
		<-first
		leave()
		time.Sleep(3 * lookEvery)
		if looks := s.looked(); looks != 3 {
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
