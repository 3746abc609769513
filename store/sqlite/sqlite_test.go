package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a file with the newest schema.
func open(t *testing.T, path string) *Driver {
	t.Helper()
	d, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.Migrate(t.Context(), -1); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPathsAreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain.db", "a b?c#d%41&_pragma=x.db", "ä€.db", "file:x.db"} {
		path := filepath.Join(t.TempDir(), name)
		open(t, path)
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, text, filepath.Join(dir, "missing", "x.db")} {
		d, err := Open(t.Context(), path)
		if err == nil {
			t.Errorf("opened %s", path)
			d.Close()
			continue
		}
		if !strings.Contains(err.Error(), "open "+path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestReopened finds what was kept, and settings that a file does not keep.
func TestReopened(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	first := open(t, path)
	if _, err := store.Open(first).EnsureTenant(t.Context(), "kept"); err != nil {
		t.Fatal(err)
	}
	second := open(t, path)
	for query, want := range map[string]string{
		"SELECT name FROM tenants": "kept", "PRAGMA journal_mode": "wal", "PRAGMA foreign_keys": "1",
	} {
		var got string
		rows, err := second.Query(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			err = rows.Scan(&got)
		}
		if err := errors.Join(err, rows.Err(), rows.Close()); err != nil || got != want {
			t.Errorf("%s: got %q, %v", query, got, err)
		}
	}
}

// TestDeletedIsGone deletes half of many rows of all lengths, and looks for them in the files'
// bytes.
func TestDeletedIsGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open(t, filepath.Join(dir, "x.db"))
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := d.Exec(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE said (id INTEGER PRIMARY KEY, by TEXT, words TEXT)")
	exec("CREATE INDEX said_words ON said (words)")
	for i := range 600 {
		exec("INSERT INTO said (by, words) VALUES ($1, $2)", fmt.Sprint(i%2),
			fmt.Sprintf("token-%d-%03d %s", i%2, i, strings.Repeat("word ", i*7%1500)))
	}
	exec("UPDATE said SET words = 'short' WHERE by = '1' AND id % 3 = 0")
	exec("DELETE FROM said WHERE by = '1'")
	if err := d.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x.db", "x.db-wal"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "token-1-"); n > 0 {
			t.Errorf("%s still holds %d of them", name, n)
		}
		if name == "x.db" && !strings.Contains(string(text), "token-0-598") {
			t.Error("what was kept is gone")
		}
	}
}

// TestClosedTwice closes what is closed already.
func TestClosedTwice(t *testing.T) {
	t.Parallel()
	d := open(t, filepath.Join(t.TempDir(), "x.db")) // which is closed with the test, too
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestReadersDoNotWait reads while a transaction writes, and sees nothing of it.
func TestReadersDoNotWait(t *testing.T) {
	t.Parallel()
	s := store.Open(open(t, filepath.Join(t.TempDir(), "x.db")))
	err := s.Tx(t.Context(), db.Relaxed, func(q *store.Queries) error {
		if _, err := q.EnsureTenant(t.Context(), "later"); err != nil {
			return err
		}
		return s.Tenants(t.Context(), func(store.Tenant) error { return errors.New("read what was not committed") })
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWritersTakeTurns writes from many goroutines, by itself and in
// transactions.
func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	s := store.Open(open(t, filepath.Join(t.TempDir(), "x.db")))
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := range 10 {
				err := s.Tx(t.Context(), db.Durability(i%2), func(q *store.Queries) error {
					_, err := q.EnsureTenant(t.Context(), fmt.Sprint(i, " ", j))
					return err
				})
				if _, alone := s.EnsureTenant(t.Context(), fmt.Sprint(i, " ", j, " alone")); err != nil || alone != nil {
					t.Error(err, alone)
				}
			}
		})
	}
	all.Wait()
	n := 0
	err := s.Tenants(t.Context(), func(store.Tenant) error { n++; return nil })
	if err != nil || n != 320 {
		t.Fatalf("found %d, %v", n, err)
	}
}
