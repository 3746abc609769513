package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

const (
	// lostAfter is the age from which a dispatched job whose wake-up is not in Redis
	// is queued again.
	lostAfter = 3 * time.Second
	// tokenAfter is the age from which a dispatched job's lane is given another wake
	// token.
	tokenAfter = time.Second
	// takenAfter is the age from which a job is queued again whose wake-up a worker
	// took without claiming the job: it died in between, or Redis' answer was lost.
	takenAfter = 2 * claimTimeout
	// stuckAfter is the age from which a job is queued again whose wake-up is still
	// in Redis while its lane claims other jobs.
	stuckAfter = 2 * time.Minute
	// reconcileTimeout bounds one round.
	reconcileTimeout = 30 * time.Second
)

// Reconciler repairs, once a second, what faults left behind: leases of workers that
// died, wake-ups that were lost or are stuck, a Redis that was wiped or restarted,
// jobs that expired. A step that fails does not stop the others.
type Reconciler struct {
	log      zerolog.Logger
	sweeper  *sweeper
	repairer *repairer
	pruner   *pruner
	absent   *absentees
}

// Reconciler returns a reconciler. Any number may run.
func (e *Engine) Reconciler() *Reconciler {
	return &Reconciler{
		log:      e.log,
		sweeper:  &sweeper{store: e.store, log: e.log, metrics: e.metrics, announcer: e.announcer},
		repairer: newRepairer(e),
		pruner: &pruner{
			store: e.store, metrics: e.metrics, keep: e.keep, keepPrivate: e.keepPrivate, keepRecords: e.keepRecords,
		},
		absent: newAbsentees(e),
	}
}

// Run reconciles until ctx ends.
func (r *Reconciler) Run(ctx context.Context) error {
	ticker := time.NewTicker(backstop)
	defer ticker.Stop()
	var pruned time.Time
	for {
		if err := r.reconcile(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn().Err(err).Msg("reconcile; it is tried again in a second")
		}
		if err := r.absent.cancel(ctx, time.Now()); err != nil && ctx.Err() == nil {
			r.log.Warn().Err(err).Msg("cancel chats without a client; it is tried again in five seconds")
		}
		if time.Since(pruned) > pruneEvery {
			pruned = time.Now()
			err := errors.Join(r.pruner.prune(ctx), r.pruner.ageEntries(ctx), r.pruner.sumUsage(ctx), r.pruner.pruneEntries(ctx))
			if err != nil && ctx.Err() == nil {
				r.log.Warn().Err(err).Msg("prune; it is tried again in a minute")
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// reconcile makes one round. Each step is made even if another fails.
func (r *Reconciler) reconcile(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	return errors.Join(
		r.sweeper.reap(ctx),
		r.sweeper.expire(ctx),
		r.repairer.repairQueue(ctx),
	)
}

// repairer finds and replaces wake-ups that the queue has lost.
type repairer struct {
	store     *store.Store
	redis     redis.UniversalClient
	log       zerolog.Logger
	metrics   *metrics
	announcer *announcer
}

func newRepairer(e *Engine) *repairer {
	return &repairer{store: e.store, redis: e.redis, log: e.log, metrics: e.metrics, announcer: e.announcer}
}

// repairQueue finds lost wake-ups: after a wipe of Redis it checks every dispatched
// job, otherwise the older ones. The wipe is marked as repaired only after all were
// checked.
func (r *repairer) repairQueue(ctx context.Context) error {
	wiped, err := r.lookForWipe(ctx)
	if err != nil {
		return err
	}
	if err := r.checkWakes(ctx, len(wiped) > 0); err != nil {
		return err
	}
	return r.setSentinels(ctx, wiped)
}

// sweeper moves jobs whose time is over.
type sweeper struct {
	store     *store.Store
	log       zerolog.Logger
	metrics   *metrics
	announcer *announcer
}

// reap takes jobs from workers that have gone silent.
func (s *sweeper) reap(ctx context.Context) error {
	return s.sweep(ctx, s.store.ExpiredLeases, (*store.Queries).ReapJob, s.reaped)
}

// expire ends jobs that have waited for too long.
func (s *sweeper) expire(ctx context.Context) error {
	return s.sweep(ctx, s.store.ExpiredJobs, (*store.Queries).ExpireJob, nil)
}

type sweeping func(q *store.Queries, ctx context.Context, id string) ([]job.Moved, error)

// sweep moves each of the jobs that a query names in a transaction of its own. A job
// that can not be moved does not stop the others; the error names it. The sweep ends
// early where the database does not answer. Told is called after the commit of each
// job that was moved; it may be nil.
func (s *sweeper) sweep(ctx context.Context, find func(context.Context) ([]string, error), fn sweeping,
	told func(job job.Moved)) error {
	ids, err := find(ctx)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	var faults []error
	for _, id := range ids {
		moved, err := s.sweepOne(ctx, id, fn)
		if err != nil {
			faults = append(faults, fmt.Errorf("sweep %s: %w", id, err))
		}
		if errors.Is(err, db.ErrBusy) || ctx.Err() != nil {
			break
		}
		if told != nil && len(moved) > 0 {
			told(moved[0])
		}
		s.announcer.announce(ctx, moved)
	}
	return errors.Join(faults...)
}

func (s *sweeper) sweepOne(ctx context.Context, id string, fn sweeping) (moved []job.Moved, err error) {
	err = s.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
		moved, err = fn(q, ctx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return moved, nil
}

func (s *sweeper) reaped(job job.Moved) {
	s.metrics.reaped.WithLabelValues(job.Lane).Inc()
	s.log.Warn().Str("job", job.ID).Msg("a lease expired: the job was taken from its worker")
}

// lookForWipe returns the sentinels to set: those that are missing, or that hold the
// id of an earlier run of the server.
func (r *repairer) lookForWipe(ctx context.Context) (map[tasks.Lane]string, error) {
	run, err := r.runID(ctx)
	if err != nil {
		return nil, err
	}
	pipe := r.redis.Pipeline()
	seen := map[tasks.Lane]*redis.StringCmd{}
	for _, lane := range tasks.Lanes() {
		seen[lane] = pipe.Get(ctx, sentinelKey(lane))
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("look for a wiped queue: %w", err)
	}
	wiped := map[tasks.Lane]string{}
	for lane, cmd := range seen {
		if value, err := cmd.Result(); err != nil || value != run {
			wiped[lane] = run
		}
	}
	return wiped, nil
}

// runID returns the server's run id, which changes when it restarts. It is "-" where
// the server does not tell (an embedded queue, an access list), and for a cluster,
// where each request may reach another server.
func (r *repairer) runID(ctx context.Context) (string, error) {
	info, err := r.redis.Info(ctx, "server").Result()
	if err != nil {
		var answered redis.Error
		if errors.As(err, &answered) {
			return "-", nil
		}
		return "", fmt.Errorf("ask for the queue's run id: %w", err)
	}
	if strings.Contains(info, "redis_mode:cluster") {
		return "-", nil
	}
	for line := range strings.Lines(info) {
		if id, found := strings.CutPrefix(strings.TrimSpace(line), "run_id:"); found {
			return id, nil
		}
	}
	return "-", nil
}

// setSentinels ends the repair after a wipe: it registers the queues for asynqmon and
// sets the sentinels by which the next wipe is detected.
func (r *repairer) setSentinels(ctx context.Context, wiped map[tasks.Lane]string) error {
	if len(wiped) == 0 {
		return nil
	}
	r.metrics.wiped.Inc()
	r.tellWiped(wiped)
	pipe := r.redis.Pipeline()
	for lane, run := range wiped {
		pipe.SAdd(ctx, asynqQueues, string(lane))
		pipe.Set(ctx, sentinelKey(lane), run, 0)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("mark the queue as known: %w", err)
	}
	return nil
}

// tellWiped warns that the queue lost its contents. For a queue without a run id,
// such as the embedded one, that is usual at each start: it is logged at debug.
func (r *repairer) tellWiped(wiped map[tasks.Lane]string) {
	line := r.log.Warn()
	for _, run := range wiped {
		if run == "-" {
			line = r.log.Debug()
		}
	}
	line.Msg("the queue is new, was wiped or restarted: its wake-ups were checked")
}

// checkWakes pages through the dispatched jobs: all of them after a wipe, otherwise
// those older than tokenAfter.
func (r *repairer) checkWakes(ctx context.Context, all bool) error {
	older := tokenAfter
	if all {
		older = 0
	}
	late := map[tasks.Lane]bool{}
	after := ""
	for {
		page, err := r.store.DispatchedJobs(ctx, older, after)
		if err != nil {
			return fmt.Errorf("list dispatched jobs: %w", err)
		}
		if len(page) == 0 {
			return r.remind(ctx, late)
		}
		for _, d := range page {
			late[tasks.Lane(d.Lane)] = true
		}
		if err := r.checkPage(ctx, page, all); err != nil {
			return err
		}
		after = page[len(page)-1].ID
	}
}

// checkPage asks Redis for the wake-ups of a page in one pipeline and queues
// the jobs of those that are gone or stuck.
func (r *repairer) checkPage(ctx context.Context, page []job.Dispatched, all bool) error {
	pipe := r.redis.Pipeline()
	states := make([]*redis.StringCmd, len(page))
	claims := map[tasks.Lane]*redis.IntCmd{}
	for i, d := range page {
		lane := tasks.Kind(d.Kind).Lane()
		states[i] = pipe.HGet(ctx, taskKey(lane, d.Wake), "state")
		if claims[lane] == nil {
			claims[lane] = pipe.Exists(ctx, claimedKey(lane))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("look for wake-ups: %w", err)
	}
	var lost []job.Ref
	for i, d := range page {
		gone := states[i].Val() == "" && (all || d.Age >= lostAfter)
		taken := states[i].Val() == "active" && d.Age >= takenAfter
		stuck := d.Age >= stuckAfter && claims[tasks.Kind(d.Kind).Lane()].Val() > 0
		if gone || taken || stuck {
			lost = append(lost, job.Ref{ID: d.ID, Gen: d.Gen})
		}
	}
	return r.requeue(ctx, lost)
}

func (r *repairer) requeue(ctx context.Context, lost []job.Ref) error {
	if len(lost) == 0 {
		return nil
	}
	var moved []job.Moved
	err := r.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
		moved, err = q.LoseWakes(ctx, lost)
		return err
	})
	if err != nil {
		return fmt.Errorf("queue jobs whose wake-up is lost: %w", err)
	}
	for _, m := range moved {
		r.metrics.lost.WithLabelValues(m.Lane).Inc()
	}
	r.announcer.announce(ctx, moved)
	return nil
}

// remind pushes a wake token to each lane with a late wake-up: the token that was
// pushed with it may be lost.
func (r *repairer) remind(ctx context.Context, late map[tasks.Lane]bool) error {
	if len(late) == 0 {
		return nil
	}
	pipe := r.redis.Pipeline()
	for lane := range late {
		pipe.LPush(ctx, tokensKey(lane), 1)
		pipe.LTrim(ctx, tokensKey(lane), 0, tokensKept-1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("push wake tokens: %w", err)
	}
	return nil
}
