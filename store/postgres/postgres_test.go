package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/postgres"
	"dreamlab/store/storetest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, url string) *postgres.Driver {
	t.Helper()
	d, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func first(t *testing.T, conn db.Conn, query string) (text string) {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		err = errors.Join(err, rows.Scan(&text))
	}
	if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSettings(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	plain := open(t, url)
	told := open(t, url+"&application_name=mine&lock_timeout=7s&pool_max_conns=1")
	for setting, want := range map[string][2]string{
		"application_name": {"dreamlab", "mine"}, "lock_timeout": {"5s", "7s"},
		"idle_in_transaction_session_timeout": {"1min", "1min"}, "synchronous_commit": {"on", "on"},
	} {
		for i, d := range []*postgres.Driver{plain, told} {
			if got := first(t, d, "SHOW "+setting); got != want[i] {
				t.Errorf("%s is %s, want %s", setting, got, want[i])
			}
		}
	}
	if schema := first(t, plain, "SELECT current_schema()"); !strings.HasSuffix(url, "search_path="+schema) {
		t.Errorf("%s led to schema %s", url, schema)
	}
	err := told.Tx(t.Context(), db.Synced, func(db.Conn) error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := told.Exec(ctx, "SELECT 1") // the pool's one connection is taken
		return err
	})
	if !errors.Is(err, db.ErrBusy) {
		t.Errorf("a full pool: %v", err)
	}
}

// TestErrors lets the server itself raise each code.
func TestErrors(t *testing.T) {
	t.Parallel()
	d := open(t, storetest.Postgres(t))
	for code, want := range map[string]error{
		"23505": db.ErrConflict, "40001": db.ErrBusy, "40P01": db.ErrBusy, "55P03": db.ErrBusy,
		"57014": db.ErrBusy, "53300": db.ErrBusy, "57P03": db.ErrBusy, "57P01": db.ErrBusy, "53100": db.ErrFull,
		"25006": db.ErrBusy, "26000": db.ErrBusy, "42P05": db.ErrBusy, "53200": db.ErrBusy, "57P02": db.ErrBusy,
		"57P05": db.ErrBusy, "25P04": db.ErrBusy, "08006": db.ErrBusy, "08P01": db.ErrBusy,
		"22021": db.ErrText, "22P05": db.ErrText,
		"42P01": nil, "28P01": nil, "P0001": nil,
	} {
		_, err := d.Exec(t.Context(), "DO $$ BEGIN RAISE EXCEPTION 'told' USING ERRCODE = '"+code+"'; END $$")
		names := code == "28P01" || code == "08P01" // what the server says may name user and database
		if err == nil || strings.Contains(err.Error(), "told") == names {
			t.Errorf("%s: %v", code, err)
		}
		for _, kind := range []error{db.ErrConflict, db.ErrBusy, db.ErrFull, db.ErrText} {
			if errors.Is(err, kind) != (kind == want) {
				t.Errorf("%s: got %v, want one that wraps %v", code, err, want)
			}
		}
	}
}

// TestVictimWithoutEnd is chosen each time: it runs four times, then is busy.
func TestVictimWithoutEnd(t *testing.T) {
	t.Parallel()
	d := open(t, storetest.Postgres(t))
	runs := 0
	victim := func(conn db.Conn) error {
		runs++
		_, err := conn.Exec(t.Context(), "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")
		return fmt.Errorf("work: %w", err)
	}
	if err := d.Tx(t.Context(), db.Relaxed, victim); !errors.Is(err, db.ErrBusy) || runs != 4 {
		t.Errorf("ran %d times: %v", runs, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := d.Tx(ctx, db.Synced, func(conn db.Conn) error {
		defer cancel()
		return victim(conn)
	})
	if !errors.Is(err, context.Canceled) || runs != 5 {
		t.Errorf("ran %d times after the end: %v", runs-4, err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-very-secret"
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ url, want string }{
		"nothing listens": {"postgres://u:" + secret + "@" + closed.Addr().String() + "/x", "is it up"},
		"nobody answers":  {"postgres://u:" + secret + "@" + silent.Addr().String() + "/x", "before the deadline"},
		"no such host":    {"postgres://u:" + secret + "@host.invalid/x", "is it up"},
		"bad port":        {"postgres://u:" + secret + "@host:port/x", "read the database's URL"},
		"bad setting":     {"postgres://u:" + secret + "@host/x?pool_max_conns=many", "read the database's URL"},
		"keywords, wrong": {"host=h password=" + secret + " port=x", "read the database's URL"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		d, err := postgres.Open(ctx, c.url)
		cancel()
		if err == nil {
			t.Errorf("%s: opened", name)
			d.Close()
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMissingSchema has a table's absence explained.
func TestMissingSchema(t *testing.T) {
	t.Parallel()
	d := open(t, storetest.Postgres(t))
	if have, newest, err := d.Version(t.Context()); have != 0 || newest < 1 || err != nil {
		t.Errorf("schema %d of %d, %v", have, newest, err)
	}
	_, err := d.Exec(t.Context(), "DELETE FROM jobs")
	if err == nil || !strings.Contains(err.Error(), "run the migrations") {
		t.Errorf("got %v", err)
	}
}

// TestConnectionsAreReplaced has the server end every connection of the pool,
// as a restart does: what was under way fails, the next goes on.
func TestConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	d, other := open(t, url+"&application_name=victim_"+t.Name()), open(t, url)
	runs := 0
	err := d.Tx(t.Context(), db.Synced, func(conn db.Conn) error {
		runs++
		_, err := other.Exec(t.Context(),
			"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1",
			"victim_"+t.Name())
		if err != nil {
			return err
		}
		_, err = conn.Exec(t.Context(), "SELECT 1")
		return err
	})
	if err == nil || runs != 1 || !strings.Contains(err.Error(), "database") {
		t.Errorf("after %d runs: %v", runs, err)
	}
	if _, err := d.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

// TestLostConnection has the line cut while the connection is made.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://u:secret@"+hangUp(t)+"/x?sslmode=disable")
	if err == nil || !strings.Contains(err.Error(), "is it up") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// hangUp is a server that hangs up after the first words.
func hangUp(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, err = io.ReadFull(conn, make([]byte, 8))
			if err := errors.Join(err, conn.Close()); err != nil {
				t.Error(err)
			}
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		served.Wait()
	})
	return listener.Addr().String()
}

// TestCommitAtOnce sends a transaction in which nothing is read as one batch:
// what fails in it, if only at its end, undoes all of it.
func TestCommitAtOnce(t *testing.T) {
	t.Parallel()
	d := open(t, storetest.Postgres(t))
	if _, err := d.Exec(t.Context(), `CREATE TABLE once (n BIGINT UNIQUE DEFERRABLE INITIALLY DEFERRED)`); err != nil {
		t.Fatal(err)
	}
	insert := func(durability db.Durability, queries ...string) error {
		return d.Tx(t.Context(), durability, func(conn db.Conn) error {
			for _, query := range queries {
				if err := conn.Later(t.Context(), db.Statement{Query: query}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	const one = `INSERT INTO once VALUES (1)`
	for name, queries := range map[string][]string{
		"a statement": {one, `SELECT 1 / 0`, one},
		"the commit":  {one, one},
	} {
		if err := insert(db.Synced, queries...); err == nil {
			t.Errorf("%s failed, and nobody was told", name)
		}
	}
	if left := first(t, d, `SELECT count(*)::text FROM once`); left != "0" {
		t.Errorf("%s rows are left of transactions that failed", left)
	}
	for i, durability := range []db.Durability{db.Synced, db.Relaxed} {
		if err := insert(durability, fmt.Sprintf(`INSERT INTO once SELECT %d`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if all := first(t, d, `SELECT count(*)::text FROM once`); all != "2" {
		t.Errorf("%s rows of two transactions", all)
	}
}

// TestDurability asks inside of transactions what their commits wait for.
func TestDurability(t *testing.T) {
	t.Parallel()
	d := open(t, storetest.Postgres(t))
	for durability, want := range map[db.Durability]string{db.Synced: "on", db.Relaxed: "off"} {
		err := d.Tx(t.Context(), durability, func(conn db.Conn) error {
			if got := first(t, conn, `SHOW synchronous_commit`); got != want {
				t.Errorf("durability %d: synchronous_commit is %s, want %s", durability, got, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
