package boot

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/providers"
	"dreamlab/store/redis"
)

// weatherPatience bounds what a report may delay a call by.
const weatherPatience = 50 * time.Millisecond

// weather lets the routers of all processes share which models are to be left
// alone. It is advice: where Redis does not answer, nothing is known.
type weather struct {
	shared *redis.Weather
	log    zerolog.Logger
}

func newWeather(queue *redis.Queue, log zerolog.Logger) providers.Weather {
	return &weather{shared: redis.NewWeather(queue), log: log}
}

// Closed returns until when each of the targets is closed.
func (w *weather) Closed(ctx context.Context, targets []providers.Target) map[providers.Target]time.Time {
	names := make([]string, len(targets))
	for i, target := range targets {
		names[i] = target.String()
	}
	ctx, cancel := context.WithTimeout(ctx, weatherPatience)
	defer cancel()
	found, err := w.shared.NotBefore(ctx, names...)
	if err != nil {
		w.log.Debug().Err(err).Msg("the weather at the vendors is not known")
	}
	closed := make(map[providers.Target]time.Time, len(found))
	for i, name := range names {
		if until, is := found[name]; is {
			closed[targets[i]] = until
		}
	}
	return closed
}

// Close tells the others to leave the target alone until then.
func (w *weather) Close(ctx context.Context, target providers.Target, until time.Time) {
	ctx, cancel := context.WithTimeout(ctx, weatherPatience)
	defer cancel()
	if err := w.shared.SetNotBefore(ctx, target.String(), until); err != nil {
		w.log.Warn().Err(err).Str("target", target.String()).Msg("the others were not told to leave it alone")
	}
}
