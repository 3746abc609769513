package chat

import (
	"context"
	"sync"
	"time"

	"dreamlab/store"
)

// absentees watches over chats whose clients went away: each goes on for a
// while, in case its client comes back, and is dropped then.
type absentees struct {
	wait time.Duration
	drop func(ctx context.Context, job store.Job)
	work sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	present map[string]int
	timers  map[string]*time.Timer
}

func newAbsentees(wait time.Duration, drop func(context.Context, store.Job)) *absentees {
	return &absentees{wait: wait, drop: drop, present: map[string]int{}, timers: map[string]*time.Timer{}}
}

// arrive notes a client that follows a job.
func (a *absentees) arrive(job string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.present[job]++
	a.forget(job)
}

// forget stops a job's timer; its work is then done by nobody.
func (a *absentees) forget(job string) {
	if timer, ok := a.timers[job]; ok {
		delete(a.timers, job)
		if timer.Stop() {
			a.work.Done()
		}
	}
}

// leave notes that a client has gone, before the answer's end if early. The
// last one to go starts the clock, unless the job is to go on without clients:
// it was not made for a waiting one, or can be asked for again by its key.
func (a *absentees) leave(job store.Job, early bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.present[job.ID]--; a.present[job.ID] > 0 {
		return
	}
	delete(a.present, job.ID)
	if !early || a.closed || !job.Attached || job.IdemKey != "" {
		return
	}
	a.work.Add(1)
	a.timers[job.ID] = time.AfterFunc(a.wait, func() {
		defer a.work.Done()
		if a.over(job.ID) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			a.drop(ctx, job)
		}
	})
}

// over tells whether a timer that has fired still stands.
func (a *absentees) over(job string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.timers[job]; !ok {
		return false
	}
	delete(a.timers, job)
	return !a.closed
}

// close forgets all absent clients and waits for what is under way.
func (a *absentees) close() {
	a.mu.Lock()
	a.closed = true
	for job := range a.timers {
		a.forget(job)
	}
	a.mu.Unlock()
	a.work.Wait()
}

// drop cancels a chat that nobody follows, here or elsewhere.
func (s *Chats) drop(ctx context.Context, job store.Job) {
	present, err := s.Replies.Present(ctx, job.ID)
	if err == nil && !present {
		_, err = s.Engine.Cancel(ctx, job.Tenant, job.ID)
	}
	line := s.Log.Info()
	if err != nil {
		line = s.Log.Warn().Err(err)
	}
	line.Str("job", job.ID).Str("tenant", job.Tenant).Bool("resumed", present).Msg("a chat's client stayed away")
}
