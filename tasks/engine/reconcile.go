package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

const (
	// lostAfter is the age at which a dispatched job's wake-up is looked for.
	lostAfter = 3 * time.Second
	// tokenAfter is the age at which its lane gets a token once more.
	tokenAfter = time.Second
	// takenAfter is the age at which a wake-up is given up that a worker took and
	// did not claim by: the worker died in between, or never heard that it took it.
	takenAfter = 2 * claimTimeout
	// stuckAfter is the age at which a wake-up that is still there is given up,
	// while its lane claims others.
	stuckAfter = 2 * time.Minute
	// reconcileTimeout bounds one round.
	reconcileTimeout = 30 * time.Second
	// pruneEvery and pruneSteps bound how many ended jobs go a minute.
	pruneEvery = time.Minute
	pruneSteps = 50
	// keepTicks is how long an ended tick is kept: as long as its idempotency key
	// holds, and whoever asks what a schedule did can still see.
	keepTicks = 24 * time.Hour
)

// Reconciler puts right what went wrong: workers that have gone silent,
// wake-ups that were lost or are stuck, a Redis that was wiped or restarted,
// jobs that waited for too long. Every second; each step holds by itself.
type Reconciler struct{ engine *Engine }

// Reconciler returns a reconciler. Any number may run.
func (e *Engine) Reconciler() *Reconciler { return &Reconciler{e} }

// Run reconciles until ctx ends.
func (r *Reconciler) Run(ctx context.Context) error {
	ticker := time.NewTicker(backstop)
	defer ticker.Stop()
	var pruned time.Time
	var absent absentees
	for {
		if err := r.engine.reconcile(ctx); err != nil && ctx.Err() == nil {
			r.engine.log.Warn().Err(err).Msg("reconcile; it is tried again in a second")
		}
		if err := r.engine.cancelAbsent(ctx, &absent, time.Now()); err != nil && ctx.Err() == nil {
			r.engine.log.Warn().Err(err).Msg("cancel chats without a client; it is tried again in five seconds")
		}
		if time.Since(pruned) > pruneEvery {
			pruned = time.Now()
			if err := errors.Join(r.engine.prune(ctx), r.engine.ageEntries(ctx)); err != nil && ctx.Err() == nil {
				r.engine.log.Warn().Err(err).Msg("prune; it is tried again in a minute")
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// reconcile makes one round. A step that fails does not keep the others from
// being made.
func (e *Engine) reconcile(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	return errors.Join(
		e.sweep(ctx, e.store.ExpiredLeases, (*store.Queries).ReapJob, e.reaped),
		e.sweep(ctx, e.store.ExpiredJobs, (*store.Queries).ExpireJob, nil),
		e.repairQueue(ctx),
	)
}

// repairQueue finds wake-ups that are gone, after a wipe of Redis among all of
// them. The wipe counts as seen only once all were looked at.
func (e *Engine) repairQueue(ctx context.Context) error {
	wiped, err := e.lookForWipe(ctx)
	if err != nil {
		return err
	}
	if err := e.checkWakes(ctx, len(wiped) > 0); err != nil {
		return err
	}
	return e.setSentinels(ctx, wiped)
}

// prune deletes jobs that ended long ago, in small steps.
func (e *Engine) prune(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	for range pruneSteps {
		var gone int64
		err := e.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
			if gone, err = q.PruneJobs(ctx, e.keep); err != nil {
				return err
			}
			ticks, err := q.PruneTenantJobs(ctx, SystemTenant, keepTicks)
			if err != nil {
				return err
			}
			cleared, err := q.ClearPrivate(ctx, e.keepPrivate)
			gone += ticks + cleared
			return err
		})
		if err != nil {
			return fmt.Errorf("prune ended jobs: %w", err)
		}
		e.metrics.pruned.Add(float64(gone))
		if gone == 0 {
			return nil
		}
	}
	return nil
}

// unknownFor is how long a try whose outcome was lost counts against budgets.
const unknownFor = time.Hour

// ageEntries takes old lost tries off the budgets.
func (e *Engine) ageEntries(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	for range pruneSteps {
		aged := 0
		err := e.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
			aged, err = q.AgeEntries(ctx, unknownFor)
			return err
		})
		if err != nil {
			return fmt.Errorf("age lost tries: %w", err)
		}
		if aged == 0 {
			return nil
		}
	}
	return nil
}

type sweeping func(q *store.Queries, ctx context.Context, id string) ([]job.Moved, error)

// sweep moves each of the jobs that a query names in a transaction of its own.
// One that can not be moved does not stop the others; its error names it. Where
// the database is away there is no use in going on. Told is called after the commit
// of each job that was moved; it may be nil.
func (e *Engine) sweep(ctx context.Context, find func(context.Context) ([]string, error), fn sweeping,
	told func(job job.Moved)) error {
	ids, err := find(ctx)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	var faults []error
	for _, id := range ids {
		moved, err := e.sweepOne(ctx, id, fn)
		if err != nil {
			faults = append(faults, fmt.Errorf("sweep %s: %w", id, err))
		}
		if errors.Is(err, db.ErrBusy) || ctx.Err() != nil {
			break
		}
		if told != nil && len(moved) > 0 {
			told(moved[0])
		}
		e.announce(ctx, moved)
	}
	return errors.Join(faults...)
}

func (e *Engine) sweepOne(ctx context.Context, id string, fn sweeping) (moved []job.Moved, err error) {
	err = e.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
		moved, err = fn(q, ctx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return moved, nil
}

func (e *Engine) reaped(job job.Moved) {
	e.metrics.reaped.WithLabelValues(job.Lane).Inc()
	e.log.Warn().Str("job", job.ID).Msg("a lease expired: the job is taken from its worker")
}

// lookForWipe returns the sentinels that are to be set: those that are gone,
// or which another run of the server left behind.
func (e *Engine) lookForWipe(ctx context.Context) (map[tasks.Lane]string, error) {
	run, err := e.runID(ctx)
	if err != nil {
		return nil, err
	}
	pipe := e.redis.Pipeline()
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

// runID returns what changes when the server restarts, "-" where it does not
// tell (an embedded queue, an access list) or another server of a cluster may
// answer each time.
func (e *Engine) runID(ctx context.Context) (string, error) {
	info, err := e.redis.Info(ctx, "server").Result()
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

// setSentinels ends the repair after a wipe: the queues are known to asynqmon
// again, and the next wipe can be seen.
func (e *Engine) setSentinels(ctx context.Context, wiped map[tasks.Lane]string) error {
	if len(wiped) == 0 {
		return nil
	}
	e.metrics.wiped.Inc()
	e.tellWiped(wiped)
	pipe := e.redis.Pipeline()
	for lane, run := range wiped {
		pipe.SAdd(ctx, asynqQueues, string(lane))
		pipe.Set(ctx, sentinelKey(lane), run, 0)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("mark the queue as known: %w", err)
	}
	return nil
}

// tellWiped warns of a queue that lost what it held. One that does not tell when
// it was started, as the embedded one, is new each time.
func (e *Engine) tellWiped(wiped map[tasks.Lane]string) {
	line := e.log.Warn()
	for _, run := range wiped {
		if run == "-" {
			line = e.log.Debug()
		}
	}
	line.Msg("the queue is new, was wiped or restarted: its wake-ups were checked")
}

// checkWakes pages through the dispatched jobs: all of them after a wipe, else
// those that are old enough to be missed.
func (e *Engine) checkWakes(ctx context.Context, all bool) error {
	older := tokenAfter
	if all {
		older = 0
	}
	late := map[tasks.Lane]bool{}
	after := ""
	for {
		page, err := e.store.DispatchedJobs(ctx, older, after)
		if err != nil {
			return fmt.Errorf("list dispatched jobs: %w", err)
		}
		if len(page) == 0 {
			return e.remind(ctx, late)
		}
		for _, d := range page {
			late[tasks.Lane(d.Lane)] = true
		}
		if err := e.checkPage(ctx, page, all); err != nil {
			return err
		}
		after = page[len(page)-1].ID
	}
}

// checkPage asks Redis for the wake-ups of a page in one pipeline and queues
// the jobs of those that are gone or stuck.
func (e *Engine) checkPage(ctx context.Context, page []job.Dispatched, all bool) error {
	pipe := e.redis.Pipeline()
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
	return e.requeue(ctx, lost)
}

func (e *Engine) requeue(ctx context.Context, lost []job.Ref) error {
	if len(lost) == 0 {
		return nil
	}
	var moved []job.Moved
	err := e.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
		moved, err = q.LoseWakes(ctx, lost)
		return err
	})
	if err != nil {
		return fmt.Errorf("queue jobs whose wake-up is lost: %w", err)
	}
	for _, m := range moved {
		e.metrics.lost.WithLabelValues(m.Lane).Inc()
	}
	e.announce(ctx, moved)
	return nil
}

// remind gives each lane with a late wake-up a token: the one that came with
// it may be lost.
func (e *Engine) remind(ctx context.Context, late map[tasks.Lane]bool) error {
	if len(late) == 0 {
		return nil
	}
	pipe := e.redis.Pipeline()
	for lane := range late {
		pipe.LPush(ctx, tokensKey(lane), 1)
		pipe.LTrim(ctx, tokensKey(lane), 0, tokensKept-1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("push wake tokens: %w", err)
	}
	return nil
}
