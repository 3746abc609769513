package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"dreamlab/store/db"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Limits of a connection. What the URL says goes before them.
const (
	connectTimeout = 5 * time.Second
	lockWait       = 5 * time.Second  // for another's lock, as in SQLite
	idleInTx       = 60 * time.Second // ends a transaction that a lost process left open
	// idleConn is short, so that processes that share a small server give back
	// what others wait for.
	idleConn  = 30 * time.Second
	idleCheck = 15 * time.Second
	lifeConn  = time.Hour
)

// Settings of the URL that change what is chosen here.
var (
	poolSize      = regexp.MustCompile(`\bpool_max_conns\s*=`)
	statementMode = regexp.MustCompile(`\bdefault_query_exec_mode\s*=`)
	sessionAttrs  = regexp.MustCompile(`\btarget_session_attrs\s*=`)
)

// passed are the parameters of a session's start that every pooler lets through
// (https://www.pgbouncer.org/config.html#ignore_startup_parameters).
var passed = []string{"application_name", "client_encoding", "datestyle", "timezone", "standard_conforming_strings"}

// readURL makes the pool's configuration of the URL.
func readURL(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database's URL: %w", urlFault(err))
	}
	if !poolSize.MatchString(url) {
		config.MaxConns = int32(max(16, 4*runtime.GOMAXPROCS(0)))
	}
	config.MaxConnIdleTime, config.HealthCheckPeriod = idleConn, idleCheck
	config.MaxConnLifetime, config.MaxConnLifetimeJitter = lifeConn, lifeConn/10
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if _, given := config.ConnConfig.RuntimeParams["application_name"]; !given {
		config.ConnConfig.RuntimeParams["application_name"] = "dreamlab"
	}
	if len(hosts(config.ConnConfig)) > 1 && !sessionAttrs.MatchString(url) {
		config.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return config, nil
}

func hosts(config *pgx.ConnConfig) map[string]bool {
	all := map[string]bool{address(config.Host, config.Port): true}
	for _, fallback := range config.Fallbacks {
		all[address(fallback.Host, fallback.Port)] = true
	}
	return all
}

func address(host string, port uint16) string { return host + ":" + strconv.Itoa(int(port)) }

// adapt finds out whether a pooler stands before the server, and has the pool
// send what works there. A pooler hands the same connection of the server to many
// clients: what a session sets is seen by others, prepared statements belong to
// others, and most parameters of a session's start are refused. So there each
// transaction sets what it needs for itself, and statements have no names; nor are
// they described beforehand, since the search_path is set no earlier.
//
// It returns the settings that are still to be made: of each transaction there, of
// each session elsewhere.
func adapt(ctx context.Context, config *pgxpool.Config, url string) (pooled bool, settings map[string]string, err error) {
	bare, given := withoutSettings(config.ConnConfig)
	if pooled, err = behindPooler(ctx, bare); err != nil {
		return false, nil, err
	}
	settings = defaults(given)
	if !pooled {
		maps.Copy(settings, planning(given))
		return false, settings, nil
	}
	maps.Copy(settings, given)
	config.ConnConfig = bare
	if !statementMode.MatchString(url) {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	return true, settings, nil
}

// defaults returns the settings that the URL leaves to us.
func defaults(given map[string]string) map[string]string {
	return without(given, map[string]string{
		"lock_timeout":                        millis(lockWait),
		"idle_in_transaction_session_timeout": millis(idleInTx),
	})
}

// planning returns the settings of sessions whose statements are prepared once
// and whose plans are kept. In a young database these plans are made while the
// tables are empty, when going through all of a table is cheapest, and stay until
// the first ANALYZE: without these settings the statements of a chat took 630 µs
// of the server instead of 390 µs, and 32 clients got 10 % fewer chats. They hide
// no missing index: the plans' test explains every statement without them.
func planning(given map[string]string) map[string]string {
	return without(given, map[string]string{
		"enable_seqscan":   "off",
		"jit":              "off",
		"plan_cache_mode":  "force_generic_plan",
		"random_page_cost": "1.1",
	})
}

func without(given, settings map[string]string) map[string]string {
	maps.DeleteFunc(settings, func(name, _ string) bool { _, set := given[name]; return set })
	return settings
}

// behindPooler compares the process that the greeting named with the one that
// answers: a pooler has to greet with a number of its own, by which it finds out
// what is to be cancelled.
func behindPooler(ctx context.Context, config *pgx.ConnConfig) (pooled bool, err error) {
	conn, err := connectWaiting(ctx, config)
	if err != nil {
		return false, err
	}
	defer func() {
		if closing := conn.Close(context.WithoutCancel(ctx)); closing != nil && err == nil {
			err = closing
		}
	}()
	var answers uint32
	err = conn.QueryRow(ctx, `SELECT pg_backend_pid()`, pgx.QueryExecModeSimpleProtocol).Scan(&answers)
	return answers != conn.PgConn().PID(), err
}

// connectWaiting connects, and waits where the server has no room just now.
func connectWaiting(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	for end := time.Now().Add(fullWait); ; {
		conn, err := pgx.ConnectConfig(ctx, config)
		if err == nil || !tooMany(err) || time.Now().After(end) {
			return conn, err
		}
		if waiting := pause(ctx, fullPause); waiting != nil {
			return nil, errors.Join(waiting, err)
		}
	}
}

// withoutSettings returns the configuration without the settings of a session
// that some pooler refuses, and these.
func withoutSettings(config *pgx.ConnConfig) (bare *pgx.ConnConfig, settings map[string]string) {
	bare, settings = config.Copy(), map[string]string{}
	for name, value := range config.RuntimeParams {
		if slices.Contains(passed, strings.ToLower(name)) {
			continue
		}
		if name != "options" {
			settings[name] = value
			delete(bare.RuntimeParams, name)
			continue
		}
		found, rest := splitOptions(value)
		maps.Copy(settings, found)
		if bare.RuntimeParams[name] = rest; rest == "" {
			delete(bare.RuntimeParams, name)
		}
	}
	return bare, settings
}

// splitOptions takes the settings (-c name=value, --name=value) out of the
// options of a session's start. What is left leads some hosts to the database.
func splitOptions(options string) (settings map[string]string, rest string) {
	settings = map[string]string{}
	var others []string
	words := strings.Fields(options)
	for i := 0; i < len(words); i++ {
		word := words[i]
		if word == "-c" && i+1 < len(words) {
			i++
			word = "-c" + words[i]
		}
		text, short := strings.CutPrefix(word, "-c")
		if !short {
			text, short = strings.CutPrefix(word, "--")
		}
		if name, value, found := strings.Cut(text, "="); found && short {
			settings[strings.ReplaceAll(name, "-", "_")] = value
		} else {
			others = append(others, word)
		}
	}
	return settings, strings.Join(others, " ")
}

// setting returns the statement that makes settings, for the transaction alone
// or for the session.
func setting(values map[string]string, local bool) string {
	calls := make([]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		calls = append(calls, fmt.Sprintf("set_config(%s, %s, %t)", quote(name), quote(values[name]), local))
	}
	return "SELECT " + strings.Join(calls, ", ")
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// defaultCommit has one transaction commit as the server would by itself, on a
// connection that does not wait for the disk.
const defaultCommit = `SELECT set_config(name, reset_val, true) FROM pg_settings WHERE name = 'synchronous_commit'`

// opening returns what each transaction sets before its first statement, by
// what its commit waits for and the pool that it runs on.
func (d *Driver) opening(durability db.Durability, from *pool) []string {
	switch {
	case d.pooled:
		return []string{d.local[durability]}
	case durability == db.Synced && from == d.relaxed:
		return []string{defaultCommit}
	}
	return nil
}
