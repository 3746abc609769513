package boot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/store/redis"
)

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
	vendors, err := openDrivers(c, "")
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
	shared := redis.NewGone(queue)
	for _, m := range gone {
		err = errors.Join(err, shared.Report(ctx, m.Provider+"/"+m.ID, at))
	}
	return err
}
