package engine

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// hold is a job in a worker's hands.
type hold struct {
	job    job.Job
	lease  time.Duration
	ctx    context.Context
	cancel context.CancelCauseFunc

	validUntil time.Time // until when the lease certainly holds; keeper.mu
	renewAt    time.Time // keeper.mu
	ending     bool      // its handler has returned, and its end is being stored; keeper.mu
}

// keeper renews the leases of one worker's jobs in one statement, and ends
// the context of a job that was lost or is to end. It is told on Redis of those
// that are to end, and looks by itself too: what is told may be lost.
type keeper struct {
	store *store.Store
	redis redis.UniversalClient
	log   zerolog.Logger
	look  time.Duration // how often it looks by itself

	mu   sync.Mutex
	held map[string]*hold // by job id; one worker holds a job once
}

func newKeeper(e *Engine, look time.Duration) *keeper {
	return &keeper{store: e.store, redis: e.redis, log: e.log, look: look, held: map[string]*hold{}}
}

// add takes a job that was claimed at the given time.
func (k *keeper) add(ctx context.Context, job job.Job, claimed time.Time) *hold {
	h := &hold{job: job, lease: tasks.Lane(job.Lane).Lease()}
	h.ctx, h.cancel = context.WithCancelCause(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if before := k.held[job.ID]; before != nil {
		before.cancel(tasks.ErrLeaseLost) // an older epoch of the same job
	}
	k.held[job.ID] = h
	h.renewed(claimed)
	return h
}

// renewed notes a renewal that was sent at the given time. The last tenth of a
// lease is not trusted: clocks and answers take their time.
func (h *hold) renewed(sent time.Time) {
	h.validUntil = sent.Add(h.lease * 9 / 10)
	h.renewAt = sent.Add(h.lease / 3)
}

// drop lets go of a job that was finished or lost.
func (k *keeper) drop(h *hold) {
	h.cancel(nil)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held[h.job.ID] == h {
		delete(k.held, h.job.ID)
	}
}

// ending notes that a job's handler has returned.
func (k *keeper) ending(h *hold) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h.ending = true
}

// working returns the jobs whose handlers have not returned.
func (k *keeper) working() []*hold {
	k.mu.Lock()
	defer k.mu.Unlock()
	var working []*hold
	for _, h := range k.held {
		if !h.ending {
			working = append(working, h)
		}
	}
	return working
}

// run keeps leases until ctx ends.
func (k *keeper) run(ctx context.Context) {
	listener := k.redis.Subscribe(ctx, cancelChannel)
	defer closeQuietly(k.log, listener)
	told := listener.Channel(redis.WithChannelSize(1024))
	ticker := time.NewTicker(k.look)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			k.tick(ctx)
		case message, open := <-told:
			if !open {
				told = nil // the client was closed: there is only the clock
				continue
			}
			k.ask(ctx, k.named(gather(told, message)), looking)
		}
	}
}

// named returns the jobs of the given ids that are held here.
func (k *keeper) named(ids map[string]bool) []*hold {
	k.mu.Lock()
	defer k.mu.Unlock()
	var found []*hold
	for id := range ids {
		if h := k.held[id]; h != nil {
			found = append(found, h)
		}
	}
	return found
}

func (k *keeper) tick(ctx context.Context) {
	now := time.Now()
	var look, renew []*hold
	k.mu.Lock()
	for _, h := range k.held {
		if now.Before(h.renewAt) {
			look = append(look, h)
		} else {
			renew = append(renew, h)
		}
	}
	k.mu.Unlock()
	k.ask(ctx, look, looking)
	k.ask(ctx, renew, renewing)
	k.cancelExpired()
}

// question is what is asked of leases.
type question bool

const (
	looking  question = false // are they still ours, are their jobs to end?
	renewing question = true  // the same, and let them hold for longer
)

func (k *keeper) put(ctx context.Context, q question, holds []job.Hold) (states []job.HoldState, err error) {
	if q == looking {
		return k.store.LookAtHolds(ctx, holds)
	}
	err = k.store.Tx(ctx, db.Relaxed, func(q *store.Queries) (err error) {
		states, err = q.RenewLeases(ctx, holds)
		return err
	})
	return states, err
}

// ask puts the question for all at once and acts on the answers: what is not
// answered is lost, what is to end is told so.
func (k *keeper) ask(ctx context.Context, holds []*hold, q question) {
	if len(holds) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	rows := make([]job.Hold, len(holds))
	for i, h := range holds {
		rows[i] = job.Hold{ID: h.job.ID, Epoch: h.job.Epoch, Lease: h.lease}
	}
	sent := time.Now()
	states, err := k.put(ctx, q, rows)
	if err != nil {
		k.log.Warn().Err(err).Int("jobs", len(holds)).Msg("leases could not be asked for")
		return
	}
	k.apply(holds, states, q, sent)
}

func (k *keeper) apply(holds []*hold, states []job.HoldState, q question, sent time.Time) {
	known := make(map[string]job.HoldState, len(states))
	for _, s := range states {
		known[s.ID] = s
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range holds {
		s, ours := known[h.job.ID]
		switch {
		case !ours:
			h.cancel(tasks.ErrLeaseLost)
		case s.Cancelled:
			h.cancel(tasks.ErrCancelled)
		}
		if ours && q == renewing {
			h.renewed(sent)
		}
	}
}

// cancelExpired ends the work of leases that could not be renewed in time.
func (k *keeper) cancelExpired() {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for _, h := range k.held {
		if now.After(h.validUntil) {
			h.cancel(tasks.ErrLeaseLost)
		}
	}
}
