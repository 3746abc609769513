package storetest_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// BenchmarkLarge measures what a year of traffic must not slow down, over ten thousand rows of each
// table and over a million, or as many as DREAMLAB_ROWS says, and tells how many times as long it takes.
func BenchmarkLarge(b *testing.B) {
	large := 1_000_000
	if text := os.Getenv("DREAMLAB_ROWS"); text != "" {
		var err error
		if large, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	took := map[string]float64{} // seconds
	for _, rows := range []int{10_000, large} {
		b.Run(fmt.Sprint("rows=", rows), func(b *testing.B) {
			s := filled(b, rows)
			for name, run := range map[string]func(*testing.B){
				"accept": each(s, acceptOne), "list": each(s, listPage), "listOfAlias": each(s, listAlias), "usage": each(s, usageOfMonth),
				"usageByHour": each(s, usageByHour),
				"claim":       func(b *testing.B) { claimEach(b, s) },
				"forget":      func(b *testing.B) { forgetEach(b, s, rows) },
			} {
				b.Run(name, func(b *testing.B) {
					run(b)
					each := b.Elapsed().Seconds() / float64(b.N)
					if few, known := took[name]; known {
						b.ReportMetric(each/few, "times_10000_rows")
					}
					took[name] = each
				})
			}
		})
	}
}

// filled returns a store with so many rows in each table, of ninety days, whose usage is summed as upkeep
// sums it.
func filled(b *testing.B, rows int) *store.Store {
	s := storetest.PostgreSQL(b)
	fault(b, storetest.Fill(b.Context(), s.Driver(), storetest.Traffic{Rows: rows, Until: time.Now()}))
	for n := range 50 {
		for more := true; more; {
			fault(b, s.Tx(b.Context(), db.Relaxed, func(q *store.Queries) (err error) {
				more, err = q.SumUsage(b.Context(), fmt.Sprint("ten_", n))
				return err
			}))
		}
	}
	for _, statement := range []string{"VACUUM ANALYZE", "CHECKPOINT"} { // what was filled is written, and not while it is measured
		_, err := s.Driver().Exec(b.Context(), statement)
		fault(b, err)
	}
	return s
}

// each repeats a step.
func each(s *store.Store, run func(context.Context, *store.Store, int) error) func(*testing.B) {
	return func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			fault(b, run(b.Context(), s, n))
		}
	}
}

func fault(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

var largeJob = job.NewJob{Tenant: "ten_3", Kind: "chat.run", Lane: "chat", Alias: "assistant", Input: []byte(`{"messages":[]}`)}

func acceptOne(ctx context.Context, s *store.Store, _ int) error {
	_, err := accept(ctx, s, db.Relaxed, largeJob)
	return err
}

func listPage(ctx context.Context, s *store.Store, _ int) error {
	_, _, err := s.Jobs(ctx, "ten_3", job.Filter{Brief: true}, db.Page{Limit: 50})
	return err
}

func listAlias(ctx context.Context, s *store.Store, _ int) error {
	_, _, err := s.Jobs(ctx, "ten_3", job.Filter{Brief: true, Alias: "assistant", Status: "failed"}, db.Page{Limit: 50})
	return err
}

func usageOfMonth(ctx context.Context, s *store.Store, _ int) error {
	_, err := s.Spending(ctx, "ten_3", "day", time.Now().AddDate(0, 0, -30), time.Now())
	return err
}

func usageByHour(ctx context.Context, s *store.Store, _ int) error {
	_, err := s.SpendingIn(ctx, book.Span{
		Tenant: "ten_3", By: "model", Interval: book.Hourly, From: time.Now().AddDate(0, 0, -30), To: time.Now(),
	})
	return err
}

// claimEach claims and ends jobs that were accepted before, and measures the claim alone.
func claimEach(b *testing.B, s *store.Store) {
	room := map[string]job.Limits{"chat": {Window: 100_000, TenantCap: 100_000}}
	for b.Loop() {
		b.StopTimer()
		var accepted []job.Accepted
		fault(b, s.Tx(b.Context(), db.Relaxed, func(q *store.Queries) (err error) {
			fresh := largeJob
			fresh.Tenant = "ten_claims" // which has nothing queued, so that it is dispatched at once
			accepted, err = q.AcceptJobs(b.Context(), []job.NewJob{fresh}, room)
			return err
		}))
		refs := []job.Ref{{ID: accepted[0].Job.ID, Gen: accepted[0].Job.Gen}}
		b.StartTimer()
		var jobs []job.Job
		fault(b, s.Tx(b.Context(), db.Relaxed, func(q *store.Queries) (err error) { // as a worker does
			jobs, err = q.ClaimJobs(b.Context(), refs, "worker", time.Minute)
			return err
		}))
		b.StopTimer()
		if len(jobs) != 1 {
			b.Fatalf("claimed %d jobs", len(jobs))
		}
		fault(b, s.Tx(b.Context(), db.Relaxed, func(q *store.Queries) error {
			_, err := q.FinishJobs(b.Context(), []job.Finish{{Job: jobs[0].ID, Epoch: jobs[0].Epoch, Lane: "chat", NoFollowUps: true,
				To: job.StateSucceeded, Outcome: "succeeded"}})
			return err
		}))
		b.StartTimer()
	}
}

// forgetEach forgets a conversation of five answers after the other.
func forgetEach(b *testing.B, s *store.Store, rows int) {
	kinds := learn.Kinds{Chat: "chat.run", Import: "experience.import", Slice: "dream.slice", Reflect: "dream.reflect"}
	for n := 1; b.Loop(); n++ {
		if n >= rows/5 {
			b.Fatal("all is forgotten: use a smaller -benchtime")
		}
		tenant := fmt.Sprint("ten_", n%50)
		fault(b, s.Tx(b.Context(), db.Relaxed, func(q *store.Queries) error {
			found, err := q.Traces(b.Context(), tenant, fmt.Sprint("conv_", n), kinds)
			if err != nil {
				return err
			}
			if err := q.HoldConversation(b.Context(), tenant, found.Conversation); err != nil {
				return err
			}
			return q.Forget(b.Context(), tenant, found, kinds)
		}))
	}
}
