package job_test

import (
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/job"
)

// TestLostLinesOfABatchDoNotAge has a worker die while an order is under way: what the vendor
// may still bill counts until it is known.
func TestLostLinesOfABatchDoNotAge(t *testing.T) {
	onEach(t, func(b bench) {
		job := b.run(job.NewJob{Kind: "batch.run", Lane: "chat"})
		id, err := b.OpenEntry(ctx, book.Entry{Tenant: "ten_a", Job: job.ID, Epoch: job.Epoch, Step: "line-1",
			Number: 1, Purpose: "replay", Provider: "p", Model: "m", Reserved: 100})
		b.must(err)
		b.must(b.EndEntry(ctx, book.Entry{ID: id, State: book.EntryUnknown, Cause: "lease expired"}))
		check := func(when string, want int64) {
			b.t.Helper()
			sum, err := b.Committed(ctx, "ten_a", "", time.Unix(0, 0))
			b.must(err)
			if sum != want {
				b.t.Errorf("%s: committed %d, want %d", when, sum, want)
			}
		}
		b.must(b.ShiftClock(ctx, 25*time.Hour))
		b.tx(func(q *store.Queries) error {
			n, err := q.AgeEntries(ctx, time.Hour)
			if n != 0 {
				b.t.Errorf("%d aged", n)
			}
			return err
		})
		check("after a day", 100)
		b.must(b.EndEntry(ctx, book.Entry{ID: id, State: book.EntrySettled, Settled: 40}))
		check("once it is known", 40)
	})
}

// TestLostTriesAge loses two tries, one of a training: after an hour the other
// counts against no budget any more, and is still shown. Who then learns what it
// cost books that, and nothing else.
func TestLostTriesAge(t *testing.T) {
	onEach(t, func(b bench) {
		job := b.run(job.NewJob{})
		open := func(purpose string, nano int64) string {
			id, err := b.OpenEntry(ctx, book.Entry{Tenant: "ten_a", Job: job.ID, Epoch: job.Epoch, Step: purpose,
				Number: 1, Purpose: purpose, Provider: "p", Model: "m", Reserved: nano})
			b.must(err)
			return id
		}
		lost, training := open("chat", 100), open("train", 1000)
		for _, id := range []string{lost, training} {
			b.must(b.EndEntry(ctx, book.Entry{ID: id, State: book.EntryUnknown, Cause: "timeout"}))
		}
		age := func() (n int) {
			b.tx(func(q *store.Queries) (err error) { n, err = q.AgeEntries(ctx, time.Hour); return err })
			return n
		}
		check := func(when string, committed, reserved, settled int64) {
			b.t.Helper()
			sum, err := b.Committed(ctx, "ten_a", "", time.Unix(0, 0))
			b.must(err)
			spend, err := b.JobSpend(ctx, job.ID)
			b.must(err)
			if sum != committed || spend.Reserved != reserved || spend.Settled != settled {
				b.t.Errorf("%s: committed %d, spend %+v; want %d, %d, %d", when, sum, spend, committed, reserved, settled)
			}
		}
		if n := age(); n != 0 {
			b.t.Errorf("%d aged at once", n)
		}
		check("at once", 1100, 1100, 0)
		b.must(b.ShiftClock(ctx, 61*time.Minute))
		if n := age(); n != 1 {
			b.t.Errorf("%d aged after an hour, want 1", n)
		}
		check("after an hour", 1000, 1100, 0)
		if n := age(); n != 0 {
			b.t.Errorf("%d aged twice", n)
		}
		b.must(b.EndEntry(ctx, book.Entry{ID: lost, State: book.EntrySettled, Settled: 70}))
		check("once it is known", 1070, 1000, 70)
	})
}
