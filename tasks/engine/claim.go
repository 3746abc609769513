package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"dreamlab/store"
	"dreamlab/tasks"
)

const (
	claimTimeout = 5 * time.Second
	// claimedFor is how long a lane counts as one that claims.
	claimedFor = 10 * time.Second
)

// process answers an Asynq task: it claims the wake-up's jobs and runs them.
// It returns nil whatever came of them, because the database knows; an error
// only means that nobody could be asked. Asynq's context is not used: a short
// outage of Redis would end it.
func (w *Worker) process(_ context.Context, task *asynq.Task) error {
	if !w.enter() {
		return tasks.ErrDraining
	}
	defer w.running.Done()
	var wake tasks.Wake
	if err := json.Unmarshal(task.Payload(), &wake); err != nil {
		w.engine.log.Error().Err(err).Str("kind", task.Type()).Msg("a wake-up that nobody can read is dropped")
		return nil
	}
	kind := tasks.Kind(task.Type())
	if kind == tasks.ScheduleTick && len(wake.Jobs) == 0 {
		return w.engine.fireDue(w.work)
	}
	holds, err := w.claim(kind, wake.Jobs)
	if err != nil {
		return err
	}
	for _, h := range holds {
		w.attempt(h)
	}
	return nil
}

// claim takes the jobs under a lease. The lease is trusted from before the
// claim was sent.
func (w *Worker) claim(kind tasks.Kind, refs []tasks.Ref) ([]*hold, error) {
	ctx, cancel := context.WithTimeout(w.work, claimTimeout)
	defer cancel()
	rows := make([]store.JobRef, len(refs))
	for i, ref := range refs {
		rows[i] = store.JobRef(ref)
	}
	lane := kind.Lane()
	began := time.Now()
	var jobs []store.Job
	err := w.engine.store.Tx(ctx, store.Relaxed, func(q *store.Queries) (err error) {
		jobs, err = q.ClaimJobs(ctx, rows, w.name, lane.Lease())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	m := w.engine.metrics
	m.claimed.WithLabelValues(string(lane)).Add(float64(len(jobs)))
	m.stale.WithLabelValues(string(lane)).Add(float64(len(refs) - len(jobs)))
	holds := make([]*hold, len(jobs))
	for i, job := range jobs {
		m.pickup.WithLabelValues(string(lane)).Observe(job.ClaimedAt.Sub(job.RunAt).Seconds())
		holds[i] = w.keeper.add(w.work, job, began)
	}
	if len(jobs) > 0 {
		w.noteClaim(ctx, lane)
	}
	return holds, nil
}

// noteClaim leaves word, once a second, that the lane is being served.
func (w *Worker) noteClaim(ctx context.Context, lane tasks.Lane) {
	now := time.Now().Unix()
	if w.noted[lane].Swap(now) == now {
		return
	}
	if err := w.engine.redis.Set(ctx, claimedKey(lane), 1, claimedFor).Err(); err != nil {
		w.engine.log.Debug().Err(err).Msg("note that the lane is served")
	}
}
