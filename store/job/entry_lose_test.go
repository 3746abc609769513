package job_test

import (
	"testing"
	"time"

	"dreamlab/store"
)

// TestFinishLosesEntries ends an attempt whose entry was written although its
// worker never heard of it: nothing is left reserved for ever, and the end of
// one attempt does not touch what another has open. One that waits for a vendor
// has lost nothing: its training is under way.
func TestFinishLosesEntries(t *testing.T) {
	onEach(t, func(b bench) {
		job, other, waiting := b.run(store.NewJob{}), b.run(store.NewJob{}), b.run(store.NewJob{})
		for _, j := range []store.Job{job, other, waiting} {
			_, err := b.OpenEntry(ctx, store.Entry{Tenant: "ten_a", Job: j.ID, Step: "answer", Epoch: j.Epoch,
				Number: 1, Purpose: "chat", Provider: "p", Model: "m", Reserved: 100})
			b.must(err)
		}
		b.tx(func(q *store.Queries) error {
			_, err := q.FinishJob(ctx, store.Finish{Job: job.ID, Epoch: job.Epoch, To: store.JobQueued,
				Outcome: store.AttemptHandedBack})
			if err != nil {
				return err
			}
			_, err = q.FinishJob(ctx, store.Finish{Job: waiting.ID, Epoch: waiting.Epoch, To: store.JobWaiting,
				Outcome: string(store.JobWaiting), After: time.Hour})
			return err
		})
		want := map[string]store.EntryState{job.ID: store.EntryUnknown, other.ID: store.EntryOpen,
			waiting.ID: store.EntryOpen}
		for id, state := range want {
			b.must(b.JobEntries(ctx, id, func(e store.Entry) error {
				if e.State != state || (state == store.EntryUnknown) != (e.Cause == "left open") {
					b.t.Errorf("entry %+v, want %s", e, state)
				}
				return nil
			}))
		}
	})
}
