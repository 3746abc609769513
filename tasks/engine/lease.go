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

// hold is a job that this worker has claimed.
type hold struct {
	job    job.Job
	lease  time.Duration
	ctx    context.Context
	cancel context.CancelCauseFunc

	validUntil time.Time // the lease is valid until then, by the worker's clock; keeper.mu
	renewAt    time.Time // keeper.mu
	ending     bool      // its handler has returned, and its end is being stored; keeper.mu
}

// keeper renews the leases of one worker's jobs in one statement. It cancels the
// context of a job whose lease was lost or whose cancellation was asked for. Redis
// publishes cancellations; the keeper also polls the database, since a published
// message may be lost.
type keeper struct {
	store *store.Store
	redis redis.UniversalClient
	log   zerolog.Logger
	look  time.Duration // how often it polls

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

// renewed records a renewal that was sent at the given time. The worker stops using
// a lease when nine tenths of it are over: the rest covers differences between
// clocks and the time that the answer took.
func (h *hold) renewed(sent time.Time) {
	h.validUntil = sent.Add(h.lease * 9 / 10)
	h.renewAt = sent.Add(h.lease / 3)
}

// drop removes a job that was finished or lost.
func (k *keeper) drop(h *hold) {
	h.cancel(nil)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held[h.job.ID] == h {
		delete(k.held, h.job.ID)
	}
}

// ending records that a job's handler has returned.
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
				told = nil // the client was closed: polling goes on
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

// question is what the keeper asks the database about leases.
type question bool

const (
	looking  question = false // are they still held, were their jobs cancelled?
	renewing question = true  // the same, and extend them
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

// ask asks about all holds in one statement and acts on the answer: a hold that is
// missing from it is lost, one whose job was cancelled has its context cancelled.
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
		k.log.Warn().Err(err).Int("jobs", len(holds)).Msg("could not read or renew leases; the next round tries again")
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

// cancelExpired cancels the contexts of leases that could not be renewed in time.
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
