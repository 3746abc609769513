// Package postgres keeps the store in PostgreSQL, 14 or newer: the database of
// production, shared by any number of processes, with or without a pooler such
// as PgBouncer before it.
//
// It is a driver of package db and holds no query of its own but those that
// move the schema.
package postgres

import (
	"context"
	"errors"
	"iter"
	"maps"
	"sync/atomic"

	"dreamlab/store/db"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Driver holds two pools of connections, of which one commits without waiting for
// the disk: a connection that has to be told so costs each transaction a statement.
// Open it with Open.
type Driver struct {
	synced, relaxed *pool
	// pooled tells that a pooler stands before the server.
	pooled bool
	// local holds the settings that each transaction makes behind a pooler.
	local   map[db.Durability]string
	dropped atomic.Int64 // when all connections were dropped last, unix nanoseconds
}

// Open opens the pools and asks the server for a sign of life. The URL is
// libpq's (postgres://user:password@host/database?search_path=…); pool_max_conns
// in it bounds the connections of both, four a core and at least 16 otherwise;
// each has at least one. A pooler is found out by itself. It does not touch the
// schema. Errors show no part of the URL.
func Open(ctx context.Context, url string) (*Driver, error) {
	config, err := readURL(url)
	if err != nil {
		return nil, err
	}
	d := &Driver{local: map[db.Durability]string{}}
	pooled, settings, err := adapt(ctx, config, url)
	if err != nil {
		return nil, translate(err)
	}
	d.pooled = pooled
	if err := d.openPools(ctx, config, settings); err != nil {
		return nil, errors.Join(translate(err), d.Close())
	}
	return d, nil
}

func (d *Driver) openPools(ctx context.Context, config *pgxpool.Config, settings map[string]string) (err error) {
	relaxed := config.Copy()
	relaxed.MaxConns = max(1, config.MaxConns/3) // few do much: claims, dispatch, leases
	config.MaxConns = max(1, config.MaxConns-relaxed.MaxConns)
	d.prepare(db.Synced, config, settings)
	withoutDisk := maps.Clone(settings)
	withoutDisk["synchronous_commit"] = "off"
	d.prepare(db.Relaxed, relaxed, withoutDisk)
	if d.synced, err = newPool(ctx, config); err != nil {
		return err
	}
	d.relaxed, err = newPool(ctx, relaxed)
	return err
}

// prepare has the settings made, once for each connection, or in each transaction
// behind a pooler.
func (d *Driver) prepare(durability db.Durability, config *pgxpool.Config, settings map[string]string) {
	if d.pooled {
		d.local[durability] = setting(settings, true)
		return
	}
	session := setting(settings, false)
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, session)
		return err
	}
}

// pool returns the connections whose commits are as durable as asked for.
func (d *Driver) pool(durability db.Durability) *pool {
	if durability == db.Relaxed {
		return d.relaxed
	}
	return d.synced
}

// Dialect returns db.Postgres.
func (d *Driver) Dialect() db.Dialect { return db.Postgres }

// Close closes the pools, once their connections are back.
func (d *Driver) Close() error {
	for _, p := range []*pool{d.synced, d.relaxed} {
		if p != nil { // Open has failed before it
			p.Close()
		}
	}
	return nil
}

// lone is a connection for one statement by itself, synced.
func (d *Driver) lone(ctx context.Context) (*held, *tx, error) {
	h, err := d.hold(ctx, db.Synced)
	if err != nil {
		return nil, nil, err
	}
	return h, &tx{conn: h.Conn.Conn(), opening: d.opening(db.Synced, h.from)}, nil
}

// Exec runs a statement by itself, synced.
func (d *Driver) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	h, one, err := d.lone(ctx)
	if err != nil {
		return 0, err
	}
	touched, err := one.Exec(ctx, query, args...)
	err = one.broken(err)
	h.release(err)
	return touched, err
}

// Query runs a statement that answers rows, which hold a connection until they
// are closed.
func (d *Driver) Query(ctx context.Context, query string, args ...any) (db.Rows, error) {
	h, one, err := d.lone(ctx)
	if err != nil {
		return nil, err
	}
	found, err := one.Query(ctx, query, args...)
	if err != nil {
		err = one.broken(err)
		h.release(err)
		return nil, err
	}
	return &heldRows{Rows: found, held: h}, nil
}

// heldRows give their connection back when they are closed.
type heldRows struct {
	db.Rows
	held *held
}

// Close ends the query; an error that it met on the way out is returned.
func (r *heldRows) Close() error {
	err := r.Rows.Close()
	if r.held != nil {
		r.held.release(errors.Join(err, r.Err()))
		r.held = nil
	}
	return err
}

// Later runs a statement at once.
func (d *Driver) Later(ctx context.Context, s db.Statement) error { return db.RunNow(ctx, d, s) }

// Flush has nothing to run.
func (d *Driver) Flush(context.Context) error { return nil }

// Copy streams rows into a table by COPY.
func (d *Driver) Copy(
	ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error],
) (n int64, err error) {
	err = d.Tx(ctx, db.Synced, func(conn db.Conn) error {
		n, err = conn.(*tx).Copy(ctx, table, columns, rows)
		return err
	})
	return n, err
}

// copyRows streams rows into a table by COPY. The rows are asked for on another
// goroutine, which has ended when it returns.
func copyRows(
	ctx context.Context, c *pgx.Conn, table string, columns []string, rows iter.Seq2[[]any, error],
) (int64, error) {
	next, stop := iter.Pull2(rows)
	defer stop()
	var broken error // what the rows ended in; the server tells it as a cancelled query
	source := pgx.CopyFromFunc(func() ([]any, error) {
		row, err, more := next()
		if !more {
			return nil, nil // the end, in CopyFromFunc's words
		}
		broken = err
		return row, err
	})
	n, err := c.CopyFrom(ctx, pgx.Identifier{table}, columns, source)
	if broken != nil {
		return n, broken
	}
	return n, translate(err)
}

type rows struct{ pgx.Rows }

func (r rows) Scan(dest ...any) error { return translate(r.Rows.Scan(dest...)) }

func (r rows) Err() error { return translate(r.Rows.Err()) }

// Close ends the query; an error that it met on the way out is returned.
func (r rows) Close() error {
	r.Rows.Close()
	return r.Err()
}
