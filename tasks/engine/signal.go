package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"dreamlab/store/backoff"
	"dreamlab/store/flight"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// announcer tells the other parts, in any process, of what has changed.
type announcer struct {
	redis   redis.UniversalClient
	log     zerolog.Logger
	metrics *metrics
	news    *flight.Group[[]job.Moved]
}

func newAnnouncer(e *Engine) *announcer {
	a := &announcer{redis: e.redis, log: e.log, metrics: e.metrics}
	a.news = flight.NewGroup(e.store.Writers(), a.announceAll)
	return a
}

// signal tells the dispatchers that lanes have work. Where that fails their own
// clock will.
func (a *announcer) signal(ctx context.Context, lanes map[string]bool) error {
	if len(lanes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	pipe := a.redis.Pipeline()
	for lane := range lanes {
		pipe.Publish(ctx, queuedChannel, lane)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("tell the dispatchers: %w", err)
	}
	return nil
}

// announce publishes committed moves: free capacity and due work to the dispatchers, ends to
// the waiting requests, cancellations to the workers. All of them poll as well, so that a lost
// message costs only time.
func (a *announcer) announce(ctx context.Context, moved []job.Moved) {
	if len(moved) > 0 {
		if err := a.news.Do(context.WithoutCancel(ctx), moved); err != nil {
			a.log.Warn().Err(err).Msg("publish failed; listeners fall back to polling")
		}
	}
}

// announceAll tells, in one pipeline, what many have to announce.
func (a *announcer) announceAll(ctx context.Context, all [][]job.Moved) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushTimeout)
	defer cancel()
	pipe := a.redis.Pipeline()
	queued, room := map[string]bool{}, map[string]bool{}
	for _, m := range slices.Concat(all...) {
		switch {
		case m.State == job.StateRunning: // its end was asked for
			pipe.Publish(ctx, cancelChannel, m.ID)
			continue
		case m.State == job.StateQueued:
			queued[m.Lane] = true
		case m.State.Ended():
			pipe.Publish(ctx, endedChannel(tasks.Lane(m.Lane), m.ID), string(m.State))
			a.metrics.ended.WithLabelValues(m.Lane, string(m.State)).Inc()
		}
		room[m.Lane] = true
	}
	for lane := range queued {
		pipe.Publish(ctx, queuedChannel, lane)
	}
	for lane := range room {
		pipe.Publish(ctx, roomChannel, lane)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		a.log.Debug().Err(err).Msg("publish failed; listeners fall back to polling")
	}
}

// gather takes up all that was told meanwhile.
func gather(told <-chan *redis.Message, message *redis.Message) map[string]bool {
	all := map[string]bool{}
	for message != nil {
		all[message.Payload] = true
		select {
		case message = <-told:
		default:
			return all
		}
	}
	return all
}

// pause waits, and tells whether it was let to.
func pause(ctx context.Context, d time.Duration) bool { return backoff.Sleep(ctx, d) == nil }
