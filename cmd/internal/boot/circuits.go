package boot

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/providers"
	"dreamlab/store/redis"
)

// circuits shares between the routers of all processes which models are not to be
// called. It is advice: where Redis does not answer, none is known to be open.
type circuits struct {
	shared *redis.Circuits
	log    zerolog.Logger
}

func newCircuits(queue *redis.Queue, log zerolog.Logger) providers.Circuits {
	return &circuits{shared: redis.NewCircuits(queue.Client), log: log}
}

// OpenUntil returns until when each of the targets is not to be called.
func (c *circuits) OpenUntil(ctx context.Context, targets []providers.Target) map[providers.Target]time.Time {
	names := make([]string, len(targets))
	for i, target := range targets {
		names[i] = target.Key()
	}
	ctx, cancel := context.WithTimeout(ctx, sharePatience)
	defer cancel()
	found, err := c.shared.NotBefore(ctx, names...)
	if err != nil {
		c.log.Debug().Err(err).Msg("could not read circuit state of other workers")
	}
	open := make(map[providers.Target]time.Time, len(found))
	for i, name := range names {
		if until, is := found[name]; is {
			open[targets[i]] = until
		}
	}
	return open
}

// Open tells the other processes not to call the target until then.
func (c *circuits) Open(ctx context.Context, target providers.Target, until time.Time) {
	ctx, cancel := context.WithTimeout(ctx, sharePatience)
	defer cancel()
	if err := c.shared.SetNotBefore(ctx, target.Key(), until); err != nil {
		c.log.Warn().Err(err).Str("target", target.String()).Msg("could not publish circuit state to other workers")
	}
}
