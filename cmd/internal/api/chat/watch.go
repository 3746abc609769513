package chat

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/store/job"
)

// lookEvery is how often the jobs of quiet chats are looked at.
const lookEvery = time.Second

// states is what the watcher needs of the store.
type states interface {
	JobStates(ctx context.Context, ids []string) (map[string]job.State, error)
}

// watcher looks whether the jobs of quiet chats have ended: all of the process in
// one narrow query, as long as there are any. A worker that dies leaves a reply
// without an end.
type watcher struct {
	store states
	log   zerolog.Logger
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup

	mu      sync.Mutex
	watched map[string][]chan struct{} // by job
	running bool
}

func newWatcher(s states, log zerolog.Logger) *watcher {
	ctx, stop := context.WithCancel(context.Background())
	return &watcher{store: s, log: log, ctx: ctx, stop: stop, watched: map[string][]chan struct{}{}}
}

// watch returns a channel that is closed when the job has ended. The caller
// leaves when it looks no more.
func (w *watcher) watch(job string) (ended <-chan struct{}, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	over := make(chan struct{})
	w.watched[job] = append(w.watched[job], over)
	if !w.running && w.ctx.Err() == nil {
		w.running = true
		w.work.Go(w.run)
	}
	return over, func() { w.leave(job, over) }
}

func (w *watcher) leave(job string, over chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := slices.DeleteFunc(w.watched[job], func(c chan struct{}) bool { return c == over })
	if w.watched[job] = left; len(left) == 0 {
		delete(w.watched, job)
	}
}

// run looks until no job is watched.
func (w *watcher) run() {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-ticks.C:
		}
		jobs := w.jobs()
		if len(jobs) == 0 {
			return
		}
		found, err := w.store.JobStates(w.ctx, jobs)
		if err != nil && w.ctx.Err() == nil {
			w.log.Warn().Err(err).Int("chats", len(jobs)).Msg("could not look at quiet chats: they are looked at again")
			continue
		}
		w.tell(jobs, found)
	}
}

// jobs returns what is watched, and notes that the watcher rests where nothing is.
func (w *watcher) jobs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = len(w.watched) > 0
	return slices.Collect(maps.Keys(w.watched))
}

// tell closes the channels of jobs that have ended, or are gone.
func (w *watcher) tell(jobs []string, found map[string]job.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, job := range jobs {
		if state, there := found[job]; there && !state.Ended() {
			continue
		}
		for _, over := range w.watched[job] {
			close(over)
		}
		delete(w.watched, job)
	}
}

// close ends the watch and waits for it.
func (w *watcher) close() {
	w.stop()
	w.work.Wait()
}
