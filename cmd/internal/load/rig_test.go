package load

import (
	"context"
	"strings"
	"testing"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

// TestSchemaKeepsOptions checks that the options of the database's URL apply to the
// schema of a load, too.
func TestSchemaKeepsOptions(t *testing.T) {
	t.Parallel()
	var r rig
	url, err := r.schema(t.Context(), storetest.Postgres(t)+"&options=-c%20statement_timeout%3D77s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.closes[0](context.Background()); err != nil {
			t.Error(err)
		}
	})
	s, err := boot.OpenStore(t.Context(), &config.Config{Database: url})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	var timeout, schema string
	err = s.Tx(t.Context(), db.Relaxed, func(q *store.Queries) error {
		return q.One(t.Context(), "SELECT current_setting('statement_timeout'), current_schema()", nil, &timeout, &schema)
	})
	if err != nil || timeout != "77s" || !strings.HasPrefix(schema, "bench_") {
		t.Errorf("statement_timeout %q in schema %q, %v", timeout, schema, err)
	}
}
