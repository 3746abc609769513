package store_test

import (
	"testing"

	"dreamlab/store"
)

// TestFinishLosesEntries ends an attempt whose entry was written although its
// worker never heard of it: nothing is left reserved for ever, and the end of
// one attempt does not touch what another has open.
func TestFinishLosesEntries(t *testing.T) {
	onEach(t, func(b bench) {
		job, other := b.run(store.NewJob{}), b.run(store.NewJob{})
		for _, j := range []store.Job{job, other} {
			_, err := b.OpenEntry(ctx, store.Entry{Tenant: "ten_a", Job: j.ID, Step: "answer", Epoch: j.Epoch,
				Number: 1, Purpose: "chat", Provider: "p", Model: "m", Reserved: 100})
			b.must(err)
		}
		b.tx(func(q *store.Queries) error {
			_, err := q.FinishJob(ctx, store.Finish{Job: job.ID, Epoch: job.Epoch, To: store.JobQueued,
				Outcome: store.AttemptHandedBack})
			return err
		})
		want := map[string]store.EntryState{job.ID: store.EntryUnknown, other.ID: store.EntryOpen}
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
