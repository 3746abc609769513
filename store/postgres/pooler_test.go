package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"dreamlab/store/db"
	"dreamlab/store/postgres"
	"dreamlab/store/storetest"
)

// TestPooler has many transactions at once share the few connections of a
// pooler: what each sets stays with it, and no statement meets another's name.
func TestPooler(t *testing.T) {
	t.Parallel()
	d := open(t, storetest.Pooled(t)+"&lock_timeout=7s&options=-c%20statement_timeout%3D42s")
	if err := d.Migrate(t.Context(), -1); err != nil {
		t.Fatal(err)
	}
	if have, newest, err := d.Version(t.Context()); err != nil || have != newest {
		t.Errorf("schema %d of %d: %v", have, newest, err)
	}
	for range 2 {
		var all sync.WaitGroup
		for i := range 60 {
			all.Go(func() { inPooledTx(t, d, db.Durability(i%2)) })
		}
		all.Wait()
	}
	if got := first(t, d, "SHOW statement_timeout"); got != "42s" {
		t.Errorf("a statement by itself: statement_timeout is %s", got)
	}
	server, err := d.Server(t.Context())
	if err != nil || !server.Pooled || !server.Writable {
		t.Errorf("got %+v, %v", server, err)
	}
}

func inPooledTx(t *testing.T, d *postgres.Driver, durability db.Durability) {
	err := d.Tx(t.Context(), durability, func(conn db.Conn) error {
		for setting, want := range map[string]string{
			"lock_timeout": "7s", "idle_in_transaction_session_timeout": "1min", "statement_timeout": "42s",
			"synchronous_commit": map[db.Durability]string{db.Synced: "on", db.Relaxed: "off"}[durability],
		} {
			var got string
			rows, err := conn.Query(t.Context(), "SELECT current_setting($1)", setting)
			if err == nil {
				err = db.EachRow(rows, func(r db.Rows) error { return r.Scan(&got) })
			}
			if err != nil || got != want {
				return fmt.Errorf("%s is %q, want %q: %w", setting, got, want, err)
			}
		}
		return conn.Later(t.Context(), db.Statement{
			Query: "INSERT INTO tenants (id, name, created) VALUES ($1, $1, $2)", Args: []any{db.NewID("ten_"), int64(1)},
		})
	})
	if err != nil {
		t.Error(err)
	}
}

// TestPoolerKeepsNothing looks from outside at what the shared connections were
// left with.
func TestPoolerKeepsNothing(t *testing.T) {
	t.Parallel()
	url := storetest.Pooled(t)
	d := open(t, url)
	for _, durability := range []db.Durability{db.Synced, db.Relaxed} {
		err := d.Tx(t.Context(), durability, func(conn db.Conn) error {
			_, err := conn.Exec(t.Context(), "SELECT 1")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	bare, _, _ := strings.Cut(url, "&search_path=")
	other := open(t, bare+"&default_query_exec_mode=simple_protocol")
	err := other.Tx(t.Context(), db.Synced, func(conn db.Conn) error {
		for setting, want := range map[string]string{"synchronous_commit": "on", "search_path": `"$user", public`} {
			if got := first(t, conn, "SHOW "+setting); got != want {
				t.Errorf("%s is left at %s", setting, got)
			}
		}
		if n := first(t, conn, "SELECT count(*)::text FROM pg_prepared_statements"); n != "0" {
			t.Errorf("%s prepared statements are left", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPoolerRefuses has poolers that can not serve say so, with advice.
func TestPoolerRefuses(t *testing.T) {
	t.Parallel()
	direct := storetest.Postgres(t)
	full := storetest.Pooler(t, direct, "max_client_conn = 1")
	holder := open(t, full+"&pool_max_conns=2&application_name=holder")
	err := holder.Tx(t.Context(), db.Synced, func(conn db.Conn) error {
		if _, err := conn.Exec(t.Context(), "SELECT 1"); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		_, err := postgres.Open(ctx, full)
		return err
	})
	if err == nil {
		t.Error("a pooler without room let another in")
	}
	d := open(t, storetest.Pooler(t, direct, "pool_mode = statement"))
	err = d.Tx(t.Context(), db.Synced, func(conn db.Conn) error {
		_, err := conn.Exec(t.Context(), "SELECT 1")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "pool_mode to transaction") {
		t.Errorf("a pooler that shares connections between statements: %v", err)
	}
	if errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
