package job_test

import (
	"slices"
	"testing"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// ofEachState makes a job in every state and returns their ids by the state that
// the API shows.
func (b bench) ofEachState() map[string][]string {
	input := []byte(`{"messages":[]}`)
	failed := &job.Error{Code: "internal"}
	made := map[string][]string{}
	add := func(status string, job job.Job) { made[status] = append(made[status], job.ID) }
	end := func(f job.Finish) job.Job {
		job := b.run(job.NewJob{Input: input})
		b.finish(job, f)
		return job
	}
	add("queued", b.accept(job.NewJob{Input: input, RunAt: time.Now().Add(time.Hour)})[0].Job)
	add("queued", b.accept(job.NewJob{Input: input, Lane: "dream", Kind: "dream.plan"})[0].Job) // its lane has no room
	add("queued", b.accept(job.NewJob{Input: input})[0].Job)                                    // dispatched
	add("running", b.run(job.NewJob{Input: input}))
	add("waiting", end(job.Finish{To: job.StateWaiting, After: time.Hour}))
	add("waiting", b.accept(job.NewJob{Input: input, Waiting: true})[0].Job)
	add("succeeded", end(job.Finish{To: job.StateSucceeded, Result: []byte(`{}`)}))
	add("failed", end(job.Finish{To: job.StateFailed, Error: failed}))
	add("cancelled", end(job.Finish{To: job.StateCancelled}))
	return made
}

// TestJobsByStatus lists the jobs of each status, whole and brief.
func TestJobsByStatus(t *testing.T) {
	onEach(t, func(b bench) {
		for status, want := range b.ofEachState() {
			for _, brief := range []bool{false, true} {
				found, _, err := b.Jobs(ctx, "ten_a", job.Filter{Status: status, Brief: brief}, db.Page{})
				b.must(err)
				var ids []string
				for _, job := range found {
					ids = append(ids, job.ID)
					if bare := len(job.Input)+len(job.Result) == 0; bare != brief {
						b.t.Errorf("a %s job came with input %q and result %q", status, job.Input, job.Result)
					}
				}
				slices.Sort(ids)
				slices.Sort(want)
				if !slices.Equal(ids, want) {
					b.t.Errorf("%s are %v, want %v", status, ids, want)
				}
			}
		}
	})
}

// TestOpenJobs counts each job that has not ended once, by lane and by tenant.
func TestOpenJobs(t *testing.T) {
	onEach(t, func(b bench) {
		b.ofEachState()
		counts, err := b.LaneCounts(ctx)
		b.must(err)
		got := map[job.State]int{}
		for _, c := range counts {
			got[c.State] += c.Jobs
		}
		if got[job.StateQueued] != 2 || got[job.StateDispatched] != 1 || got[job.StateRunning] != 1 ||
			got[job.StateWaiting] != 2 || len(got) != 4 {
			b.t.Errorf("open are %v", got)
		}
		queues, err := b.Queues(ctx)
		b.must(err)
		want := []job.Queue{
			{Tenant: "ten_a", Lane: "chat", Queued: 2, Held: 1, Waits: 2}, {Tenant: "ten_a", Lane: "dream", Queued: 1},
		}
		if !slices.Equal(queues, want) {
			b.t.Errorf("queues are %+v", queues)
		}
	})
}

// TestHasWaiting tells by the clock whether a job waits for too long, one that is
// not due yet aside.
func TestHasWaiting(t *testing.T) {
	onEach(t, func(b bench) {
		b.accept(job.NewJob{Lane: "dream", Kind: "dream.plan", RunAt: time.Now().Add(48 * time.Hour)})
		b.run(job.NewJob{})
		b.must(b.ShiftClock(ctx, time.Hour))
		for lane, want := range map[string]bool{"chat": true, "dream": false} {
			if has, err := b.HasRunning(ctx, lane); err != nil || has != want {
				b.t.Errorf("%s runs: %v, %v", lane, has, err)
			}
		}
		for _, step := range []struct {
			lane string
			want bool
		}{{"chat", false}, {"dream", false}} {
			if has, err := b.HasWaiting(ctx, step.lane, time.Minute); err != nil || has != step.want {
				b.t.Errorf("%s waits: %v, %v", step.lane, has, err)
			}
		}
		b.accept(job.NewJob{})                                   // dispatched
		b.accept(job.NewJob{Lane: "dream", Kind: "dream.slice"}) // queued
		for ahead, want := range map[time.Duration]bool{time.Hour: false, 2 * time.Hour: true} {
			b.must(b.ShiftClock(ctx, ahead))
			for _, lane := range []string{"chat", "dream", "tune"} {
				has, err := b.HasWaiting(ctx, lane, time.Minute)
				if err != nil || has != (want && lane != "tune") {
					b.t.Errorf("after %v %s waits: %v, %v", ahead, lane, has, err)
				}
			}
		}
	})
}
