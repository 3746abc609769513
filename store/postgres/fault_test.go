package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/postgres"
	"dreamlab/store/storetest"

	"github.com/jackc/pgx/v5"
)

// narrow makes a role that may open few connections, and returns the schema's URL
// for it.
func narrow(t *testing.T, connections string) string {
	t.Helper()
	url := storetest.Postgres(t)
	_, schema, _ := strings.Cut(url, "search_path=")
	admin, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	role := "role_" + schema
	_, err = admin.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN CONNECTION LIMIT "+connections+
		"; GRANT ALL ON SCHEMA "+schema+" TO "+role)
	if err := errors.Join(err, admin.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), url)
		if err != nil {
			t.Error(err)
			return
		}
		_, err = conn.Exec(context.Background(), "REVOKE ALL ON SCHEMA "+schema+" FROM "+role+"; DROP ROLE "+role)
		if err := errors.Join(err, conn.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return strings.Replace(url, "user=postgres", "user="+role, 1)
}

// TestFullServer has a server with fewer connections than the pools want: all
// who ask get their turn, whichever pool the connections happen to be in.
func TestFullServer(t *testing.T) {
	t.Parallel()
	for _, opens := range []db.Durability{db.Synced, db.Relaxed} {
		d := open(t, narrow(t, "1"))
		settings := func(durability db.Durability, want string) {
			err := d.Tx(t.Context(), durability, func(conn db.Conn) error {
				if got := first(t, conn, "SHOW synchronous_commit"); got != want && durability == db.Synced {
					t.Errorf("commits of durability %d: %s, want %s", durability, got, want)
				}
				return nil
			})
			if err != nil {
				t.Errorf("first %d, then %d: %v", opens, durability, err)
			}
		}
		settings(opens, "on")
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() { settings(db.Durability(i%2), "on") })
		}
		all.Wait()
	}
}

// TestFullServerInTime gives up with the caller's context.
func TestFullServerInTime(t *testing.T) {
	t.Parallel()
	d := open(t, narrow(t, "1"))
	err := d.Tx(t.Context(), db.Synced, func(conn db.Conn) error {
		if _, err := conn.Exec(t.Context(), "SELECT 1"); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		return d.Tx(ctx, db.Relaxed, func(db.Conn) error { return nil })
	})
	if !errors.Is(err, db.ErrBusy) {
		t.Errorf("got %v", err)
	}
}

// TestReadOnlyServer has the server refuse writes, as one does that was demoted:
// that is no fault of the request, and its connections are left.
func TestReadOnlyServer(t *testing.T) {
	t.Parallel()
	url := narrow(t, "20")
	d := open(t, url+"&application_name=demoted")
	pid := func() string { return first(t, d, "SELECT pg_backend_pid()::text") }
	before := pid()
	if before != pid() {
		t.Fatal("connections are replaced without a reason")
	}
	for range 2 {
		err := d.Tx(t.Context(), db.Synced, func(conn db.Conn) error {
			if _, err := conn.Exec(t.Context(), "SET TRANSACTION READ ONLY"); err != nil {
				return err
			}
			_, err := conn.Exec(t.Context(), "CREATE TABLE refused (n BIGINT)")
			return err
		})
		if !errors.Is(err, db.ErrBusy) || !strings.Contains(err.Error(), "takes no writes") {
			t.Errorf("got %v", err)
		}
	}
	if before == pid() {
		t.Error("the connection to a server that takes no writes is kept")
	}
}

// TestTargetSession goes to the host that takes writes.
func TestTargetSession(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	if _, err := postgres.Open(t.Context(), url+"&target_session_attrs=standby"); err == nil {
		t.Error("a primary was taken for a standby")
	}
	open(t, url+"&target_session_attrs=read-write")
}

// TestErrorsShowNothingOfTheURL splits passwords at characters that should have
// been escaped: their parts become hosts, databases and settings.
func TestErrorsShowNothingOfTheURL(t *testing.T) {
	t.Parallel()
	parts := []string{"s3cretA", "s3cretB"}
	for _, url := range []string{
		"postgres://app:s3cretA/s3cretB@127.0.0.1:1/db", "postgres://app:s3cretA#s3cretB@127.0.0.1:1/db",
		"postgres://app:s3cretA?s3cretB@127.0.0.1:1/db", "postgres://app:s3cretA@s3cretB@127.0.0.1:1/db",
		"postgres://app:x@s3cretA/s3cretB@127.0.0.1:1/db", "postgres://app:s3cretA%s3cretB@127.0.0.1:1/db",
		"postgres://app:s3cretA:s3cretB@127.0.0.1:1/db", "postgres://s3cretA s3cretB@127.0.0.1:1/db",
		"postgres://app@127.0.0.1:1/s3cretA?sslmode=s3cretB", "postgres://app@127.0.0.1:s3cretA/s3cretB",
		"postgres://app@127.0.0.1:1/db?pool_max_conns=s3cretA", "postgres://app@127.0.0.1:1/db?sslrootcert=/s3cretA/s3cretB",
		"postgres://s3cretA:s3cretB@127.0.0.1:1,127.0.0.1:2/db", "postgres://app@s3cretA.invalid:1,s3cretB.invalid/db",
		"host=127.0.0.1 password=s3cretA s3cretB", "host=s3cretA.invalid port=1 user=s3cretB",
		"postgres://app@/s3cretA?host=/s3cretB", "s3cretA", "://s3cretB",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		d, err := postgres.Open(ctx, url)
		cancel()
		if err == nil {
			t.Errorf("%s: opened", url)
			d.Close()
			continue
		}
		for _, part := range append(parts, "app", "127.0.0.1") {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
}

// TestServerNamesNobody has the server itself refuse: it quotes user and database.
func TestServerNamesNobody(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	for _, wrong := range []string{
		strings.Replace(url, "user=postgres", "user=s3cretA", 1),
		strings.Replace(url, "///postgres", "///s3cretA", 1),
	} {
		_, err := postgres.Open(t.Context(), wrong)
		if err == nil || strings.Contains(err.Error(), "s3cretA") || !strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("got %v", err)
		}
	}
}
