package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"dreamlab/store/db"
)

// Migrate brings the schema to the version, -1 being the newest. Each step is a
// transaction of its own that takes the write lock and reads the version
// afresh: of two programs that migrate at once one waits and finds the work
// done.
func (d *Driver) Migrate(ctx context.Context, version int) error {
	all, err := db.Migrations(db.SQLite)
	if err != nil {
		return err
	}
	for {
		more, err := d.step(ctx, all, version)
		if err != nil {
			return fmt.Errorf("migrate (this program knows schema %d): %w", newest(all), err)
		}
		if !more {
			return nil
		}
	}
}

func newest(all []db.Migration) int { return all[len(all)-1].Version }

// step makes the next move and tells whether there was one.
func (d *Driver) step(ctx context.Context, all []db.Migration, target int) (more bool, err error) {
	err = d.Tx(ctx, db.Synced, func(c db.Conn) error {
		rows, err := c.Query(ctx, "PRAGMA user_version")
		if err != nil {
			return err
		}
		have, err := firstInt(rows)
		if err != nil {
			return err
		}
		if have > newest(all) {
			return fmt.Errorf("the file has schema %d: use the newer program", have)
		}
		steps := db.Steps(all, have, target)
		if more = len(steps) > 0; !more {
			return nil
		}
		if _, err := c.Exec(ctx, steps[0].SQL); err != nil {
			return fmt.Errorf("step %s: %w", steps[0].Name, err)
		}
		_, err = c.Exec(ctx, "PRAGMA user_version="+strconv.Itoa(steps[0].Leaves))
		return err
	})
	return more, err
}

// Version returns the file's schema version (its user_version) and the newest
// that this program knows.
func (d *Driver) Version(ctx context.Context) (have, known int, err error) {
	all, err := db.Migrations(db.SQLite)
	if err != nil {
		return 0, 0, err
	}
	rows, err := wrapRows(d.readers.QueryContext(ctx, "PRAGMA user_version"))
	if err == nil {
		have, err = firstInt(rows)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return have, newest(all), nil
}

func firstInt(rows db.Rows) (n int, err error) {
	if rows.Next() {
		err = rows.Scan(&n)
	}
	return n, errors.Join(err, rows.Err(), rows.Close())
}
