package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"strings"
	"syscall"

	"dreamlab/store/db"

	"github.com/jackc/pgx/v5/pgconn"
)

var (
	// errVictim marks transactions that may simply be run again.
	errVictim = errors.New("chosen as the victim of another transaction")
	// errReadOnly marks what a server refused that takes no writes: one that is
	// no primary any more, or that was told so.
	errReadOnly = errors.New("the server is read-only")
)

// meaning is what a SQLSTATE comes to: the store's errors, and what to do.
type meaning struct {
	kinds  []error
	advice string
}

func busy(advice string) meaning { return meaning{[]error{db.ErrBusy}, advice} }

// meanings of SQLSTATE codes
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
var meanings = map[string]meaning{
	"23505": {[]error{db.ErrConflict}, ""},        // unique_violation
	"40001": {[]error{db.ErrBusy, errVictim}, ""}, // serialization_failure
	"40P01": {[]error{db.ErrBusy, errVictim}, ""}, // deadlock_detected
	"53100": {[]error{db.ErrFull}, "free some space on the server"},
	"22021": {[]error{db.ErrText}, ""}, // character_not_in_repertoire
	"22P05": {[]error{db.ErrText}, ""}, // untranslatable_character

	// Not now: nothing was done, and it may be tried again.
	"25006": {[]error{db.ErrBusy, errReadOnly}, "it takes no writes: it is a standby, or was set to read-only"},
	"25P03": busy("the transaction was idle for too long"),
	"25P04": busy("the server's transaction_timeout ended it"),
	"26000": busy(poolerAdvice), // invalid_sql_statement_name
	"42P05": busy(poolerAdvice), // duplicate_prepared_statement
	"53000": busy("the server lacks resources"),
	"53200": busy("the server is out of memory"),
	"53300": busy("raise max_connections or lower pool_max_conns"), // too_many_connections
	"53400": busy("a limit of the server's configuration was reached"),
	"55P03": busy("another transaction holds the lock"),      // lock_not_available
	"57014": busy("the server's statement_timeout ended it"), // query_canceled: ours end as context errors
	"57P01": busy("it was shut down (start it again)"),       // admin_shutdown
	"57P02": busy("it was shut down (start it again)"),       // crash_shutdown
	"57P03": busy("the server is starting up or shutting down"),
	"57P05": busy("the server's idle_session_timeout ended the connection"),
	"58000": busy("the server or a pooler before it has a fault of its system"),
	"58030": busy("the server could not read or write a file"),
	"08000": busy("the connection failed"),
	"08003": busy("the connection does not exist"),
	"08006": busy("the connection failed"),
	"08P01": busy("a pooler refused it"), // protocol_violation: PgBouncer's code for all that it refuses

	"42P01": {nil, "run the migrations, or correct the URL's search_path"}, // undefined_table
	"28000": {nil, "correct user and password in DATABASE_URL"},            // invalid_authorization_specification
	"28P01": {nil, "correct user and password in DATABASE_URL"},            // invalid_password
	"3D000": {nil, "correct the database's name in DATABASE_URL"},          // invalid_catalog_name
}

const poolerAdvice = "a pooler that shares connections is in the way: add default_query_exec_mode=exec to DATABASE_URL"

// refusals are what poolers say in other codes than the server's, by a part of
// their words.
var refusals = []struct{ words, code, advice string }{
	{"no more connections allowed", "53300", "the pooler has no connection left: raise its max_client_conn"},
	{"max clients reached", "53300", "the pooler has no connection left: raise its pool size"},
	{"max client connections", "53300", "the pooler has no connection left: raise its pool size"},
	{"too many connections", "53300", ""},
	{"remaining connection slots", "53300", ""},
	{"unsupported startup parameter", "08P01", "the pooler refuses a setting: take options out of DATABASE_URL, " +
		"or add them to the pooler's ignore_startup_parameters"},
	{"statement pooling mode", "", "the pooler shares connections between statements: set its pool_mode to transaction"},
	{"query_wait_timeout", "08P01", "the pooler had no connection of the server in time: raise its default_pool_size"},
	{"login failed", "", "the pooler could not log in at the server: mend its user and password"},
	{"no such database", "3D000", ""},
	{"no such user", "28000", ""},
}

// told is an error whose text shows nothing of its cause: that may quote parts
// of the URL, which are parts of the password where that was split at a
// character that should have been escaped.
type told struct {
	text  string
	cause error
}

// Error returns the text.
func (t *told) Error() string { return t.text }

// Unwrap returns the cause.
func (t *told) Unwrap() error { return t.cause }

// translate maps errors to the store's.
func translate(err error) error {
	if err == nil {
		return nil
	}
	return translateFault(err)
}

func translateFault(err error) error {
	var known *told
	var connect *pgconn.ConnectError
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &connect):
		return connectFault(err)
	case errors.As(err, &pg):
		return translateCode(pg, err)
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer before the deadline: %w", db.ErrBusy, err)
	case lost(err), pgconn.SafeToRetry(err):
		return fmt.Errorf("%w: reach it (is it up?): %w", db.ErrBusy, err)
	}
	return err
}

func translateCode(pg *pgconn.PgError, err error) error {
	code, advice := codeOf(pg)
	m, known := meanings[code]
	if !known && advice == "" {
		return err
	}
	if advice == "" {
		advice = m.advice
	}
	if pg.Code == "08P01" || strings.HasPrefix(code, "28") || code == "3D000" { // they name user and database
		return hide(advice+" (SQLSTATE "+pg.Code+")", m.kinds, err)
	}
	wrapped := errors.Join(m.kinds...)
	switch {
	case wrapped == nil:
		return fmt.Errorf("%w (%s)", err, advice)
	case advice == "":
		return fmt.Errorf("%w: %w", oneLine(m.kinds), err)
	}
	return fmt.Errorf("%w: %s: %w", oneLine(m.kinds), advice, err)
}

// oneLine joins errors without breaking the line.
func oneLine(kinds []error) error {
	if len(kinds) == 2 {
		return fmt.Errorf("%w: %w", kinds[0], kinds[1])
	}
	return kinds[0]
}

// hide wraps the cause and leaves it out of the text.
func hide(text string, kinds []error, cause error) error {
	return &told{text, errors.Join(append(slices.Clone(kinds), cause)...)}
}

// codeOf returns the SQLSTATE that an error of the server or of a pooler comes
// to, and what to do where the pooler's words say more.
func codeOf(pg *pgconn.PgError) (code, advice string) {
	text := strings.ToLower(pg.Message)
	for _, r := range refusals {
		if !strings.Contains(text, r.words) || pg.Code == "53300" {
			continue
		}
		if r.code != "" {
			return r.code, r.advice
		}
		return pg.Code, r.advice
	}
	return pg.Code, ""
}

// tooMany tells that the server, or a pooler before it, has no connection left.
func tooMany(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	code, _ := codeOf(pg)
	return code == "53300"
}

// connectFault says why there is no connection, in words of our own.
func connectFault(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		if errors.Is(err, context.Canceled) {
			return hide("the connection was given up", nil, err)
		}
		return hide(unreachable(err), []error{db.ErrBusy}, err)
	}
	code, advice := codeOf(pg)
	m, known := meanings[code]
	if advice == "" {
		advice = m.advice
	}
	if !known {
		m.kinds = []error{db.ErrBusy}
	}
	return hide(strings.TrimPrefix(advice+" (the connection was refused, SQLSTATE "+pg.Code+")", " "), m.kinds, err)
}

func unreachable(err error) string {
	const ask = "is it up, is DATABASE_URL right?"
	var name *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &name):
		return "the name of its host is not known: " + ask
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return "nothing listens at its address: " + ask
	case ofTLS(err):
		return "TLS could not be agreed on: look at sslmode and sslrootcert in DATABASE_URL"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "no answer before the deadline: " + ask
	case strings.Contains(err.Error(), "read only connection"), strings.Contains(err.Error(), "standby"):
		return "none of its hosts takes writes: is a fail-over under way?"
	}
	return "the connection broke off: " + ask
}

func ofTLS(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var host x509.HostnameError
	return errors.As(err, &certificate) || errors.As(err, &record) || errors.As(err, &host) ||
		strings.Contains(err.Error(), "refused TLS")
}

// urlSettings are settings of the URL that are read here, and can be wrong.
var urlSettings = []string{
	"pool_max_conns", "pool_min_conns", "pool_max_conn_lifetime", "pool_max_conn_idle_time", "pool_health_check_period",
	"connect_timeout", "target_session_attrs", "default_query_exec_mode", "statement_cache_capacity",
	"description_cache_capacity", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation", "channel_binding",
}

// urlFault says what is wrong with a URL without showing any of it.
func urlFault(err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		return hide("a file that it names (a certificate, a key, a service) can not be read", nil, err)
	}
	text := err.Error()
	if inner := errors.Unwrap(err); inner != nil {
		text = inner.Error()
	}
	for _, name := range urlSettings {
		if strings.Contains(text, name) {
			return hide("its setting "+name+" is wrong", nil, err)
		}
	}
	return hide("write it as postgres://user:password@host:5432/database, and what is special in user and "+
		"password (such as @ / ? # %) as %XX", nil, err)
}

// lost tells that a connection broke. Whether its last statement was carried
// out is not known.
func lost(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed)
}
