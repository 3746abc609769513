package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/flight"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// withdrawWithin bounds the taking back of a job.
const withdrawWithin = 5 * time.Second

// acceptance is a job on its way in.
type acceptance struct {
	job job.NewJob
	out job.Accepted
	err error
}

// accepter takes jobs in, many in one commit.
type accepter struct {
	store     *store.Store
	lanes     map[tasks.Lane]LaneConfig
	places    *places
	queue     *queue
	metrics   *metrics
	deliverer *deliverer
	canceller *canceller

	accepts *flight.Group[*acceptance]
	// attached accepts for clients that wait, whose commits are relaxed: they
	// need not stand behind one that is synced.
	attached *flight.Group[*acceptance]
}

func newAccepter(e *Engine) *accepter {
	ac := &accepter{
		store: e.store, lanes: e.lanes, places: e.places, queue: e.queue, metrics: e.metrics,
		deliverer: e.deliverer, canceller: e.canceller,
	}
	ac.accepts = flight.NewGroup(e.store.Writers(), ac.acceptAll)
	ac.attached = flight.NewGroup(1, ac.acceptAll) // the capacity of a lane is looked for by one at a time
	return ac
}

// Accept takes a job in and returns it. The lane defaults to the kind's. Where
// the tenant's idempotency key is known, existed is true and job the first
// one; with another request the error wraps db.ErrConflict. Write stores
// what belongs to a new job, in the same transaction; it may be nil, and it may
// be run more than once.
//
// A job is accepted whether or not Redis answers, and its commit is synced,
// unless a client is attached to it: then ErrQueueUnavailable means that there
// is no job.
func (e *Engine) Accept(ctx context.Context, j job.NewJob,
	write func(context.Context, *store.Queries) error) (job.Job, bool, error) {
	return e.accepter.accept(ctx, j, write)
}

func (ac *accepter) accept(ctx context.Context, j job.NewJob,
	write func(context.Context, *store.Queries) error) (job.Job, bool, error) {
	if err := ac.prepare(ctx, &j); err != nil {
		return job.Job{}, false, err
	}
	a := &acceptance{job: j}
	if write == nil && !j.Waiting {
		if err := ac.acceptGroup(j).Do(ctx, a); err != nil {
			a = &acceptance{job: j, err: err}
		}
	} else {
		if write == nil {
			write = func(context.Context, *store.Queries) error { return nil }
		}
		a.err = ac.acceptWith(ctx, a, write)
	}
	if a.err == nil {
		a.err = a.out.Err
	}
	if a.err != nil {
		return job.Job{}, false, fmt.Errorf("accept %s: %w", j.Kind, a.err)
	}
	if !a.out.Existed {
		ac.metrics.accepted.WithLabelValues(j.Lane).Inc()
		if sent := ac.deliverer.deliver(ctx, []job.Job{a.out.Job}); !sent && j.Attached {
			return ac.withdraw(ctx, a.out.Job)
		}
	}
	return a.out.Job, a.out.Existed, nil
}

func (ac *accepter) prepare(ctx context.Context, job *job.NewJob) error {
	if job.Tenant == "" || job.Kind == "" {
		return errors.New("accept job: it needs a tenant and a kind")
	}
	if job.Lane == "" {
		job.Lane = string(tasks.Kind(job.Kind).Lane())
	}
	if _, known := ac.lanes[tasks.Lane(job.Lane)]; !known {
		return fmt.Errorf("accept job: there is no lane %q: use one of %v", job.Lane, tasks.Lanes())
	}
	if job.ID == "" {
		job.ID = db.NewID("job_")
	}
	if job.Attached {
		return ac.queue.reachableLately(ctx)
	}
	return nil
}

func (ac *accepter) acceptGroup(job job.NewJob) *flight.Group[*acceptance] {
	if job.Attached {
		return ac.attached
	}
	return ac.accepts
}

// acceptWith accepts one job together with what belongs to it.
func (ac *accepter) acceptWith(ctx context.Context, a *acceptance,
	write func(context.Context, *store.Queries) error) error {
	return ac.store.Tx(ctx, durability(a.job), func(q *store.Queries) error {
		out, err := q.AcceptJobs(ctx, []job.NewJob{a.job}, ac.places.allLimits())
		if err != nil {
			return err
		}
		a.out = out[0]
		if a.out.Existed || a.out.Err != nil {
			return nil
		}
		if err := write(ctx, q); err != nil || !a.job.Waiting {
			return err
		}
		return a.wakeChildless(ctx, q)
	})
}

// wakeChildless lets a job go on that was to wait for children, of which
// write made none.
func (a *acceptance) wakeChildless(ctx context.Context, q *store.Queries) error {
	moved, err := q.WakeChildless(ctx, a.out.Job.ID)
	if err != nil || len(moved) == 0 {
		return err
	}
	a.out.Job, err = q.Job(ctx, a.job.Tenant, a.job.ID)
	return err
}

// acceptAll accepts jobs in one commit; where one of them is refused, each by itself.
func (ac *accepter) acceptAll(ctx context.Context, all []*acceptance) {
	flight.Split(all, func(some []*acceptance) error { return ac.acceptTogether(ctx, some) },
		func(a *acceptance, err error) { a.err = err })
}

func (ac *accepter) acceptTogether(ctx context.Context, all []*acceptance) error {
	jobs := make([]job.NewJob, len(all))
	mode := db.Relaxed
	for i, a := range all {
		jobs[i] = a.job
		mode = min(mode, durability(a.job))
	}
	var accepted *job.Acceptance
	err := ac.store.Tx(ctx, mode, func(q *store.Queries) (err error) {
		accepted, err = q.AcceptJobsLater(ctx, jobs, ac.places.allLimits())
		return err
	})
	if err != nil {
		return err
	}
	for i, out := range ac.store.Answer(ctx, accepted) {
		all[i].out = out
	}
	return nil
}

func durability(job job.NewJob) db.Durability {
	if job.Attached {
		return db.Relaxed
	}
	return db.Synced
}

// acceptMax is how many jobs of AcceptAll share a commit.
const acceptMax = 1000

// AcceptAll takes many jobs in and answers for each, in order. A thousand at a
// time share a commit, which is synced; where one fails the answers of those
// before it stand, and the error tells how many there are. Jobs of clients that
// wait, and jobs with more to store, are for Accept.
func (e *Engine) AcceptAll(ctx context.Context, jobs []job.NewJob) ([]job.Accepted, error) {
	return e.accepter.acceptMany(ctx, jobs)
}

func (ac *accepter) acceptMany(ctx context.Context, jobs []job.NewJob) ([]job.Accepted, error) {
	out := make([]job.Accepted, 0, len(jobs))
	for from := 0; from < len(jobs); from += acceptMax {
		some, err := ac.acceptSome(ctx, jobs[from:min(from+acceptMax, len(jobs))])
		if err != nil {
			return out, fmt.Errorf("accept jobs, all but the first %d: %w", len(out), err)
		}
		out = append(out, some...)
	}
	return out, nil
}

func (ac *accepter) acceptSome(ctx context.Context, jobs []job.NewJob) ([]job.Accepted, error) {
	all := make([]*acceptance, len(jobs))
	for i := range jobs {
		all[i] = &acceptance{job: jobs[i]}
		if err := ac.prepare(ctx, &all[i].job); err != nil {
			return nil, err
		}
		// They may share wake-ups, because one call delivers all of them.
		all[i].job.Bundle = tasks.Kind(all[i].job.Kind).WakeSize()
	}
	if err := ac.acceptTogether(ctx, all); err != nil {
		return nil, err
	}
	out := make([]job.Accepted, len(all))
	var made []job.Job
	for i, a := range all {
		out[i] = a.out
		if a.out.Err == nil && !a.out.Existed {
			ac.metrics.accepted.WithLabelValues(a.job.Lane).Inc()
			made = append(made, a.out.Job)
		}
	}
	ac.deliverer.deliver(ctx, made)
	return out, nil
}

// deliverer sends the wake-ups of jobs that were taken in.
type deliverer struct {
	log       zerolog.Logger
	queue     *queue
	pusher    *pusher
	places    *places
	announcer *announcer
	wakes     *flight.Group[*delivery]
}

func newDeliverer(e *Engine) *deliverer {
	dl := &deliverer{log: e.log, queue: e.queue, pusher: e.pusher, places: e.places, announcer: e.announcer}
	dl.wakes = flight.NewGroup(e.store.Writers(), dl.deliverAll)
	return dl
}

// delivery is what new jobs need to be worked on, and what came of it.
type delivery struct {
	jobs []job.Job
	sent bool
}

// deliver sends the wake-ups of new jobs, and tells the dispatchers of those
// that were left queued. The jobs are safe by now: what goes wrong here is
// logged, and mended by the reconciler or the dispatchers' own clock. It tells
// whether all went well.
func (dl *deliverer) deliver(ctx context.Context, jobs []job.Job) (sent bool) {
	if len(jobs) == 0 {
		return true
	}
	d := &delivery{jobs: jobs}
	if err := dl.wakes.Do(context.WithoutCancel(ctx), d); err != nil {
		dl.log.Warn().Err(err).Int("jobs", len(jobs)).Msg("wake-ups were not sent; the reconciler will")
		return false
	}
	return d.sent
}

// deliverAll does so in one pipeline for concurrent callers.
func (dl *deliverer) deliverAll(ctx context.Context, all []*delivery) {
	var jobs []job.Job
	for _, d := range all {
		jobs = append(jobs, d.jobs...)
	}
	err := dl.deliverJobs(ctx, jobs)
	if err != nil {
		dl.queue.heard.Store(0)
		dl.log.Warn().Err(err).Int("jobs", len(jobs)).Msg("wake-ups were not sent; the reconciler will")
	}
	for _, d := range all {
		d.sent = err == nil
	}
	dl.places.find(ctx)
}

func (dl *deliverer) deliverJobs(ctx context.Context, jobs []job.Job) error {
	wakes := wakesOf(jobs)
	if err := dl.pusher.push(ctx, wakes); err != nil {
		return err
	}
	if len(wakes) > 0 {
		dl.queue.heard.Store(time.Now().UnixNano())
	}
	lanes := map[string]bool{}
	for _, j := range jobs {
		if j.State == job.StateQueued {
			lanes[j.Lane] = true
		}
	}
	return dl.announcer.signal(ctx, lanes)
}

// withdraw ends a job whose client waits and whose wake-up could not be sent, so
// that what the client is told to have failed is not done later. Where a worker
// has it by now the wake-up came through all the same.
func (ac *accepter) withdraw(ctx context.Context, j job.Job) (job.Job, bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawWithin)
	defer cancel()
	now, err := ac.canceller.cancel(ctx, j.Tenant, j.ID)
	if err == nil && !now.State.Ended() {
		return j, false, nil
	}
	return job.Job{}, false, errors.Join(fmt.Errorf("accept %s: %w", j.Kind, ErrQueueUnavailable), err)
}

// wakesOf returns the wake-ups that dispatched jobs were given; several may
// share one.
func wakesOf(jobs []job.Job) []wakeUp {
	var wakes []wakeUp
	at := map[string]int{}
	for _, j := range jobs {
		if j.State != job.StateDispatched {
			continue
		}
		i, known := at[j.Wake]
		if !known {
			i = len(wakes)
			at[j.Wake] = i
			wakes = append(wakes, wakeUp{id: j.Wake, kind: tasks.Kind(j.Kind)})
		}
		wakes[i].jobs = append(wakes[i].jobs, tasks.Ref{ID: j.ID, Gen: j.Gen})
	}
	return wakes
}
