// Package storetest is the conformance suite of the store: its tests run every
// noun on every database, and its helpers give other rooms' tests a fresh store
// on each. It is for tests alone.
package storetest

import (
	"context"
	"crypto/sha256"
	"path/filepath"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/store/postgres"
	"dreamlab/store/sqlite"
)

// Each runs a test on a fresh store of every database, in parallel: on SQLite
// always, once with what was said sealed, and on PostgreSQL, alone and behind PgBouncer, where
// they are installed (see Require).
func Each(t *testing.T, run func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachDriver(t, func(t *testing.T, open func() db.Driver) {
		run(t, migrated(t, open()))
	})
	t.Run("sealed", func(t *testing.T) {
		t.Parallel()
		run(t, Sealed(t))
	})
}

// EachStack runs a test on a fresh store of each stack, in parallel: on the embedded one's SQLite always, on PostgreSQL
// where it is installed (see Require). It is for what goes one way through the store many times, when a test of
// the same way runs by Each.
func EachStack(t *testing.T, run func(t *testing.T, s *store.Store)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": SQLite, "postgres": PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t))
		})
	}
}

// Sealed returns a fresh store in a file of its own, in which what was said is sealed.
func Sealed(t testing.TB) *store.Store {
	t.Helper()
	d := openSQLite(t, filepath.Join(t.TempDir(), "store.db"))
	prepare(t, d)
	return store.OpenSealed(d, Vault(t, "now"))
}

// Vault returns a vault whose keys have these ids, the first of which seals. The same id has the
// same key in each.
func Vault(t testing.TB, ids ...string) *db.Vault {
	t.Helper()
	keys := make([]db.SealKey, len(ids))
	for i, id := range ids {
		secret := sha256.Sum256([]byte(id))
		keys[i] = db.SealKey{ID: id, Secret: secret[:]}
	}
	v, err := db.NewVault(keys)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// EachDriver is Each for what has to open the same database several times: each
// call of open does, without touching the schema.
func EachDriver(t *testing.T, run func(t *testing.T, open func() db.Driver)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "store.db")
		run(t, func() db.Driver { return openSQLite(t, path) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := Postgres(t)
		run(t, func() db.Driver { return openPostgres(t, url) })
	})
	t.Run("pgbouncer", func(t *testing.T) {
		t.Parallel()
		url := Pooled(t)
		run(t, func() db.Driver { return openPostgres(t, url) })
	})
}

// SQLite returns a fresh store in a file of its own.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	return migrated(t, openSQLite(t, filepath.Join(t.TempDir(), "store.db")))
}

// PostgreSQL returns a fresh store in a schema of its own.
func PostgreSQL(t testing.TB) *store.Store {
	t.Helper()
	return migrated(t, openPostgres(t, Postgres(t)))
}

func openSQLite(t testing.TB, path string) db.Driver {
	t.Helper()
	d, err := sqlite.Open(context.Background(), path)
	return owned(t, d, err)
}

func openPostgres(t testing.TB, url string) db.Driver {
	t.Helper()
	d, err := postgres.Open(context.Background(), url)
	return recorder{owned(t, d, err)}
}

func owned(t testing.TB, d db.Driver, err error) db.Driver {
	t.Helper()
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

func migrated(t testing.TB, d db.Driver) *store.Store {
	t.Helper()
	prepare(t, d)
	return store.Open(d)
}

// prepare makes the schema of a test's store.
func prepare(t testing.TB, d db.Driver) {
	t.Helper()
	if err := d.Migrate(context.Background(), -1); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Exec(context.Background(), `UPDATE secrets SET value = '`+Secret+`'`); err != nil {
		t.Fatal(err)
	}
}

// Secret is the secret of a test's store, so that tests can choose what is held out.
const Secret = "a secret of tests"

// HeldOut tells whether a conversation of that id, "" for none, that begins with a question is
// held out in a test's store.
func HeldOut(external, question string) bool {
	prompt := plainjson.Of([]map[string]string{{"role": "user", "content": question}})
	return learn.HeldOut(Secret, learn.Experience{External: external, Prompt: prompt})
}
