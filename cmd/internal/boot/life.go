package boot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/store/redis"
)

// reloadEvery is how often the catalogue's files, and what other processes report of
// models, are looked at.
const reloadEvery = 5 * time.Second

// keeper keeps a running process's catalogue up to date, and shares with the others which
// models their vendors have no more. What is not shared costs the others a call.
type keeper struct {
	known  *catalog.Catalog
	shared *redis.Gone
	now    func() time.Time
	log    zerolog.Logger
}

func (s *Stack) keeper() *keeper {
	return &keeper{known: s.Catalog, shared: redis.NewGone(s.Queue.Client), now: time.Now, log: s.Log}
}

// Gone notes that a vendor says it has no such model.
func (k *keeper) Gone(ctx context.Context, target providers.Target) {
	at := k.now().UTC()
	if !k.known.MarkGone(target.Provider, target.Model, at) {
		return
	}
	next, _ := k.Successor(target)
	k.log.Warn().Str("model", target.String()).Str("answered_by", next).
		Msg("the vendor has this model no more: name another in the routes")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharePatience)
	defer cancel()
	if err := k.shared.Report(ctx, target.String(), at); err != nil {
		k.log.Warn().Err(err).Msg("could not tell other workers that a model is gone")
	}
}

// Successor returns the model that answers for one that is gone.
func (k *keeper) Successor(target providers.Target) (string, bool) {
	return k.known.Successor(target.Provider, target.Model, k.now())
}

// learn takes what all processes reported in the last day.
func (k *keeper) learn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reloadEvery)
	defer cancel()
	gone, err := k.shared.Models(ctx, k.now())
	if err != nil {
		k.log.Debug().Err(err).Msg("could not read which models are gone")
		return
	}
	k.known.SetGone(gone)
}

// Run looks at the files until ctx ends.
func (k *keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	k.learn(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			k.reload()
			k.learn(ctx)
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

// OpenVendors returns the names of the vendors that calls can reach: those configured, or
// all where the sandbox stands for them.
func OpenVendors(c *config.Config) []string {
	var names []string
	for _, v := range Vendors() {
		if _, configured := c.Vendors[v.Name]; configured || c.Sandbox() {
			names = append(names, v.Name)
		}
	}
	for _, server := range c.Servers {
		names = append(names, server.Name)
	}
	return names
}

// ListModels asks the configured vendors for their models. Vendors that failed are absent
// and stand in the error. It fails where no vendor is configured: the sandbox's list says
// nothing.
func ListModels(ctx context.Context, c *config.Config, known *catalog.Catalog) (map[string][]providers.ModelInfo, error) {
	if c.Sandbox() {
		return nil, errors.New("no vendor is configured, and the sandbox's list says nothing: set " + keyNames())
	}
	vendors, err := openDrivers(c, "", nil)
	listed, fault := providers.NewRouter(providers.RouterOptions{Drivers: vendors.drivers, Prices: known}).Models(ctx)
	return listed, errors.Join(err, fault)
}

// ReportGone tells the running processes which models their vendors have no more, where
// they share a Redis.
func ReportGone(ctx context.Context, c *config.Config, gone []catalog.Model, at time.Time) (err error) {
	if c.Redis == "" || len(gone) == 0 {
		return nil
	}
	queue, err := redis.Open(c.Redis)
	if err != nil {
		return fmt.Errorf("open the queue (REDIS_URL): %w", err)
	}
	defer func() { err = errors.Join(err, queue.Close()) }()
	shared := redis.NewGone(queue.Client)
	for _, m := range gone {
		err = errors.Join(err, shared.Report(ctx, m.Provider+"/"+m.ID, at))
	}
	return err
}
