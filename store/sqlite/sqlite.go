// Package sqlite keeps the store in one SQLite file: the database of the
// embedded stack. It has one writer and many readers (WAL), and commits as
// synced or relaxed as the caller asks.
//
// It is for one process; several processes take PostgreSQL.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"dreamlab/store/db"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// lockWait is how long a statement waits for another process's write lock.
const lockWait = 5 * time.Second

// Driver is a SQLite file. Open it with Open.
type Driver struct {
	readers *sql.DB
	reads   *compiled // of readers
	writers *sql.DB
	writer  chan *writer // holds the one writer while it is free
	close   func() error // closes once
}

type writer struct {
	conn *sql.Conn
	runs *compiled // of conn
	mode db.Durability
}

// Open opens the file, or creates it. It does not touch the schema.
func Open(ctx context.Context, path string) (*Driver, error) {
	readers, err := sql.Open("sqlite", dsn(path, "query_only(1)"))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	most := max(4, runtime.GOMAXPROCS(0)*2)
	readers.SetMaxOpenConns(most)
	readers.SetMaxIdleConns(most)
	writers, err := sql.Open("sqlite", dsn(path, "secure_delete(1)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), readers.Close())
	}
	d := &Driver{readers: readers, reads: newCompiled(readers, false), writers: writers, writer: make(chan *writer, 1)}
	conn, err := writers.Conn(ctx)
	if err != nil {
		err = fmt.Errorf("open %s: %w", path, translate(err))
		return nil, errors.Join(err, d.readers.Close(), d.writers.Close())
	}
	d.writer <- &writer{conn: conn, runs: newCompiled(conn, true), mode: db.Synced}
	d.close = sync.OnceValue(func() error {
		w := <-d.writer
		return errors.Join(w.runs.Close(), w.conn.Close(), d.writers.Close(), d.reads.Close(), d.readers.Close())
	})
	return d, nil
}

func dsn(path string, pragmas ...string) string {
	pragmas = append(pragmas,
		fmt.Sprintf("busy_timeout(%d)", lockWait.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"temp_store(MEMORY)", "cache_size(-8000)", "journal_size_limit(67108864)")
	query := url.Values{"_pragma": pragmas}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

// Dialect returns db.SQLite.
func (d *Driver) Dialect() db.Dialect { return db.SQLite }

// Close closes the file, once the writer is free. To close again does nothing.
func (d *Driver) Close() error { return d.close() }

// Exec runs a statement on the writer, synced.
func (d *Driver) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	w, err := d.acquire(ctx, db.Synced)
	if err != nil {
		return 0, err
	}
	defer d.release(w)
	return w.runs.Exec(ctx, query, args...)
}

// Query runs a statement: a SELECT on a reader, anything else on the writer,
// which is then held until the rows are closed.
func (d *Driver) Query(ctx context.Context, query string, args ...any) (db.Rows, error) {
	if strings.HasPrefix(strings.TrimSpace(query), "SELECT") {
		return d.reads.Query(ctx, query, args...)
	}
	w, err := d.acquire(ctx, db.Synced)
	if err != nil {
		return nil, err
	}
	rows, err := w.runs.Query(ctx, query, args...)
	if err != nil {
		d.release(w)
		return nil, err
	}
	return &heldRows{Rows: rows, release: func() { d.release(w) }}, nil
}

// Later runs a statement at once, on the writer.
func (d *Driver) Later(ctx context.Context, s db.Statement) error { return db.RunNow(ctx, d, s) }

// Flush has nothing to run.
func (d *Driver) Flush(context.Context) error { return nil }

// Tx runs fn in a transaction on the writer.
func (d *Driver) Tx(
	ctx context.Context, durability db.Durability, fn func(db.Conn) error,
) (err error) {
	w, err := d.acquire(ctx, durability)
	if err != nil {
		return err
	}
	defer d.release(w)
	if _, err := w.runs.Exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	committed := false
	defer func() { // also where fn panics
		if !committed {
			err = errors.Join(err, rollback(ctx, w.conn))
		}
	}()
	if err := fn(&conn{w.runs}); err != nil {
		return err
	}
	if _, err := w.runs.Exec(ctx, "COMMIT"); err != nil {
		return err
	}
	committed = true
	return nil
}

// rollback must run although the caller's context has ended, or the writer
// would stay inside the transaction. A statement that failed may have rolled
// back by itself; that is no error.
func rollback(ctx context.Context, c *sql.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockWait)
	defer cancel()
	_, err := c.ExecContext(ctx, "ROLLBACK")
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}

// maxVacuum is up to which size a file is written anew where something has to be gone: that takes
// a fraction of a second, in which nobody else writes.
const maxVacuum = 32 << 20

// Scrub makes sure that what was deleted can not be read in the files. Pages are overwritten when
// it is deleted, but a page whose rows were moved to another may keep a copy of them, and the
// write-ahead log keeps the pages as they were. A file beyond maxVacuum bytes keeps such copies
// until their pages are used again. It fails with db.ErrBusy while an older state is read.
func (d *Driver) Scrub(ctx context.Context) error {
	w, err := d.acquire(ctx, db.Synced)
	if err != nil {
		return err
	}
	defer d.release(w)
	var size int64
	err = w.conn.QueryRowContext(ctx, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").Scan(&size)
	if err != nil {
		return fmt.Errorf("measure the file: %w", translate(err))
	}
	if size <= maxVacuum {
		if _, err := w.conn.ExecContext(ctx, "VACUUM"); err != nil {
			return fmt.Errorf("write the file anew: %w", translate(err))
		}
	}
	var busy, pages, moved int64
	err = w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	if err != nil {
		return fmt.Errorf("empty the write-ahead log: %w", translate(err))
	}
	if busy != 0 {
		return fmt.Errorf("empty the write-ahead log: %w", db.ErrBusy)
	}
	return nil
}

func (d *Driver) acquire(ctx context.Context, durability db.Durability) (*writer, error) {
	var w *writer
	select {
	case w = <-d.writer:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the writer: %w", translate(ctx.Err()))
	}
	if w.mode == durability {
		return w, nil
	}
	mode := "FULL"
	if durability == db.Relaxed {
		mode = "NORMAL"
	}
	if _, err := w.runs.Exec(ctx, "PRAGMA synchronous="+mode); err != nil {
		d.release(w)
		return nil, err
	}
	w.mode = durability
	return w, nil
}

func (d *Driver) release(w *writer) { d.writer <- w }

// conn runs statements on one connection.
type conn struct{ *compiled }

// Later runs a statement at once: there is no way to be saved.
func (c *conn) Later(ctx context.Context, s db.Statement) error { return db.RunNow(ctx, c, s) }

// Flush has nothing to run.
func (c *conn) Flush(context.Context) error { return nil }

type rows struct{ *sql.Rows }

func wrapRows(r *sql.Rows, err error) (db.Rows, error) {
	if err != nil {
		return nil, translate(err)
	}
	return rows{r}, nil
}

func (r rows) Err() error { return translate(r.Rows.Err()) }

// heldRows gives the writer back when they are closed.
type heldRows struct {
	db.Rows
	release func()
	closed  bool
}

func (r *heldRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	defer r.release()
	return r.Rows.Close()
}

// translate maps SQLite's result codes (https://sqlite.org/rescode.html).
func translate(err error) error {
	var e *sqlite.Error
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: no answer before the deadline: %w", db.ErrBusy, err)
	}
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fmt.Errorf("%w: %w", db.ErrConflict, err)
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE:
		return fmt.Errorf("%w: free some disk space: %w", db.ErrFull, err)
	}
	if primary := e.Code() & 0xff; primary == sqlite3.SQLITE_BUSY || primary == sqlite3.SQLITE_LOCKED {
		return fmt.Errorf("%w: another program holds its write lock: %w", db.ErrBusy, err)
	}
	return err
}
