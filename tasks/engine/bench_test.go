package engine

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

func benchOnBoth(b *testing.B, o Options, run func(b *testing.B, r *rig)) {
	b.Run("embedded", func(b *testing.B) {
		run(b, newRig(b, o, storetest.SQLite(b), storetest.EmbeddedQueue(b).Client))
	})
	b.Run("production", func(b *testing.B) {
		run(b, newRig(b, o, storetest.PostgreSQL(b), storetest.RedisQueue(b).Client))
	})
}

// BenchmarkPickup measures from the call of Accept to the handler's start, on
// idle workers.
func BenchmarkPickup(b *testing.B) {
	benchOnBoth(b, Options{}, func(b *testing.B, r *rig) {
		started := make(chan time.Time, 1)
		r.work(func(context.Context, *tasks.Run) (*tasks.End, error) {
			started <- time.Now()
			return nil, nil
		})
		r.start(r.Reconciler().Run)
		var took []time.Duration
		for b.Loop() {
			began := time.Now()
			job := r.accept(job.NewJob{})
			took = append(took, (<-started).Sub(began))
			b.StopTimer()
			r.ended(job)
			b.StartTimer()
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
	})
}

// BenchmarkAccept measures accepts from 64 goroutines, in a lane that is full.
func BenchmarkAccept(b *testing.B) {
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Concurrency: 1, Window: 1}}
	benchOnBoth(b, Options{Lanes: lanes}, func(b *testing.B, r *rig) {
		var left atomic.Int64
		left.Store(int64(b.N))
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				for left.Add(-1) >= 0 {
					r.accept(job.NewJob{Input: text(`{"request":{"messages":[{"role":"user","content":"hello"}]}}`)})
				}
			})
		}
		all.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	})
}

// BenchmarkWork measures jobs from accept to their end, from 64 clients at once
// over three tenants.
func BenchmarkWork(b *testing.B) {
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Concurrency: 64}}
	benchOnBoth(b, Options{Lanes: lanes}, func(b *testing.B, r *rig) {
		var ended sync.WaitGroup
		ended.Add(b.N)
		r.work(func(context.Context, *tasks.Run) (*tasks.End, error) {
			return &tasks.End{Then: func(context.Context) error { ended.Done(); return nil }}, nil
		})
		r.start(r.Reconciler().Run)
		var left atomic.Int64
		left.Store(int64(b.N))
		var all sync.WaitGroup
		b.ResetTimer()
		for i := range 64 {
			tenant := string(rune('a' + i%3))
			all.Go(func() {
				for left.Add(-1) >= 0 {
					r.accept(job.NewJob{Tenant: tenant})
				}
			})
		}
		all.Wait()
		ended.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	})
}
