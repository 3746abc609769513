package boot

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers"
	"dreamlab/store/redis"
)

// slots bounds each model's calls under way, over all processes.
type slots struct {
	shared *redis.Slots
	log    zerolog.Logger
}

func newSlots(queue *redis.Queue, models map[string]config.Model, log zerolog.Logger) providers.Slots {
	limits := make(map[string]int, len(models))
	for name, model := range models {
		limits[name] = model.Concurrency
	}
	return &slots{shared: redis.NewSlots(queue.Client, limits), log: log}
}

// Take takes a slot for a call.
func (s *slots) Take(ctx context.Context, target providers.Target, wait time.Duration) (release func(), ok bool) {
	slot, ok, err := s.shared.Take(ctx, target.String(), wait)
	if err != nil {
		s.log.Warn().Err(err).Str("target", target.String()).Msg("Redis unreachable: concurrency limit enforced per process")
	}
	if !ok {
		return nil, false
	}
	return func() {
		if err := slot.GiveBack(); err != nil {
			s.log.Warn().Err(err).Str("target", target.String()).Msg("could not release a concurrency slot; it expires with its lease")
		}
	}, true
}
