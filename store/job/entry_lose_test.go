package job_test

import (
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
)

// TestFinishLosesEntries ends an attempt whose entry was written although its
// worker never heard of it: nothing is left reserved for ever, and the end of
// one attempt does not touch what another has open. One that waits for a vendor
// has lost nothing: its training is under way.
func TestFinishLosesEntries(t *testing.T) {
	onEach(t, func(b bench) {
		held, other, waiting := b.run(job.NewJob{}), b.run(job.NewJob{}), b.run(job.NewJob{})
		for _, j := range []job.Job{held, other, waiting} {
			_, err := b.OpenEntry(ctx, book.Entry{Tenant: "ten_a", Job: j.ID, Step: "answer", Epoch: j.Epoch,
				Number: 1, Purpose: "chat", Provider: "p", Model: "m", Reserved: 100})
			b.must(err)
		}
		b.tx(func(q *store.Queries) error {
			_, err := storetest.FinishJob(ctx, q, job.Finish{Job: held.ID, Epoch: held.Epoch, To: job.StateQueued,
				Outcome: job.AttemptHandedBack})
			if err != nil {
				return err
			}
			_, err = storetest.FinishJob(ctx, q, job.Finish{Job: waiting.ID, Epoch: waiting.Epoch, To: job.StateWaiting,
				Outcome: string(job.StateWaiting), After: time.Hour})
			return err
		})
		want := map[string]book.EntryState{held.ID: book.EntryUnknown, other.ID: book.EntryOpen,
			waiting.ID: book.EntryOpen}
		for id, state := range want {
			b.must(b.JobEntries(ctx, id, func(e book.Entry) error {
				if e.State != state || (state == book.EntryUnknown) != (e.Cause == "left open") {
					b.t.Errorf("entry %+v, want %s", e, state)
				}
				return nil
			}))
		}
	})
}
