package sqlite

import (
	"context"
	"fmt"

	"dreamlab/store"
)

// Migrate brings the schema to the version, -1 being the newest. Each step is
// a transaction of its own that takes the write lock first.
func (d *Driver) Migrate(ctx context.Context, version int) error {
	all, err := store.Migrations(store.SQLite)
	if err != nil {
		return err
	}
	have, newest, err := d.Version(ctx)
	if err != nil {
		return err
	}
	if have > newest {
		return fmt.Errorf("migrate: the file has schema %d, this program knows %d: use the newer program", have, newest)
	}
	for _, step := range store.Steps(all, have, version) {
		if err := d.step(ctx, step); err != nil {
			return fmt.Errorf("migrate %s: %w", step.Name, err)
		}
	}
	return nil
}

func (d *Driver) step(ctx context.Context, step store.Step) error {
	return d.Tx(ctx, store.Synced, func(c store.Conn) error {
		if _, err := c.Exec(ctx, step.SQL); err != nil {
			return err
		}
		_, err := c.Exec(ctx, fmt.Sprintf("PRAGMA user_version=%d", step.Leaves))
		return err
	})
}

// Version returns the file's schema version (its user_version) and the newest.
func (d *Driver) Version(ctx context.Context) (have, newest int, err error) {
	all, err := store.Migrations(store.SQLite)
	if err != nil {
		return 0, 0, err
	}
	row := d.readers.QueryRowContext(ctx, "PRAGMA user_version")
	if err := row.Scan(&have); err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", translate(err))
	}
	return have, all[len(all)-1].Version, nil
}
