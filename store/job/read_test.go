package job_test

import (
	"slices"
	"testing"
	"time"

	"dreamlab/store"
)

// ofEachState makes a job in every state and returns their ids by the state that
// the API shows.
func (b bench) ofEachState() map[string][]string {
	input := []byte(`{"messages":[]}`)
	failed := &store.JobError{Code: "internal"}
	made := map[string][]string{}
	add := func(status string, job store.Job) { made[status] = append(made[status], job.ID) }
	end := func(f store.Finish) store.Job {
		job := b.run(store.NewJob{Input: input})
		b.finish(job, f)
		return job
	}
	add("queued", b.accept(store.NewJob{Input: input, RunAt: time.Now().Add(time.Hour)})[0].Job)
	add("queued", b.accept(store.NewJob{Input: input, Lane: "dream", Kind: "dream.plan"})[0].Job) // its lane has no room
	add("queued", b.accept(store.NewJob{Input: input})[0].Job)                                    // dispatched
	add("running", b.run(store.NewJob{Input: input}))
	add("waiting", end(store.Finish{To: store.JobWaiting, After: time.Hour}))
	add("waiting", b.accept(store.NewJob{Input: input, Waiting: true})[0].Job)
	add("succeeded", end(store.Finish{To: store.JobSucceeded, Result: []byte(`{}`)}))
	add("failed", end(store.Finish{To: store.JobFailed, Error: failed}))
	add("cancelled", end(store.Finish{To: store.JobCancelled}))
	return made
}

// TestJobsByStatus lists the jobs of each status, whole and brief.
func TestJobsByStatus(t *testing.T) {
	onEach(t, func(b bench) {
		for status, want := range b.ofEachState() {
			for _, brief := range []bool{false, true} {
				found, _, err := b.Jobs(ctx, "ten_a", store.JobFilter{Status: status, Brief: brief}, store.Page{})
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
		got := map[store.JobState]int{}
		for _, c := range counts {
			got[c.State] += c.Jobs
		}
		if got[store.JobQueued] != 2 || got[store.JobDispatched] != 1 || got[store.JobRunning] != 1 ||
			got[store.JobWaiting] != 2 || len(got) != 4 {
			b.t.Errorf("open are %v", got)
		}
		queues, err := b.Queues(ctx)
		b.must(err)
		want := []store.Queue{
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
		b.accept(store.NewJob{Lane: "dream", Kind: "dream.plan", RunAt: time.Now().Add(48 * time.Hour)})
		b.run(store.NewJob{})
		b.must(b.ShiftClock(ctx, time.Hour))
		for _, step := range []struct {
			lane string
			want bool
		}{{"chat", false}, {"dream", false}} {
			if has, err := b.HasWaiting(ctx, step.lane, time.Minute); err != nil || has != step.want {
				b.t.Errorf("%s waits: %v, %v", step.lane, has, err)
			}
		}
		b.accept(store.NewJob{})                                   // dispatched
		b.accept(store.NewJob{Lane: "dream", Kind: "dream.slice"}) // queued
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
