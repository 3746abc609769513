package job_test

import (
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/job"
)

func TestBacklog(t *testing.T) {
	onEach(t, func(b bench) {
		b.finish(b.run(job.NewJob{}), job.Finish{To: job.StateSucceeded})
		j := job.NewJob{Tenant: "ten_a", Kind: "chat.run", Lane: "chat"}
		waits, other := j, j
		waits.Attached, waits.Priority = true, 9
		other.Tenant = "ten_b"
		b.tx(func(q *store.Queries) error {
			_, err := q.AcceptJobs(ctx, []job.NewJob{j, j, waits, other}, nil)
			return err
		})
		b.must(b.ShiftClock(ctx, time.Minute))
		for atMost, want := range map[int]int{10: 3, 2: 2} {
			got, err := b.Backlog(ctx, "ten_a", "chat", atMost)
			b.must(err)
			if got.Queued != want || got.Oldest < time.Minute || got.Oldest > 2*time.Minute {
				b.t.Errorf("of at most %d there wait %+v", atMost, got)
			}
		}
		if got, err := b.Backlog(ctx, "ten_b", "chat", 10); err != nil || got != (job.Backlog{Queued: 1}) {
			b.t.Errorf("another tenant's is %+v, %v", got, err)
		}
		for lane, want := range map[string]int{"chat": 1, "dream": 0} {
			if got, err := b.Ended(ctx, "ten_a", lane, time.Hour); err != nil || got != want {
				b.t.Errorf("in %s there ended %d, %v; want %d", lane, got, err, want)
			}
		}
	})
}
