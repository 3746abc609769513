package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

const (
	claimTimeout = 5 * time.Second
	// wakeWidth is how many of the jobs that share a wake-up run at once.
	wakeWidth = 8
	// claimedFor is how long a lane counts as one that claims.
	claimedFor = 10 * time.Second
)

// process answers an Asynq task: it claims the wake-up's jobs and runs them.
// It returns nil however they ended, since their states are in the database; an error
// only means that the database did not answer. Asynq's context is not used, since a
// short outage of Redis would end it.
func (w *Worker) process(_ context.Context, task *asynq.Task) error {
	if !w.enter() {
		return tasks.ErrDraining
	}
	defer w.running.Done()
	var wake tasks.Wake
	if err := json.Unmarshal(task.Payload(), &wake); err != nil {
		w.log.Error().Err(err).Str("kind", task.Type()).Msg("a wake-up that can not be read is dropped")
		return nil
	}
	kind := tasks.Kind(task.Type())
	if kind == tasks.ScheduleTick && len(wake.Jobs) == 0 {
		return w.firer.fireDue(w.work)
	}
	holds, err := w.claim(kind, wake.Jobs)
	if err != nil {
		return err
	}
	if len(holds) > 0 {
		tasks.Point("claimed")
	}
	w.attemptAll(holds)
	return nil
}

// attemptAll runs the jobs of one wake-up, a few at a time. Their ends are stored
// as they come, so that many share a commit.
func (w *Worker) attemptAll(holds []*hold) {
	if len(holds) == 1 {
		w.attempt(holds[0])()
		return
	}
	var all sync.WaitGroup
	slots := make(chan struct{}, wakeWidth)
	for _, h := range holds {
		slots <- struct{}{}
		all.Go(func() {
			end := w.attempt(h)
			<-slots
			end()
		})
	}
	all.Wait()
}

// claiming is a wake-up on its way to being claimed.
type claiming struct {
	refs []job.Ref
	jobs []job.Job
	sent time.Time
	err  error
}

// claim takes the jobs under a lease; concurrent claims of a lane share a
// statement. The lease is counted from the time before the claim was sent.
func (w *Worker) claim(kind tasks.Kind, refs []tasks.Ref) ([]*hold, error) {
	c := &claiming{refs: make([]job.Ref, len(refs))}
	for i, ref := range refs {
		c.refs[i] = job.Ref(ref)
	}
	lane := kind.Lane()
	if err := w.claims[lane].Do(w.work, c); err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	if c.err != nil {
		return nil, fmt.Errorf("claim: %w", c.err)
	}
	m := w.metrics
	m.claimed.WithLabelValues(string(lane)).Add(float64(len(c.jobs)))
	m.stale.WithLabelValues(string(lane)).Add(float64(len(refs) - len(c.jobs)))
	holds := make([]*hold, len(c.jobs))
	for i, job := range c.jobs {
		m.pickup.WithLabelValues(string(lane)).Observe(job.ClaimedAt.Sub(job.RunAt).Seconds())
		holds[i] = w.keeper.add(w.work, job, c.sent)
	}
	if len(holds) > 0 {
		w.noteClaim(w.work, lane)
	}
	return holds, nil
}

// claimTogether claims for several wake-ups of a lane in one statement. One
// job may be in two of them: the first one has it.
func (w *Worker) claimTogether(ctx context.Context, lane tasks.Lane, all []*claiming) {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	owner := map[job.Ref]*claiming{}
	var refs []job.Ref
	for _, c := range all {
		c.sent = time.Now()
		for _, ref := range c.refs {
			if owner[ref] == nil {
				owner[ref], refs = c, append(refs, ref)
			}
		}
	}
	var jobs []job.Job
	err := w.store.Tx(ctx, db.Relaxed, func(q *store.Queries) error {
		return q.ClaimJobsLater(ctx, refs, w.name, lane.Lease(), &jobs)
	})
	for _, c := range all {
		c.err = err
	}
	for _, j := range jobs {
		c := owner[job.Ref{ID: j.ID, Gen: j.Gen}]
		c.jobs = append(c.jobs, j)
	}
}

// noteClaim leaves word, once a second, that the lane is being served.
func (w *Worker) noteClaim(ctx context.Context, lane tasks.Lane) {
	now := time.Now().Unix()
	if w.lastServed[lane].Swap(now) == now {
		return
	}
	if err := w.redis.Set(ctx, claimedKey(lane), 1, claimedFor).Err(); err != nil {
		w.log.Debug().Err(err).Msg("note that the lane is served")
	}
}
