package chat

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"dreamlab/store/job"
)

// absentees watches over chats whose clients went away: each goes on for a
// while, in case its client comes back, and is dropped then.
type absentees struct {
	wait time.Duration
	drop func(ctx context.Context, job job.Job)
	work sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	present map[string]*clients
	timers  map[string]*time.Timer
}

func newAbsentees(wait time.Duration, drop func(context.Context, job.Job)) *absentees {
	return &absentees{wait: wait, drop: drop, present: map[string]*clients{}, timers: map[string]*time.Timer{}}
}

// clients are those that follow a job in this process.
type clients struct {
	count int
	since time.Time // when the first one came
}

// arrive notes a client that follows a job.
func (a *absentees) arrive(job string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.present[job] == nil {
		a.present[job] = &clients{since: time.Now()}
	}
	a.present[job].count++
	a.forget(job)
}

// forget stops a job's timer; the timer's work is then not done.
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
func (a *absentees) leave(job job.Job, early bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.present[job.ID]; f != nil {
		if f.count--; f.count > 0 {
			return
		}
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

// followed returns the jobs that clients have followed here for the given while, and
// those that wait for their client to come back.
func (a *absentees) followed(while time.Duration) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	jobs := slices.Collect(maps.Keys(a.timers))
	for job, f := range a.present {
		if time.Since(f.since) >= while {
			jobs = append(jobs, job)
		}
	}
	return jobs
}

// reportEvery is how often the chats that are older than that are reported to be
// followed here. Those of a process that was killed are cancelled: see
// engine.Reconciler.
const reportEvery = 5 * time.Second

// report reports the chats that are followed here until ctx ends.
func (s *Chats) report(ctx context.Context) {
	ticks := time.NewTicker(reportEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if err := s.reportOnce(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn().Err(err).Msg("could not report the followed chats; they are reported again in five seconds")
		}
	}
}

func (s *Chats) reportOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reportEvery)
	defer cancel()
	return s.Replies.Following(ctx, s.absent.followed(reportEvery)...)
}

// drop cancels a chat that no client follows, here or elsewhere.
func (s *Chats) drop(ctx context.Context, job job.Job) {
	present, err := s.Replies.Present(ctx, job.ID)
	if err == nil && present {
		return
	}
	if err == nil {
		_, err = s.Engine.Cancel(ctx, job.Tenant, job.ID)
	}
	if err != nil {
		s.Log.Warn().Err(err).Str("job", job.ID).Str("tenant", job.Tenant).
			Msg("could not cancel a chat whose client did not reconnect")
		return
	}
	s.Log.Info().Str("job", job.ID).Str("tenant", job.Tenant).Msg("cancelled a chat whose client did not reconnect")
}
