package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dreamlab/store/db"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// fullPause is how long no new connection is asked for in the place of one
	// that the server had no room for.
	fullPause = 500 * time.Millisecond
	// fullWait bounds the wait for a connection of a server that has no room.
	fullWait = 10 * time.Second
	// dropPause is the least time between two drops of all connections.
	dropPause = time.Second
)

// pool is a pool of connections that adapts to the number that the server allows. To take a
// connection a caller needs a permit. A permit that met a full server is withheld for a while,
// so that there are as many permits as connections, and callers wait for one of these.
type pool struct {
	*pgxpool.Pool
	permits chan struct{}
}

func newPool(ctx context.Context, config *pgxpool.Config) (*pool, error) {
	connections, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	p := &pool{Pool: connections, permits: make(chan struct{}, config.MaxConns)}
	for range config.MaxConns {
		p.permits <- struct{}{}
	}
	return p, nil
}

// take takes a connection, or fails with an error that tells whether the server
// had room for it.
func (p *pool) take(ctx context.Context) (*pgxpool.Conn, error) {
	select {
	case <-p.permits:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a connection: %w", ctx.Err())
	}
	conn, err := p.Acquire(ctx)
	switch {
	case err == nil:
		return conn, nil
	case tooMany(err):
		time.AfterFunc(fullPause, p.permit)
	default:
		p.permit()
	}
	return nil, err
}

func (p *pool) permit() { p.permits <- struct{}{} }

// bare tells that the pool has no connection at all.
func (p *pool) bare() bool {
	stat := p.Stat()
	return stat.AcquiredConns()+stat.IdleConns() == 0
}

// held is a connection in use.
type held struct {
	*pgxpool.Conn
	from   *pool
	driver *Driver
}

// hold takes a connection of the pool whose commits are as durable as asked for.
// Where the server has no room for another one it waits for one of the
// process's own, of the other pool where this one has none.
func (d *Driver) hold(ctx context.Context, durability db.Durability) (*held, error) {
	from := d.pool(durability)
	conn, err := from.take(ctx)
	if err != nil && tooMany(err) {
		conn, from, err = d.holdAny(ctx, from, err)
	}
	if err != nil {
		return nil, translate(err)
	}
	return &held{conn, from, d}, nil
}

func (d *Driver) holdAny(ctx context.Context, from *pool, full error) (*pgxpool.Conn, *pool, error) {
	waiting, cancel := context.WithTimeout(ctx, fullWait)
	defer cancel()
	for {
		if from.bare() {
			from = d.other(from)
		}
		conn, err := from.take(waiting)
		switch {
		case err == nil:
			return conn, from, nil
		case ctx.Err() != nil:
			return nil, nil, err
		case waiting.Err() != nil:
			return nil, nil, full
		case !tooMany(err):
			return nil, nil, err
		}
	}
}

func (d *Driver) other(p *pool) *pool {
	if p == d.synced {
		return d.relaxed
	}
	return d.synced
}

// release gives the connection back. The error is what its use ended with: where
// the server turned out to take no writes any more all connections to it are
// dropped, so that the next ones go to the server that does.
func (h *held) release(err error) {
	if errors.Is(err, errReadOnly) {
		h.driver.dropAll()
	}
	h.Release()
	h.from.permit()
}

func (d *Driver) dropAll() {
	last, now := d.dropped.Load(), time.Now().UnixNano()
	if now-last < int64(dropPause) || !d.dropped.CompareAndSwap(last, now) {
		return
	}
	d.synced.Reset()
	d.relaxed.Reset()
}
