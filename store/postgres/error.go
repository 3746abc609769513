package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"

	"dreamlab/store"

	"github.com/jackc/pgx/v5/pgconn"
)

// poolSize finds the pool's own setting in a URL or a list of keywords.
var poolSize = regexp.MustCompile(`\bpool_max_conns\s*=`)

// errVictim marks transactions that may simply be run again.
var errVictim = errors.New("chosen as the victim of another transaction")

// translate maps SQLSTATE codes to the store's errors
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func translate(err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg):
		return translateCode(pg.Code, err)
	case errors.Is(err, context.Canceled):
		return err
	case !unreachable(err) && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer before the deadline: %w", store.ErrBusy, err)
	case unreachable(err), lost(err), pgconn.SafeToRetry(err):
		return fmt.Errorf("%w: reach it (is it up, is DATABASE_URL right?): %w", store.ErrBusy, err)
	}
	return err
}

func translateCode(code string, err error) error {
	switch code {
	case "23505": // unique_violation
		return fmt.Errorf("%w: %w", store.ErrConflict, err)
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return fmt.Errorf("%w: %w: %w", store.ErrBusy, errVictim, err)
	case "55P03": // lock_not_available
		return fmt.Errorf("%w: another transaction holds the lock: %w", store.ErrBusy, err)
	case "57014": // query_canceled, by statement_timeout: ours end as context errors
		return fmt.Errorf("%w: the server's statement_timeout ended it: %w", store.ErrBusy, err)
	case "53300": // too_many_connections
		return fmt.Errorf("%w: raise max_connections or lower pool_max_conns: %w", store.ErrBusy, err)
	case "57P03": // cannot_connect_now
		return fmt.Errorf("%w: the server is starting up or shutting down: %w", store.ErrBusy, err)
	case "57P01", "57P02": // admin_shutdown, crash_shutdown
		return fmt.Errorf("%w: it was shut down (start it again): %w", store.ErrBusy, err)
	case "53100": // disk_full
		return fmt.Errorf("%w: free some space on the server: %w", store.ErrFull, err)
	case "22021", "22P05": // character_not_in_repertoire, untranslatable_character
		return fmt.Errorf("%w: %w", store.ErrText, err)
	case "42P01": // undefined_table
		return fmt.Errorf("%w (run the migrations, or correct the URL's search_path)", err)
	case "28P01", "28000": // invalid_password, invalid_authorization_specification
		return fmt.Errorf("%w (correct user and password in DATABASE_URL)", err)
	}
	return err
}

// unreachable tells that there never was a connection.
func unreachable(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect)
}

// lost tells that a connection broke. Whether its last statement was carried
// out is not known.
func lost(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
