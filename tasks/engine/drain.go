package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

// drain stops a worker in order: nothing new, a grace period, the handlers'
// contexts, what is left handed back, and Asynq last.
func (w *Worker) drain(lines []*line) error {
	w.mu.Lock()
	w.stopping = true
	w.mu.Unlock()
	for _, l := range lines {
		l.waiter.stop()
	}
	each(lines, func(l *line) { l.server.Stop() })

	idle := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() { w.running.Wait(); close(idle) })
	settled := within(idle, w.grace)
	w.stopWork(tasks.ErrDraining)
	if !settled {
		settled = w.wait(idle)
	}
	var err error
	if !settled {
		err = w.releaseUnfinished()
	}
	close(w.given)
	waiting.Wait()

	each(lines, func(l *line) { l.server.Shutdown() })
	each(lines, func(l *line) { l.waiter.join(context.Background()) })
	return err
}

// wait gives handlers their patience. The time in which the database is away
// does not count: they may hold an answer that was paid for.
func (w *Worker) wait(idle <-chan struct{}) (settled bool) {
	if within(idle, w.patience) {
		return true
	}
	away := false
	for try := 0; try < awayTries && w.storeAway(); try++ {
		away = true
		if within(idle, backstop) {
			return true
		}
	}
	return away && within(idle, w.patience)
}

func (w *Worker) storeAway() bool {
	ctx, cancel := context.WithTimeout(context.Background(), backstop)
	defer cancel()
	_, err := w.engine.store.Now(ctx)
	return err != nil
}

// each does something to all lines at once.
func each(lines []*line, do func(*line)) {
	var all sync.WaitGroup
	for _, l := range lines {
		all.Go(func() { do(l) })
	}
	all.Wait()
}

func within(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// releaseUnfinished hands back the jobs of handlers that do not return. Whatever those
// still try to write is fenced. An answer that waits for a database that is away
// is not taken back: it was paid for.
func (w *Worker) releaseUnfinished() error {
	var stillRunning []string
	for _, h := range w.keeper.working() {
		stillRunning = append(stillRunning, h.job.Kind+" "+h.job.ID)
		w.finish(h, job.Finish{To: job.StateQueued, Outcome: job.AttemptHandedBack}, following{})
	}
	if len(stillRunning) == 0 {
		return nil
	}
	return fmt.Errorf("stop worker: handlers did not return when their context ended: %s",
		strings.Join(stillRunning, ", "))
}
