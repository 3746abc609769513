package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"dreamlab/store/backoff"
	"dreamlab/store/db"
)

const (
	retries    = 3                     // of a transaction that was chosen as a victim
	retryPause = 10 * time.Millisecond // its longest first pause, doubled each time
)

// Tx runs fn in a transaction, again where the server chose it as the victim of
// a deadlock or a serialization failure. After the last try that is ErrBusy.
func (d *Driver) Tx(ctx context.Context, durability db.Durability, fn func(db.Conn) error) error {
	for try := 0; ; try++ {
		err := d.once(ctx, durability, fn)
		if !errors.Is(err, errVictim) || try == retries {
			return err
		}
		if err := pause(ctx, retryPause<<try); err != nil {
			return err
		}
	}
}

// once begins, runs and ends one transaction.
func (d *Driver) once(
	ctx context.Context, durability db.Durability, fn func(db.Conn) error,
) (err error) {
	conn, err := d.hold(ctx, durability)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { conn.release(err) }()
	t := &tx{conn: conn.Conn.Conn(), opening: append([]string{begin}, d.opening(durability, conn.from)...)}
	committed := false
	defer func() { // also where fn panics
		if !committed {
			err = errors.Join(err, t.rollback(ctx))
		}
	}()
	if err := fn(t); err != nil {
		return t.broken(err)
	}
	if err := t.commit(ctx); err != nil {
		return t.broken(fmt.Errorf("commit: %w", err))
	}
	committed = true
	return nil
}

// pause waits a random time below maxPause, so that two victims do not collide again.
func pause(ctx context.Context, maxPause time.Duration) error {
	if backoff.Sleep(ctx, rand.N(maxPause)) != nil {
		return fmt.Errorf("wait to try again: %w", ctx.Err())
	}
	return nil
}
