package storetest_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// TestMigrationsWithData goes up, down and up again with rows that point at
// each other in the tables.
func TestMigrationsWithData(t *testing.T) {
	t.Parallel()
	storetest.EachDriver(t, func(t *testing.T, open func() db.Driver) {
		d := open()
		for _, target := range []int{-1, 0, -1, 1, -1} {
			must(t, d.Migrate(t.Context(), target))
			have, newest, err := d.Version(t.Context())
			must(t, err)
			if target < 0 {
				target = newest
			}
			if have != target {
				t.Fatalf("schema %d, want %d", have, target)
			}
			if have == newest {
				record(t, store.Open(d), "conversation")
			}
		}
		if got := ask(t, d, "SELECT external FROM conversations"); len(got) != 1 {
			t.Errorf("got %v", got)
		}
	})
}

// record keeps an experience of a conversation that the client names.
func record(t testing.TB, s *store.Store, external string) learn.Experience {
	t.Helper()
	tenant, err := s.EnsureTenant(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	e := learn.Experience{
		Tenant: tenant.ID, External: external, Alias: learn.DefaultAlias, Origin: learn.OriginLive,
		Prompt: []byte(`[{"role":"user","content":"Why?"}]`),
		Answer: []byte(`{"role":"assistant","content":"Why not."}`),
	}
	e.Seal()
	if err := s.AddExperience(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	return keptAs(t, s, e)
}

// keptAs returns the experience that was kept in place of one: of the same
// identity, or of the same content where no conversation was named.
func keptAs(t testing.TB, s *store.Store, e learn.Experience) learn.Experience {
	t.Helper()
	rows, _, err := s.Experiences(t.Context(), e.Tenant, learn.ExperienceFilter{}, db.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(rows, func(row learn.Experience) bool {
		return row.Identity == e.Identity || e.External == "" && row.Content == e.Content
	})
	if at < 0 {
		t.Fatalf("%s was not kept", e.Identity)
	}
	return rows[at]
}

func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachDriver(t, func(t *testing.T, open func() db.Driver) {
		drivers := make([]db.Driver, 4)
		for i := range drivers {
			drivers[i] = open()
		}
		var all sync.WaitGroup
		for _, d := range drivers {
			all.Go(func() {
				if err := d.Migrate(t.Context(), -1); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		have, newest, err := drivers[0].Version(t.Context())
		if err != nil || have != newest {
			t.Fatalf("schema %d of %d, %v", have, newest, err)
		}
	})
}

func TestMigrateRefusesNewerSchema(t *testing.T) {
	t.Parallel()
	storetest.EachDriver(t, func(t *testing.T, open func() db.Driver) {
		d := open()
		must(t, d.Migrate(t.Context(), -1))
		record(t, store.Open(d), "kept")
		if d.Dialect() == db.Postgres {
			exec(t, d, "UPDATE schema_version SET version = 99")
		} else {
			exec(t, d, "PRAGMA user_version = 99")
		}
		for _, target := range []int{-1, 0, 1} {
			err := d.Migrate(t.Context(), target)
			if err == nil || !strings.Contains(err.Error(), "use the newer program") {
				t.Errorf("to %d: %v", target, err)
			}
		}
		if got := ask(t, d, "SELECT external FROM conversations"); len(got) != 1 {
			t.Errorf("got %v", got)
		}
	})
}

// TestOneSchema compares what both databases made of the migrations: tables,
// columns with type and NULL, views and indexes. How far tests move the clock is kept
// in each one's own way.
func TestOneSchema(t *testing.T) {
	t.Parallel()
	lite, large := storetest.SQLite(t).Driver(), storetest.PostgreSQL(t).Driver()
	for what, queries := range map[string][2]string{
		"columns": {
			`SELECT m.name || '.' || c.name || ' ' || lower(c.type)
				|| CASE WHEN c."notnull" OR c.pk > 0 THEN ' not null' ELSE '' END
				FROM sqlite_schema m, pragma_table_xinfo(m.name) c WHERE m.type = 'table'
				AND m.name <> 'clock_offset'`,
			`SELECT table_name || '.' || column_name || ' ' || data_type
				|| CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END
				FROM information_schema.columns
				WHERE table_schema = current_schema() AND table_name <> 'schema_version'
				AND table_name NOT IN (SELECT table_name FROM information_schema.views)`,
		},
		"views": {
			`SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c
				WHERE m.type = 'view' AND m.name <> 'clock'`,
			`SELECT table_name || '.' || column_name FROM information_schema.columns
				WHERE table_schema = current_schema() AND table_name IN (SELECT table_name FROM information_schema.views)`,
		},
		"indexes": {
			`SELECT i.name || ' on ' || m.name || CASE WHEN i."unique" THEN ' unique' ELSE '' END
				|| CASE WHEN i.partial THEN ' partial' ELSE '' END
				FROM sqlite_schema m, pragma_index_list(m.name) i WHERE m.type = 'table' AND i.origin = 'c'`,
			`SELECT c.relname || ' on ' || t.relname || CASE WHEN i.indisunique THEN ' unique' ELSE '' END
				|| CASE WHEN i.indpred IS NOT NULL THEN ' partial' ELSE '' END
				FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
				WHERE t.relnamespace = current_schema()::regnamespace
				AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)`,
		},
	} {
		a, b := ask(t, lite, queries[0]), ask(t, large, queries[1])
		slices.Sort(a)
		slices.Sort(b)
		if len(a) < 8 || !slices.Equal(a, b) {
			t.Errorf("%s in SQLite and PostgreSQL:\n%s\n\n%s", what, strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	}
}
