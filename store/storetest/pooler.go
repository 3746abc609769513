package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// poolerServer starts one PgBouncer for all tests of a program.
var poolerServer = sync.OnceValues(func() (server, error) {
	database, err := postgresServer()
	if err != nil {
		return server{}, err
	}
	return startPooler(database.url, "")
})

// Pooled returns the URL of an empty schema on the private PostgreSQL server, as
// PgBouncer hands it out in its transaction mode, with a few connections for all.
// It skips the test where PgBouncer is not installed, see Require.
func Pooled(t testing.TB) string {
	t.Helper()
	direct := Postgres(t)
	pooler, err := poolerServer()
	_, schema, _ := strings.Cut(direct, "search_path=")
	return started(t, pooler, err) + "&search_path=" + schema
}

// Pooler starts a PgBouncer before a PostgreSQL server that is reached by a
// socket, with further lines of settings, and returns its URL. It ends with the
// test program.
func Pooler(t testing.TB, database, settings string) string {
	t.Helper()
	pooler, err := startPooler(database, settings)
	return started(t, pooler, err)
}

func started(t testing.TB, pooler server, err error) string {
	t.Helper()
	if errors.Is(err, exec.ErrNotFound) {
		Require(t, "pgbouncer", err)
	}
	if err != nil {
		t.Fatalf("start PgBouncer: %v", err)
	}
	keep.Store(pooler.url, pooler.pipe)
	return pooler.url
}

// keep holds the pipes of servers that end with the program.
var keep sync.Map

const poolerSettings = `[databases]
* = host=%s user=postgres
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = %s
auth_type = any
pool_mode = transaction
max_client_conn = 500
default_pool_size = 8
%s
`

func startPooler(database, settings string) (server, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		return server{}, err
	}
	from, err := url.Parse(database)
	if err != nil {
		return server{}, err
	}
	dir, owner, err := ownDirectory("pgbouncer")
	if err != nil {
		return server{}, err
	}
	file := filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf(poolerSettings, from.Query().Get("host"), dir, settings)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return server{}, err
	}
	pipe, err := outlive(dir, owner, program, file)
	if err != nil {
		return server{}, err
	}
	address := "postgres:///postgres?user=postgres&port=6432&host=" + dir
	return server{address, pipe}, await(dir, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, address+"&default_query_exec_mode=exec")
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}
