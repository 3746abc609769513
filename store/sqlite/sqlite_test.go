package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	"dreamlab/store"
)

func TestMigrateUpAndDown(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d, err := Open(ctx, filepath.Join(t.TempDir(), "a b?.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, target := range []int{-1, 0, -1} {
		if err := d.Migrate(ctx, target); err != nil {
			t.Fatalf("migrate to %d: %v", target, err)
		}
	}
	have, newest, err := d.Version(ctx)
	if err != nil || have != newest {
		t.Fatalf("version %d of %d, %v", have, newest, err)
	}
	var n int
	rows, err := d.Query(ctx, store.Rebind(store.SQLite, "SELECT count(*) FROM {rows $1: a text, b bigint} WHERE a IN ({list $2}) AND b < {now}"),
		`[{"a":"x","b":1},{"a":"y","b":2}]`, `["x"]`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Close(); err != nil || n != 1 {
		t.Fatalf("got %d rows, %v", n, err)
	}
}
