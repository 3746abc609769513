package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"dreamlab/store"

	"github.com/jackc/pgx/v5"
)

const (
	retries      = 3                     // of a transaction that was chosen as a victim
	retryPause   = 10 * time.Millisecond // its longest first pause, doubled each time
	rollbackWait = 5 * time.Second
)

// Tx runs fn in a transaction, again where the server chose it as the victim of
// a deadlock or a serialization failure. After the last try that is ErrBusy.
func (d *Driver) Tx(ctx context.Context, durability store.Durability, fn func(store.Conn) error) error {
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

// once begins, runs and ends one transaction. The commit's durability travels
// with BEGIN, in the same message.
func (d *Driver) once(
	ctx context.Context, durability store.Durability, fn func(store.Conn) error,
) (err error) {
	options := pgx.TxOptions{}
	if durability == store.Relaxed {
		options.BeginQuery = "BEGIN; SET LOCAL synchronous_commit=off"
	}
	tx, err := d.pool.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin: %w", translate(err))
	}
	committed := false
	defer func() { // also where fn panics
		if !committed {
			err = errors.Join(err, rollback(ctx, tx))
		}
	}()
	if err := fn(&conn{tx}); err != nil {
		return broken(tx, err)
	}
	if err := tx.Commit(ctx); err != nil {
		return broken(tx, fmt.Errorf("commit: %w", translate(err)))
	}
	committed = true
	return nil
}

// broken says of an error that its connection is gone; pgx tells that of the
// first statement alone.
func broken(tx pgx.Tx, err error) error {
	if !tx.Conn().IsClosed() || errors.Is(err, store.ErrBusy) {
		return err
	}
	return fmt.Errorf("%w: its connection broke: %w", store.ErrBusy, err)
}

// rollback must run although the caller's context has ended, or the connection
// would be thrown away. Where the connection is lost the server rolls back.
func rollback(ctx context.Context, tx pgx.Tx) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackWait)
	defer cancel()
	err := tx.Rollback(ctx)
	if err == nil || errors.Is(err, pgx.ErrTxClosed) || tx.Conn().IsClosed() {
		return nil
	}
	return fmt.Errorf("roll back: %w", translate(err))
}

// pause waits a random time up to the longest: two victims must not meet again.
func pause(ctx context.Context, longest time.Duration) error {
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to try again: %w", ctx.Err())
	}
}
