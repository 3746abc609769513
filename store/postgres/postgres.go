// Package postgres keeps the store in PostgreSQL, 14 or newer: the database of
// production, shared by any number of processes.
//
// It is a driver of package store and holds no query of its own but those that
// move the schema.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strconv"
	"time"

	"dreamlab/store"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Limits of a connection. What the URL says goes before them.
const (
	connectTimeout = 5 * time.Second
	lockWait       = 5 * time.Second  // for another's lock, as in SQLite
	idleInTx       = 60 * time.Second // ends a transaction that a lost process left open
	idleConn       = 5 * time.Minute
	lifeConn       = time.Hour
)

// Driver holds two pools of connections, of which one commits without waiting for
// the disk: a connection that has to be told so costs each transaction a statement.
// Open it with Open.
type Driver struct{ synced, relaxed *pgxpool.Pool }

// Open opens the pools and asks the server for a sign of life. The URL is
// libpq's (postgres://user:password@host/database?search_path=…); pool_max_conns
// in it bounds the connections of both, four a core and at least 16 otherwise;
// each has at least one. It does not touch the schema. Errors never show the
// password.
func Open(ctx context.Context, url string) (*Driver, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database's URL: %w", err)
	}
	limit(config, url)
	relaxed := config.Copy()
	relaxed.ConnConfig.RuntimeParams["synchronous_commit"] = "off"
	relaxed.MaxConns = max(1, config.MaxConns/3) // few do much: claims, dispatch, leases
	config.MaxConns = max(1, config.MaxConns-relaxed.MaxConns)
	d := &Driver{}
	if d.synced, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("open the database: %w", translate(err))
	}
	if d.relaxed, err = pgxpool.NewWithConfig(ctx, relaxed); err == nil {
		err = d.synced.Ping(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the database: %w", translate(err)), d.Close())
	}
	return d, nil
}

// pool returns the connections whose commits are as durable as asked for.
func (d *Driver) pool(durability store.Durability) *pgxpool.Pool {
	if durability == store.Relaxed {
		return d.relaxed
	}
	return d.synced
}

func limit(config *pgxpool.Config, url string) {
	if !poolSize.MatchString(url) {
		config.MaxConns = int32(max(16, 4*runtime.GOMAXPROCS(0)))
	}
	config.MaxConnIdleTime = idleConn
	config.MaxConnLifetime = lifeConn
	config.MaxConnLifetimeJitter = lifeConn / 10
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	for name, value := range map[string]string{
		"application_name":                    "dreamlab",
		"lock_timeout":                        millis(lockWait),
		"idle_in_transaction_session_timeout": millis(idleInTx),
		// Every statement here is short and has its index: seeking is cheap on
		// the disks of today, and no plan is worth compiling.
		"random_page_cost": "1.1",
		"jit":              "off",
		// No plan here depends on what is asked for, and to plan costs more than
		// most statements do.
		"plan_cache_mode": "force_generic_plan",
		// Plans are kept, and many are made while a table is small: to go through
		// all of it is cheapest then, and costs ever more while it grows.
		"enable_seqscan": "off",
	} {
		if _, given := config.ConnConfig.RuntimeParams[name]; !given {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Dialect returns store.Postgres.
func (d *Driver) Dialect() store.Dialect { return store.Postgres }

// Close closes the pools, once their connections are back.
func (d *Driver) Close() error {
	d.synced.Close()
	if d.relaxed != nil { // Open has failed between the two
		d.relaxed.Close()
	}
	return nil
}

// Exec runs a statement by itself, synced.
func (d *Driver) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := d.synced.Exec(ctx, query, args...)
	return tag.RowsAffected(), translate(err)
}

// Query runs a statement that answers rows, which hold a connection until they
// are closed.
func (d *Driver) Query(ctx context.Context, query string, args ...any) (store.Rows, error) {
	found, err := d.synced.Query(ctx, query, args...)
	if err != nil {
		return nil, translate(err)
	}
	return rows{found}, nil
}

// Later runs a statement at once.
func (d *Driver) Later(ctx context.Context, s store.Statement) error { return store.RunNow(ctx, d, s) }

// Flush has nothing to run.
func (d *Driver) Flush(context.Context) error { return nil }

// Copy streams rows into a table by COPY.
func (d *Driver) Copy(
	ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error],
) (int64, error) {
	return copyRows(ctx, d.synced, table, columns, rows)
}

// copier is what a pool and a connection have in common.
type copier interface {
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
}

// copyRows streams rows into a table by COPY. The rows are asked for on another
// goroutine, which has ended when it returns.
func copyRows(
	ctx context.Context, c copier, table string, columns []string, rows iter.Seq2[[]any, error],
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
