package job_test

import (
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
)

func TestDeadJobs(t *testing.T) {
	onEach(t, func(b bench) {
		failed := job.Finish{To: job.StateFailed, Outcome: "failed", Error: &job.Error{Code: "internal"}}
		first := b.run(job.NewJob{})
		b.finish(first, failed)
		second := b.run(job.NewJob{})
		b.finish(second, failed)
		b.finish(b.run(job.NewJob{}), job.Finish{To: job.StateSucceeded})
		b.finish(b.run(job.NewJob{}), job.Finish{To: job.StateCancelled})
		b.finish(b.run(job.NewJob{Attached: true}), failed)
		for name, tc := range map[string]struct {
			filter job.DeadFilter
			want   int
		}{
			"all": {job.DeadFilter{}, 2}, "tenant": {job.DeadFilter{Tenant: "ten_a"}, 2},
			"other tenant": {job.DeadFilter{Tenant: "ten_b"}, 0}, "noun": {job.DeadFilter{Noun: "chat"}, 2},
			"other noun": {job.DeadFilter{Noun: "cha"}, 0}, "code": {job.DeadFilter{Code: "internal"}, 2},
			"other code": {job.DeadFilter{Code: "invalid"}, 0}, "late": {job.DeadFilter{Within: time.Hour}, 2},
		} {
			found, more, err := b.DeadJobs(ctx, tc.filter, db.Page{})
			if err != nil || more || len(found) != tc.want {
				b.t.Errorf("%s: found %d, more %v, %v; want %d", name, len(found), more, err, tc.want)
			}
		}
		page, more, err := b.DeadJobs(ctx, job.DeadFilter{}, db.Page{Limit: 1})
		if err != nil || !more || page[0].ID != second.ID {
			b.t.Fatalf("the first page is %v, more %v, %v", page, more, err)
		}
		page, more, err = b.DeadJobs(ctx, job.DeadFilter{}, db.Page{Limit: 1, After: second.ID})
		if err != nil || more || page[0].ID != first.ID {
			b.t.Errorf("the second page is %v, more %v, %v", page, more, err)
		}
		b.must(b.ShiftClock(ctx, 2*time.Hour))
		late, _, err := b.DeadJobs(ctx, job.DeadFilter{Within: time.Hour}, db.Page{})
		if err != nil || len(late) > 0 {
			b.t.Errorf("of the last hour there are %v, %v", late, err)
		}
	})
}

func TestWhoHoldsWhat(t *testing.T) {
	onEach(t, func(b bench) {
		running := b.run(job.NewJob{})
		b.accept(job.NewJob{}) // dispatched
		b.accept(job.NewJob{RunAt: time.Now().Add(time.Minute)})
		if stuck, err := b.Stuck(ctx); err != nil || len(stuck) > 0 {
			b.t.Errorf("stuck are %v, %v", stuck, err)
		}
		held, err := b.Holders(ctx)
		if err != nil || len(held) != 1 || held[0].Worker != owner || held[0].Jobs != 1 || held[0].Lease <= 0 {
			b.t.Errorf("workers are %+v, %v", held, err)
		}
		queues, err := b.Queues(ctx)
		want := job.Queue{Tenant: "ten_a", Lane: "chat", Queued: 2, Held: 1}
		if err != nil || len(queues) != 1 || queues[0] != want {
			b.t.Errorf("tenants are %+v, %v", queues, err)
		}
		b.must(b.ShiftClock(ctx, time.Hour))
		stuck, err := b.Stuck(ctx)
		states := map[job.State]int{}
		for _, s := range stuck {
			states[s.State]++
			if s.For < 58*time.Minute || s.For > 61*time.Minute {
				b.t.Errorf("%s is stuck for %s", s.ID, s.For)
			}
		}
		one := states[job.StateRunning] == 1 && states[job.StateDispatched] == 1 && states[job.StateQueued] == 1
		if err != nil || !one || len(stuck) != 3 {
			b.t.Errorf("stuck are %+v, %v", stuck, err)
		}
		if held, err = b.Holders(ctx); err != nil || held[0].Lease >= 0 {
			b.t.Errorf("the lease of %s is left for %+v, %v", running.ID, held, err)
		}
	})
}

// TestWebhookDelivery has a job that somebody is told of, at each of its ends.
func TestWebhookDelivery(t *testing.T) {
	onEach(t, func(b bench) {
		deliveries := func(want int) []job.Job {
			b.t.Helper()
			jobs, _, err := b.Jobs(ctx, "ten_a", job.Filter{Noun: "webhook"}, db.Page{Ascending: true})
			if err != nil || len(jobs) != want {
				b.t.Fatalf("there are %d deliveries, %v; want %d", len(jobs), err, want)
			}
			return jobs
		}
		b.finish(b.run(job.NewJob{}), job.Finish{To: job.StateSucceeded})
		deliveries(0)
		j := b.run(job.NewJob{WebhookURL: "https://x"})
		b.finish(j, job.Finish{To: job.StateFailed, Error: &job.Error{Code: "internal"}})
		made := deliveries(1)[0]
		if own, _, err := b.Jobs(ctx, "ten_a", job.Filter{}, db.Page{}); err != nil || len(own) != 2 {
			b.t.Errorf("a list that asks for no kind has %d jobs, %v", len(own), err)
		}
		if made.Kind != job.DeliveryKind || string(made.Input) != `{"job":"`+j.ID+`","status":"failed"}` {
			b.t.Errorf("the delivery is %s of %s", made.Kind, made.Input)
		}
		b.tx(func(q *store.Queries) error { _, err := q.RetryJob(ctx, "ten_a", j.ID); return err })
		b.tx(func(q *store.Queries) error { _, err := q.CancelJob(ctx, "ten_a", j.ID); return err })
		if second := deliveries(2)[1]; string(second.Input) != `{"job":"`+j.ID+`","status":"cancelled"}` {
			b.t.Errorf("the second delivery is of %s", second.Input)
		}
		many := b.run(job.NewJob{WebhookURL: "https://x"})
		b.finish(many, job.Finish{To: job.StateSucceeded, Outcome: "succeeded"})
		deliveries(3)
	})
}
