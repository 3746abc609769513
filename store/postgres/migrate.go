package postgres

import (
	"context"
	"fmt"

	"dreamlab/store/db"

	"github.com/jackc/pgx/v5"
)

// Migrate brings the schema to the version, -1 being the newest. Each step is a
// transaction of its own under an advisory lock (one per schema), and reads the
// version afresh: of two processes that migrate at once one waits, as long as
// its context lets it, and finds the work done.
func (d *Driver) Migrate(ctx context.Context, version int) error {
	all, err := db.Migrations(db.Postgres)
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
func (d *Driver) step(ctx context.Context, all []db.Migration, target int) (more bool, err error) {
	conn, err := d.hold(ctx, db.Synced)
	if err != nil {
		return false, err
	}
	defer func() { conn.release(err) }()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := set(ctx, tx, d.opening(db.Synced, conn.from)); err != nil {
			return err
		}
		have, err := lockVersion(ctx, tx)
		if err != nil {
			return err
		}
		if newest := all[len(all)-1].Version; have > newest {
			return fmt.Errorf("the database has schema %d: use the newer program", have)
		}
		steps := db.Steps(all, have, target)
		if more = len(steps) > 0; !more {
			return nil
		}
		return move(ctx, tx, steps[0])
	})
	return more, translate(err)
}

func set(ctx context.Context, tx pgx.Tx, statements []string) error {
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
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
	err = tx.QueryRow(ctx, versionQuery).Scan(&have)
	return have, err
}

const versionQuery = `SELECT COALESCE(max(version), 0) FROM schema_version`

func move(ctx context.Context, tx pgx.Tx, step db.Step) error {
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
	all, err := db.Migrations(db.Postgres)
	if err != nil {
		return 0, 0, err
	}
	newest = all[len(all)-1].Version
	there := false
	err = d.look(ctx, `SELECT to_regclass('schema_version') IS NOT NULL`, &there)
	if err == nil && there {
		err = d.look(ctx, versionQuery, &have)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return have, newest, nil
}

// look reads the one row that a query answers.
func (d *Driver) look(ctx context.Context, query string, into ...any) error {
	found, err := d.Query(ctx, query)
	if err != nil {
		return err
	}
	return db.EachRow(found, func(row db.Rows) error { return row.Scan(into...) })
}
