package storetest_test

import (
	"testing"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
)

// eachBench runs a benchmark on every database.
func eachBench(b *testing.B, run func(b *testing.B, s *store.Store)) {
	b.Run("sqlite", func(b *testing.B) { run(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { run(b, storetest.PostgreSQL(b)) })
}

// BenchmarkAccept accepts jobs from 16 clients at once, each in a commit of its own.
func BenchmarkAccept(b *testing.B) {
	for name, durability := range map[string]db.Durability{"synced": db.Synced, "relaxed": db.Relaxed} {
		b.Run(name, func(b *testing.B) {
			eachBench(b, func(b *testing.B, s *store.Store) {
				b.SetParallelism(8) // times two cores
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						_, err := accept(b.Context(), s, durability, job.NewJob{
							Tenant: "ten_1", Kind: "chat.run", Lane: "chat", Input: []byte(`{"messages":[]}`),
						})
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
			})
		})
	}
}

// BenchmarkInsert inserts single rows from 16 clients at once.
func BenchmarkInsert(b *testing.B) {
	eachBench(b, func(b *testing.B, s *store.Store) {
		b.SetParallelism(8)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				effect := book.Effect{Job: db.NewID("job_"), Step: "answer", Response: []byte(`{}`)}
				if err := s.AddEffect(b.Context(), effect); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

// BenchmarkAddExperience keeps single experiences of one tenant, one after the
// other, on connections that knew the table while it was empty.
func BenchmarkAddExperience(b *testing.B) {
	for name, external := range map[string]string{"named": "talk", "own": ""} {
		b.Run(name, func(b *testing.B) {
			eachBench(b, func(b *testing.B, s *store.Store) {
				n := 0
				add := func() {
					e := said(external, n)
					n++
					err := s.Tx(b.Context(), db.Relaxed, func(q *store.Queries) error {
						return q.AddExperience(b.Context(), e)
					})
					if err != nil {
						b.Fatal(err)
					}
				}
				for range 6000 {
					add()
				}
				for b.Loop() {
					add()
				}
			})
		})
	}
}
