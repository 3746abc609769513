package boot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/config"
	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/choose"
	"dreamlab/store/db"
	"dreamlab/store/redis"
)

// sharePatience bounds how long a call waits for what other processes know: a chat's
// first token may not wait long for advice.
const sharePatience = 50 * time.Millisecond

// newChooser returns what puts targets in order, and what observes their speed.
func newChooser(known *catalog.Catalog, queue *redis.Queue, log zerolog.Logger) (*choose.Chooser, *choose.Speeds) {
	speeds := choose.NewSpeeds(nil)
	return choose.New(choose.Options{
		Caps: known.Caps, Speeds: speeds,
		Homes: &homes{shared: redis.NewHomes(queue.Client, choose.HomeAge), own: choose.NewMemory(nil), log: log},
	}), speeds
}

// homes are shared by all processes; where Redis does not answer, a process goes by its own.
type homes struct {
	shared *redis.Homes
	own    *choose.Memory
	log    zerolog.Logger
}

// Home returns the target at which a conversation is at home.
func (h *homes) Home(ctx context.Context, conversation string, names []string, first string) string {
	shared, cancel := context.WithTimeout(ctx, sharePatience)
	defer cancel()
	home, err := h.shared.Home(shared, conversation, names, first)
	if err != nil {
		h.log.Debug().Err(err).Msg("could not read where a conversation is at home")
		return h.own.Home(ctx, conversation, names, first)
	}
	return h.own.Home(ctx, conversation, []string{home}, home)
}

// tellUnrouted logs which aliases have policies or limits and no route: they may get one by
// PUT /v1/routes, or their name is misspelt.
func (s *Stack) tellUnrouted(ctx context.Context) error {
	for key, aliases := range map[string][]string{
		"policies": slices.Sorted(maps.Keys(s.Config.Policies)), "limits": slices.Sorted(maps.Keys(s.Config.Limits)),
	} {
		for _, alias := range aliases {
			_, err := s.Store.Route(ctx, "", alias)
			if errors.Is(err, db.ErrNotFound) {
				s.Log.Warn().Str("alias", alias).Str("setting", key).
					Msg("no route has this name yet: the setting applies once PUT /v1/routes makes one")
			} else if err != nil {
				return fmt.Errorf("find route %s: %w", alias, err)
			}
		}
	}
	return nil
}

// policies are those of the aliases.
func policies(c *config.Config) map[string]handlers.Policy {
	all := map[string]handlers.Policy{}
	for alias, p := range c.Policies {
		all[alias] = handlers.Policy{Order: providers.Policy(p.Order), Hedge: p.Hedge, Spread: p.Sticky != nil && !*p.Sticky}
	}
	return all
}
