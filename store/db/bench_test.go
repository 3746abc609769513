package db_test

import (
	"fmt"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

// BenchmarkCopy imports 10,000 rows in one transaction, where they are new.
func BenchmarkCopy(b *testing.B) {
	const rows = 10_000
	for name, open := range map[string]func(testing.TB) *store.Store{
		"sqlite": storetest.SQLite, "postgres": storetest.PostgreSQL,
	} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			for b.Loop() {
				err := s.Tx(b.Context(), db.Synced, func(q *store.Queries) error {
					_, err := q.CopyNew(b.Context(), "effects", effectColumns, effects(rows, nil))
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkPages reads a page deep in a list of 10,000.
func BenchmarkPages(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{
		"sqlite": storetest.SQLite, "postgres": storetest.PostgreSQL,
	} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			fill(b, s, "ten_1", 10_000)
			for b.Loop() {
				page, _, err := s.Files(b.Context(), "ten_1", db.Filter{}, db.Page{After: fmt.Sprintf("file-%06d", 500)})
				if err != nil || len(page) != 20 {
					b.Fatal(len(page), err)
				}
			}
		})
	}
}
