package boot

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/providers/catalog"
)

// reloadEvery is how often the catalogue's files are looked at.
const reloadEvery = 5 * time.Second

// keeper keeps a running process's catalogue up to date.
type keeper struct {
	known *catalog.Catalog
	log   zerolog.Logger
}

// Run looks at the files until ctx ends.
func (k *keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			k.reload()
		}
	}
}

// reload takes what has changed in the files. A broken file is told once, and again when it has changed.
func (k *keeper) reload() {
	fresh, err := k.known.Reload()
	switch {
	case err != nil:
		k.log.Error().Err(err).Msg("the catalogue was not reloaded: what was read before stays in force")
	case fresh:
		k.log.Info().Msg("the catalogue was reloaded: a file of models and prices has changed")
	}
}
