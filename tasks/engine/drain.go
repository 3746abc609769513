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

// drain stops a worker in this order: it takes nothing new, waits for the grace
// period, cancels the handlers' contexts, releases the jobs of handlers that still
// run, and shuts Asynq down.
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

// wait waits for the patience that handlers are given after their contexts ended.
// Time in which the database is unreachable does not count: a handler may hold an
// answer that was paid for and can not be stored yet.
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
	_, err := w.store.Now(ctx)
	return err != nil
}

// each does something to all lines concurrently.
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

// releaseUnfinished queues the jobs of handlers that did not return. Whatever such a
// handler still writes is refused, since it no longer holds the job. A job whose
// handler has returned is not released: its answer was paid for, and only waits for
// the database.
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
