package storetest_test

import (
	"os"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

// TestSealedTablesHoldNoPhrase dumps the database after a phrase was said in every place: the
// whole file of SQLite with its log, and every table of PostgreSQL.
func TestSealedTablesHoldNoPhrase(t *testing.T) {
	t.Parallel()
	storetest.EachDriver(t, func(t *testing.T, open func() db.Driver) {
		driver := open()
		must(t, driver.Migrate(t.Context(), -1))
		sayAll(t, store.OpenSealed(driver, storetest.Vault(t, "now")))
		for _, text := range dump(t, driver) {
			if strings.Contains(text, planted) {
				t.Errorf("a phrase can be read in %d bytes", len(text))
			}
		}
	})
}

// dump returns all that a database keeps.
func dump(t *testing.T, driver db.Driver) (all []string) {
	t.Helper()
	if driver.Dialect() == db.SQLite {
		path := ask(t, driver, `SELECT file FROM pragma_database_list WHERE name = 'main'`)[0]
		for _, file := range []string{path, path + "-wal"} {
			content, err := os.ReadFile(file)
			must(t, err)
			all = append(all, string(content))
		}
		return all
	}
	for _, table := range ask(t, driver, `SELECT table_name::text FROM information_schema.tables
		WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`) {
		all = append(all, ask(t, driver, `SELECT x::text FROM `+table+` x`)...)
	}
	return all
}
