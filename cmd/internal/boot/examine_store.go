package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dreamlab/cmd/internal/config"
	"dreamlab/store"
	"dreamlab/store/postgres"
)

func examineStore(ctx context.Context, c *config.Config) (detail string, err error) {
	if c.Database == "" {
		path := filepath.Join(c.Data, databaseFile)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return "embedded SQLite, made by `dreamlab up` in " + c.Data, nil
		}
	}
	s, err := OpenStore(ctx, c)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	room, err := examineRoom(ctx, s)
	if err == nil {
		err = Migrated(ctx, s)
	}
	if err == nil {
		err = s.Writable(ctx)
	}
	if err != nil {
		return "", err
	}
	return string(s.Dialect()) + ", its schema is up to date, and it takes writes" + room, nil
}

// productionProcesses are those of the smallest installation: one of each.
const productionProcesses = 3

// examineRoom compares what the processes may open with what the server gives.
func examineRoom(ctx context.Context, s *store.Store) (string, error) {
	driver, is := s.Driver().(*postgres.Driver)
	if !is {
		return "", nil
	}
	server, err := driver.Server(ctx)
	if err != nil {
		return "", err
	}
	room := server.Most - server.Reserved
	text := fmt.Sprintf("\neach process opens up to %d connections; max_connections is %d, of which %d are reserved",
		server.Pool, server.Most, server.Reserved)
	if server.Pooled {
		return text + "\na pooler stands before the server: statements go without names, settings with each transaction", nil
	}
	if room/server.Pool < productionProcesses {
		text += fmt.Sprintf(adviceMark+"%d processes would wait for each other's connections: raise max_connections to %d, or "+
			"add pool_max_conns=%d to DATABASE_URL", productionProcesses, productionProcesses*server.Pool+server.Reserved,
			max(2, room/productionProcesses))
	}
	return text, nil
}
