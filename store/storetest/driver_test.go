package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(storetest.Suite{M: m}) }

func want(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want one that wraps %q", err, kind)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask reads the first column of every row as text.
func ask(t *testing.T, conn db.Conn, query string, args ...any) []string {
	t.Helper()
	rows, err := storetest.Bare(conn).Query(t.Context(), query, args...)
	must(t, err)
	defer rows.Close()
	var found []string
	for rows.Next() {
		var cell *string
		must(t, rows.Scan(&cell))
		if cell == nil {
			cell = new("NULL")
		}
		found = append(found, *cell)
	}
	must(t, rows.Err())
	return found
}

func exec(t *testing.T, conn db.Conn, query string, args ...any) {
	t.Helper()
	_, err := storetest.Bare(conn).Exec(t.Context(), query, args...)
	must(t, err)
}

func TestTxKeepsAllOrNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		broken := errors.New("broken")
		for _, durability := range []db.Durability{db.Synced, db.Relaxed, db.Synced} {
			err := s.Tx(t.Context(), durability, func(q *store.Queries) error {
				_, err := q.EnsureTenant(t.Context(), "gone")
				must(t, err)
				return broken
			})
			want(t, err, broken)
			must(t, s.Tx(t.Context(), durability, func(q *store.Queries) error {
				_, err := q.EnsureTenant(t.Context(), fmt.Sprint("kept ", durability))
				return err
			}))
		}
		got := ask(t, s.Driver(), "SELECT name FROM tenants ORDER BY 1")
		if strings.Join(got, ",") != "kept 0,kept 1" {
			t.Fatalf("got %v", got)
		}
	})
}

// TestTxSurvivesPanics runs more broken transactions than there are connections.
func TestTxSurvivesPanics(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for range 40 {
			func() {
				defer func() {
					if p := recover(); p != "broken" {
						t.Errorf("got panic %v", p)
					}
				}()
				must(t, s.Tx(ctx, db.Synced, func(*store.Queries) error { panic("broken") }))
			}()
		}
		must(t, s.Ping(ctx))
		_, err := s.EnsureTenant(ctx, "after")
		must(t, err)
	})
}

func TestTxEndsWithItsContext(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			err := s.Tx(ctx, db.Synced, func(q *store.Queries) error {
				_, err := q.EnsureTenant(ctx, "gone")
				must(t, err)
				cancel()
				_, err = q.EnsureTenant(ctx, "not even begun")
				return err
			})
			want(t, err, context.Canceled)
		}
		if got := ask(t, s.Driver(), "SELECT name FROM tenants"); len(got) > 0 {
			t.Fatalf("got %v", got)
		}
	})
}

func TestDurabilityOfCommits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		setting := map[db.Dialect]string{
			db.Postgres: "SHOW synchronous_commit", db.SQLite: "PRAGMA synchronous",
		}[s.Dialect()]
		// As each database calls it: FULL is 2 and NORMAL is 1 (sqlite.org/pragma.html).
		names := map[db.Dialect][2]string{db.Postgres: {"on", "off"}, db.SQLite: {"2", "1"}}[s.Dialect()]
		for _, durability := range []db.Durability{db.Synced, db.Relaxed, db.Synced} {
			err := s.Driver().Tx(t.Context(), durability, func(conn db.Conn) error {
				if got := ask(t, conn, setting); got[0] != names[durability] {
					t.Errorf("durability %d: %s is %s", durability, setting, got[0])
				}
				return nil
			})
			must(t, err)
		}
	})
}

// TestLockedIsBusy holds a row (the whole file, in SQLite) that another
// connection wants: it must have its answer by its deadline.
func TestLockedIsBusy(t *testing.T) {
	t.Parallel()
	storetest.EachDriver(t, func(t *testing.T, open func() db.Driver) {
		holder, other := open(), open()
		must(t, holder.Migrate(t.Context(), -1))
		exec(t, holder, "INSERT INTO tenants (id, name, created) VALUES ('ten_1', 'a', 1)")
		err := holder.Tx(t.Context(), db.Synced, func(conn db.Conn) error {
			exec(t, conn, "UPDATE tenants SET name = 'b'")
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := other.Exec(ctx, "UPDATE tenants SET name = 'c'")
			want(t, err, db.ErrBusy)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("the answer took %v", took)
			}
			if got := ask(t, other, "SELECT name FROM tenants"); got[0] != "a" {
				t.Errorf("readers must not wait, and got %v", got)
			}
			return nil
		})
		must(t, err)
		exec(t, other, "UPDATE tenants SET name = 'c'")
	})
}

// TestLockedWithoutDeadline waits no longer than a driver's own limit, five seconds.
func TestLockedWithoutDeadline(t *testing.T) {
	t.Parallel()
	storetest.EachDriver(t, func(t *testing.T, open func() db.Driver) {
		holder, other := open(), open()
		must(t, holder.Migrate(t.Context(), -1))
		must(t, holder.Tx(t.Context(), db.Synced, func(conn db.Conn) error {
			exec(t, conn, "INSERT INTO tenants (id, name, created) VALUES ('ten_1', 'a', 1)")
			_, err := other.Exec(t.Context(), "INSERT INTO tenants (id, name, created) VALUES ('ten_1', 'b', 1)")
			want(t, err, db.ErrBusy)
			return nil
		}))
	})
}

// TestVictimsRunAgain lets transactions lock two rows crosswise: some are
// victims of deadlocks, and all succeed in the end.
func TestVictimsRunAgain(t *testing.T) {
	t.Parallel()
	storetest.EachDriver(t, func(t *testing.T, open func() db.Driver) {
		d := open()
		must(t, d.Migrate(t.Context(), -1))
		exec(t, d, "INSERT INTO tenants (id, name, created) VALUES ('ten_0', 'a', 0), ('ten_1', 'b', 0)")
		var runs [2]int
		var all, first sync.WaitGroup
		first.Add(len(runs))
		for i := range runs {
			all.Go(func() {
				err := d.Tx(t.Context(), db.Synced, func(conn db.Conn) error {
					runs[i]++
					if _, err := conn.Exec(t.Context(), raise, fmt.Sprint("ten_", i)); err != nil {
						return err
					}
					if d.Dialect() == db.Postgres && runs[i] == 1 {
						first.Done()
						first.Wait() // until both hold their first row
					}
					_, err := conn.Exec(t.Context(), raise, fmt.Sprint("ten_", 1-i))
					return err
				})
				if err != nil {
					t.Errorf("transaction %d: %v", i, err)
				}
			})
		}
		all.Wait()
		if got := ask(t, d, "SELECT CAST(created AS TEXT) FROM tenants"); strings.Join(got, " ") != "2 2" {
			t.Errorf("got %v", got)
		}
		if sum := runs[0] + runs[1]; d.Dialect() == db.Postgres && sum < 3 {
			t.Errorf("ran %v times: no deadlock was met", runs)
		}
	})
}

const raise = "UPDATE tenants SET created = created + 1 WHERE id = $1"

func TestUniqueIsConflict(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		exec(t, s.Driver(), "INSERT INTO tenants (id, name, created) VALUES ('ten_1', 'a', 1)")
		for _, values := range []string{"('ten_1', 'b', 1)", "('ten_2', 'a', 1)"} {
			_, err := s.Driver().Exec(t.Context(), "INSERT INTO tenants (id, name, created) VALUES "+values)
			want(t, err, db.ErrConflict)
			rows, err := s.Driver().Query(t.Context(),
				"INSERT INTO tenants (id, name, created) VALUES "+values+" RETURNING id")
			if err == nil {
				for rows.Next() {
					t.Error("a row was answered")
				}
				err = errors.Join(rows.Err(), rows.Close())
			}
			want(t, err, db.ErrConflict)
		}
	})
}

// TestTextIsKeptOrRefused keeps every text that JSON can hold, and refuses the
// rest alike on every database.
func TestTextIsKeptOrRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, name := range []string{
			"", "ä €\U0001F319", `\u0000`, "'; DROP TABLE tenants; --", "a\r\n\t\x01", "{now}", "\ufffd",
			strings.Repeat("x", 1000),
		} {
			kept, err := s.EnsureTenant(t.Context(), name)
			if err != nil || kept.Name != name {
				t.Fatalf("%.40q: %.60q, %v", name, kept.Name, err)
			}
		}
		for _, name := range []string{"\x00", "a\x00b", "\xff", "\xed\xa0\x80", "a\xc3"} {
			_, err := s.EnsureTenant(t.Context(), name)
			want(t, err, db.ErrText)
		}
		err := s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
			_, err := q.EnsureTenant(t.Context(), "\x00")
			want(t, err, db.ErrText)
			_, err = q.EnsureTenant(t.Context(), "the transaction goes on")
			return err
		})
		must(t, err)
	})
}

// TestValuesComeBack sends every type that a Conn promises through a table.
func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		must(t, s.Driver().Tx(t.Context(), db.Synced, func(conn db.Conn) error {
			exec(t, conn, "CREATE TABLE kinds (n BIGINT, s TEXT, b BOOLEAN, f DOUBLE PRECISION)")
			large, some, yes := int64(-1<<63), "x", true
			exec(t, conn, "INSERT INTO kinds VALUES ($1, $2, $3, $4)", large, some, yes, 0.1)
			exec(t, conn, "INSERT INTO kinds VALUES ($1, $2, $3, $4)", &large, &some, &yes, nil)
			exec(t, conn, "INSERT INTO kinds VALUES ($1, $2, $3, $4)",
				nil, (*string)(nil), (*bool)(nil), (*float64)(nil))
			rows, err := conn.Query(t.Context(), "SELECT n, s, b, f FROM kinds")
			must(t, err)
			for i := 0; rows.Next(); i++ {
				var n *int64
				var s *string
				var b *bool
				var f *float64
				must(t, rows.Scan(&n, &s, &b, &f))
				if i == 2 && (n != nil || s != nil || b != nil || f != nil) {
					t.Errorf("NULL came back as %v %v %v %v", n, s, b, f)
				}
				if i < 2 && (*n != large || *s != some || !*b) {
					t.Errorf("got %d %s %t", *n, *s, *b)
				}
			}
			return errors.Join(rows.Err(), rows.Close())
		}))
	})
}

// TestRowsCanBeLeft closes rows early, more often than there are connections.
func TestRowsCanBeLeft(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i := range 40 {
			_, err := s.EnsureTenant(t.Context(), fmt.Sprint(i))
			must(t, err)
		}
		enough := errors.New("enough")
		for range 40 {
			want(t, s.Tenants(t.Context(), func(store.Tenant) error { return enough }), enough)
		}
		must(t, s.Ping(t.Context()))
	})
}
