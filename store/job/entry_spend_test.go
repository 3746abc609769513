package job_test

import (
	"testing"

	"dreamlab/store/book"
	"dreamlab/store/job"
)

// TestSpendOfAFamily sums what a job cost with all that worked for it, two levels
// down, and of a job that works for another one its own.
func TestSpendOfAFamily(t *testing.T) {
	onEach(t, func(b bench) {
		pay := func(job job.Job, nano int64) {
			e := book.Entry{Tenant: "ten_a", Job: job.ID, Epoch: job.Epoch, Step: "a", Number: 1, Purpose: "replay",
				Provider: "groq", Model: "m", Reserved: nano}
			id, err := b.OpenEntry(ctx, e)
			b.must(err)
			e.ID, e.State, e.Settled = id, book.EntrySettled, nano
			b.must(b.EndEntry(ctx, e))
		}
		chat, top := b.run(job.NewJob{}), b.run(job.NewJob{})
		middle := b.run(job.NewJob{Parent: top.ID})
		low := b.run(job.NewJob{Parent: middle.ID})
		for i, job := range []job.Job{chat, top, middle, low} {
			pay(job, int64(1)<<i)
		}
		bill := book.Entry{Tenant: "ten_a", Job: low.ID, Step: "train", Purpose: "train", Provider: "p", Model: "m",
			State: book.EntrySettled, Settled: 16}
		b.must(b.AddEntry(ctx, bill))
		bill.Job, bill.ID = "", ""
		b.must(b.AddEntry(ctx, bill))
		want := map[string]int64{chat.ID: 1, top.ID: 2 + 4 + 8 + 16, middle.ID: 4, low.ID: 8 + 16}
		sums, err := b.JobSpends(ctx, []string{chat.ID, top.ID, middle.ID, low.ID, "job_none"})
		b.must(err)
		if len(sums) != len(want) {
			b.t.Errorf("sums are %+v", sums)
		}
		for job, nano := range want {
			one, err := b.JobSpend(ctx, job)
			if err != nil || one.Settled != nano || sums[job] != one {
				b.t.Errorf("%s cost %+v, %+v, want %d, %v", job, one, sums[job], nano, err)
			}
		}
	})
}
