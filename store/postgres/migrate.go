package postgres

import (
	"context"
	"fmt"

	"dreamlab/store"

	"github.com/jackc/pgx/v5"
)

// Migrate brings the schema to the version, -1 being the newest. Each step is a
// transaction of its own under an advisory lock (one per schema), and reads the
// version afresh: of two processes that migrate at once one waits, as long as
// its context lets it, and finds the work done.
func (d *Driver) Migrate(ctx context.Context, version int) error {
	all, err := store.Migrations(store.Postgres)
	if err != nil {
		return err
	}
	newest := all[len(all)-1].Version
	for {
		more, err := d.step(ctx, all, version)
		if err != nil {
			return fmt.Errorf("migrate (this program knows schema %d): %w", newest, err)
		}
		if !more {
			d.synced.Reset() // connections remember plans of the old schema
			d.relaxed.Reset()
			return nil
		}
	}
}

// step makes the next move and tells whether there was one.
func (d *Driver) step(ctx context.Context, all []store.Migration, target int) (more bool, err error) {
	err = pgx.BeginFunc(ctx, d.synced, func(tx pgx.Tx) error {
		have, err := lockVersion(ctx, tx)
		if err != nil {
			return err
		}
		if newest := all[len(all)-1].Version; have > newest {
			return fmt.Errorf("the database has schema %d: use the newer program", have)
		}
		steps := store.Steps(all, have, target)
		if more = len(steps) > 0; !more {
			return nil
		}
		return move(ctx, tx, steps[0])
	})
	return more, translate(err)
}

// lockVersion takes the migrations' lock until the transaction ends and reads
// the version.
func lockVersion(ctx context.Context, tx pgx.Tx) (have int, err error) {
	for _, statement := range []string{
		`SET LOCAL lock_timeout = 0`, // the caller's context bounds the wait
		`SELECT pg_advisory_xact_lock(hashtextextended('dreamlab schema ' || current_schema(), 0))`,
		`SET LOCAL client_min_messages = warning`,
		`CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)`,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return 0, err
		}
	}
	return readVersion(ctx, tx)
}

func readVersion(ctx context.Context, from interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (have int, err error) {
	err = from.QueryRow(ctx, `SELECT COALESCE(max(version), 0) FROM schema_version`).Scan(&have)
	return have, err
}

func move(ctx context.Context, tx pgx.Tx, step store.Step) error {
	if _, err := tx.Exec(ctx, step.SQL); err != nil {
		return fmt.Errorf("step %s: %w", step.Name, err)
	}
	_, err := tx.Exec(ctx, `DELETE FROM schema_version`)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO schema_version VALUES ($1)`, step.Leaves)
	return err
}

// Version returns the schema's version, 0 for an empty database, and the newest
// that this program knows.
func (d *Driver) Version(ctx context.Context) (have, newest int, err error) {
	all, err := store.Migrations(store.Postgres)
	if err != nil {
		return 0, 0, err
	}
	newest = all[len(all)-1].Version
	var there bool
	row := d.synced.QueryRow(ctx, `SELECT to_regclass('schema_version') IS NOT NULL`)
	if err := row.Scan(&there); err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", translate(err))
	}
	if !there {
		return 0, newest, nil
	}
	if have, err = readVersion(ctx, d.synced); err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", translate(err))
	}
	return have, newest, nil
}
