package boot

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers"
	"dreamlab/providers/pace"
	"dreamlab/store/redis"
)

// budgets share between the routers of all processes what vendors say is left of their
// limits. Where Redis does not answer, each process goes by its own calls.
type budgets struct {
	shared *redis.Budgets
	log    zerolog.Logger
}

func newPace(queue *redis.Queue, log zerolog.Logger) *pace.Pacer {
	return pace.New(&budgets{shared: redis.NewBudgets(queue.Client, time.Minute), log: log}, nil)
}

// Take counts a call.
func (b *budgets) Take(ctx context.Context, key string, need pace.Need, live bool) (turn string, wait time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, sharePatience)
	defer cancel()
	turn, wait, err := b.shared.Take(ctx, key, need, live)
	if err != nil {
		b.log.Debug().Err(err).Msg("Redis unreachable: budgets of vendors counted per process")
	}
	return turn, wait
}

// Room tells how long to leave an account to those who wait.
func (b *budgets) Room(ctx context.Context, key string, share float64) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, sharePatience)
	defer cancel()
	wait, err := b.shared.Room(ctx, key, share, pace.LiveFor)
	if err != nil {
		b.log.Debug().Err(err).Msg("Redis unreachable: budgets of vendors counted per process")
	}
	return wait
}

// Heard ends a turn.
func (b *budgets) Heard(ctx context.Context, key, turn string, told []providers.Allowance) {
	ctx, cancel := context.WithTimeout(ctx, sharePatience)
	defer cancel()
	left := make([]redis.Left, len(told))
	for i, l := range told {
		left[i] = redis.Left{Unit: int(l.Unit), Limit: l.Limit, Left: l.Left, Reset: l.Reset, Refills: l.Refills}
	}
	if err := b.shared.Heard(ctx, key, turn, left); err != nil {
		b.log.Debug().Err(err).Msg("Redis unreachable: budgets of vendors counted per process")
	}
}

// aliasLimits are those of the calls for an alias.
func aliasLimits(c *config.Config) map[string]providers.Limits {
	limits := map[string]providers.Limits{}
	for alias, l := range c.Limits {
		limits[alias] = l.Calls()
	}
	return limits
}

// serverLimits are those of the calls at one of the operator's own servers.
func serverLimits(c *config.Config) map[string]providers.Limits {
	limits := map[string]providers.Limits{}
	for _, server := range c.Servers {
		limits[server.Name] = server.Limits.Calls()
	}
	return limits
}
