package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// canceller cancels and retries jobs at the request of their tenants.
type canceller struct {
	store     *store.Store
	announcer *announcer
}

// Cancel asks for the end of a tenant's job and of its open children: at once
// where they do not run, within seconds where a worker runs them. A job that has
// ended stays as it is. It returns the job as it stands then.
func (e *Engine) Cancel(ctx context.Context, tenant, id string) (job.Job, error) {
	return e.canceller.cancel(ctx, tenant, id)
}

func (c *canceller) cancel(ctx context.Context, tenant, id string) (job.Job, error) {
	return c.change(ctx, "cancel", tenant, id, (*store.Queries).CancelJob)
}

// Retry queues a job that failed, was cancelled or expired once more, with all
// its attempts. The error wraps db.ErrConflict where it is in another state.
func (e *Engine) Retry(ctx context.Context, tenant, id string) (job.Job, error) {
	return e.canceller.change(ctx, "retry", tenant, id, (*store.Queries).RetryJob)
}

// Change makes changes of a tenant's job and of what it is about in one transaction, and returns the job.
// What the function says has moved is announced.
func (e *Engine) Change(
	ctx context.Context, tenant, id string, fn func(context.Context, *store.Queries) ([]job.Moved, error),
) (job.Job, error) {
	return e.canceller.change(ctx, "change", tenant, id,
		func(q *store.Queries, ctx context.Context, _, _ string) ([]job.Moved, error) { return fn(ctx, q) })
}

type changing func(q *store.Queries, ctx context.Context, tenant, id string) ([]job.Moved, error)

func (c *canceller) change(ctx context.Context, verb, tenant, id string, fn changing) (job.Job, error) {
	var moved []job.Moved
	var j job.Job
	err := c.store.Tx(ctx, db.Synced, func(q *store.Queries) (err error) {
		if moved, err = fn(q, ctx, tenant, id); err != nil {
			return err
		}
		j, err = q.Job(ctx, tenant, id)
		return err
	})
	if err != nil {
		return job.Job{}, fmt.Errorf("%s %s: %w", verb, id, err)
	}
	c.announcer.announce(ctx, moved)
	return j, nil
}

const (
	// waitBackstop is how often a waiter polls the database.
	waitBackstop = time.Second
	// maxListeners bounds the waiters that listen: each takes a connection.
	maxListeners = 16
)

// watcher waits for the ends of jobs.
type watcher struct {
	store *store.Store
	redis redis.UniversalClient
	log   zerolog.Logger
	// listeners holds a token for each waiter that listens on Redis.
	listeners chan struct{}
}

func newWatcher(e *Engine) *watcher {
	return &watcher{store: e.store, redis: e.redis, log: e.log, listeners: make(chan struct{}, maxListeners)}
}

// Wait returns a tenant's job once it has ended, or as it stands when the
// while is over. It listens for the end on Redis, unless many do already, and
// polls the database once a second.
func (e *Engine) Wait(ctx context.Context, tenant, id string, atMost time.Duration) (job.Job, error) {
	return e.watcher.wait(ctx, tenant, id, atMost)
}

func (w *watcher) wait(ctx context.Context, tenant, id string, atMost time.Duration) (job.Job, error) {
	job, err := w.store.Job(ctx, tenant, id)
	if err != nil || job.State.Ended() || atMost <= 0 {
		return job, err
	}
	until := time.Now().Add(atMost)
	listener, leave := w.listener(ctx, endedChannel(tasks.Lane(job.Lane), id))
	defer leave()
	for {
		job, err = w.store.Job(ctx, tenant, id)
		left := time.Until(until)
		if err != nil || job.State.Ended() || left <= 0 {
			return job, err
		}
		if !listen(ctx, listener, min(left, waitBackstop)) {
			return job, ctx.Err()
		}
	}
}

// listener returns what listens on a channel until leave is called, or nil where
// too many listen.
func (w *watcher) listener(ctx context.Context, channel string) (listener *redis.PubSub, leave func()) {
	select {
	case w.listeners <- struct{}{}:
	default:
		return nil, func() {}
	}
	listener = w.redis.Subscribe(ctx, channel)
	return listener, func() {
		closeQuietly(w.log, listener)
		<-w.listeners
	}
}

// listen waits for a message or the while, and tells whether to go on.
func listen(ctx context.Context, listener *redis.PubSub, atMost time.Duration) bool {
	if listener == nil {
		return pause(ctx, atMost)
	}
	began := time.Now()
	_, err := listener.ReceiveTimeout(ctx, atMost)
	if err != nil && ctx.Err() == nil {
		return pause(ctx, atMost-time.Since(began)) // Redis is away, or nothing came
	}
	return ctx.Err() == nil
}
