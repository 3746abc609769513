package job_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
)

// queue accepts n jobs of a tenant that all have to wait.
func (b bench) queue(tenant string, n int) []job.Accepted {
	b.t.Helper()
	jobs := make([]job.NewJob, n)
	for i := range jobs {
		jobs[i] = job.NewJob{Tenant: tenant, Kind: "chat.run", Lane: "chat"}
	}
	var out []job.Accepted
	b.tx(func(q *store.Queries) (err error) {
		out, err = q.AcceptJobs(ctx, jobs, nil)
		return err
	})
	return out
}

// turn picks as many jobs as the lane has room for.
func (b bench) turn(room job.Limits) []job.Ref {
	b.t.Helper()
	var refs []job.Ref
	b.tx(func(q *store.Queries) error {
		picked, err := q.PickJobs(ctx, "chat", room)
		if err != nil || len(picked) == 0 {
			return err
		}
		for _, p := range picked {
			refs = append(refs, job.Ref{ID: p.ID, Gen: p.Gen})
		}
		return q.MarkDispatched(ctx, picked)
	})
	return refs
}

// serve gives n jobs their turn, ends them, and returns their tenants in the
// order of the turns.
func (b bench) serve(n int) []string {
	b.t.Helper()
	refs := b.turn(job.Limits{Window: n, TenantCap: n})
	if len(refs) == 0 {
		return nil
	}
	tenants := map[string]string{}
	b.tx(func(q *store.Queries) error {
		jobs, err := q.ClaimJobs(ctx, refs, owner, time.Minute)
		if err != nil {
			return err
		}
		var ends []job.Finish
		for _, j := range jobs {
			tenants[j.ID] = j.Tenant
			ends = append(ends, job.Finish{Job: j.ID, Epoch: j.Epoch, Lane: j.Lane, NoFollowUps: true,
				To: job.StateSucceeded, Outcome: "succeeded"})
		}
		_, err = q.FinishJobs(ctx, ends)
		return err
	})
	var served []string
	for _, ref := range refs {
		served = append(served, tenants[ref.ID])
	}
	return served
}

func count(tenants []string) map[string]int {
	n := map[string]int{}
	for _, tenant := range tenants {
		n[tenant]++
	}
	return n
}

// TestTurnsByWeight has a few tenants contend in rounds of changing size: each
// one's share of the turns is its weight's.
func TestTurnsByWeight(t *testing.T) {
	onEach(t, func(b bench) {
		for run, weights := range [][]int{{1, 1}, {3, 1}, {1, 5, 2}, {2, 3, 4, 1}} {
			sum := 0
			name := func(i int) string { return fmt.Sprintf("ten_%d_%d", run, i) }
			for i, weight := range weights {
				b.must(b.SetShare(ctx, job.Share{Lane: "chat", Tenant: name(i), Weight: weight}))
				b.queue(name(i), 60)
				sum += weight
			}
			var all []string
			for _, places := range []int{1, 7, 2, 10, 3, 9, 1, 8, 5, 4} {
				all = append(all, b.serve(places)...)
			}
			served := count(all)
			for i, weight := range weights {
				want := float64(len(all)) * float64(weight) / float64(sum)
				if got := float64(served[name(i)]); math.Abs(got-want) > max(1.5, want/10) {
					b.t.Errorf("weight %d of %v had %.0f turns of %d, want %.1f", weight, weights, got, len(all), want)
				}
			}
			for len(b.serve(100)) > 0 { // the next ones start with an empty lane
				continue
			}
		}
	})
}

// crowd is more tenants than one round looks at.
const crowd = 140

// crowded queues jobs of a crowd, of which every tenth has weight 3.
func (b bench) crowded(each int) {
	b.t.Helper()
	for i := range crowd {
		tenant := fmt.Sprintf("ten_%03d", i)
		if i%10 == 0 {
			b.must(b.SetShare(ctx, job.Share{Lane: "chat", Tenant: tenant, Weight: 3}))
		}
		b.queue(tenant, each)
	}
}

// TestTurnsInACrowd serves a crowd by weight, a newcomer before the others have
// had two turns, and none that has gone.
func TestTurnsInACrowd(t *testing.T) {
	onEach(t, func(b bench) {
		b.crowded(12)
		var all []string
		for range 20 { // 3 turns of weight 1: 126 tenants of it, 14 of weight 3
			all = append(all, b.serve(25)...)
		}
		if len(all) != 500 {
			b.t.Fatalf("%d turns of 500", len(all))
		}
		served := count(all)
		for i := range crowd {
			tenant, want := fmt.Sprintf("ten_%03d", i), 3
			if i%10 == 0 {
				want = 9
			}
			if got := served[tenant]; got < want-1 || got > want+1 {
				b.t.Errorf("%s had %d turns, want about %d", tenant, got, want)
			}
		}
		for _, newcomer := range []string{"ten_", "ten_070x", "ten_z"} {
			b.queue(newcomer, 1)
			var since []string
			for rounds := 0; count(since)[newcomer] == 0; rounds++ {
				if rounds == 10 {
					b.t.Fatalf("%s waits after %d turns of others", newcomer, len(since))
				}
				since = append(since, b.serve(25)...)
			}
			for tenant, n := range count(since) {
				if n > 6 { // of weight 3
					b.t.Errorf("%s waited while %s had %d turns", newcomer, tenant, n)
				}
			}
		}
	})
}

// TestCrowdThatLeft fills all places although most of those that were noted
// to wait wait no more, and keeps to the caps.
func TestCrowdThatLeft(t *testing.T) {
	onEach(t, func(b bench) {
		b.crowded(2)
		b.serve(10)
		b.serve(10)
		for i := range crowd - 5 {
			b.cancelAll(fmt.Sprintf("ten_%03d", i))
		}
		room := job.Limits{Window: 8, TenantCap: 1}
		refs := b.turn(room)
		if len(refs) != 5 {
			b.t.Errorf("at a cap of one there went %d of five tenants' jobs", len(refs))
		}
		if more := b.turn(room); len(more) > 0 {
			b.t.Errorf("over the cap went %v", more)
		}
		b.tx(func(q *store.Queries) error { _, err := q.LoseWakes(ctx, refs); return err })
		if got := b.serve(8); len(got) != 8 {
			b.t.Errorf("%d of 8 places were taken", len(got))
		}
		if got := b.serve(8); len(got) != 2 {
			b.t.Errorf("of the last two jobs %d went", len(got))
		}
	})
}

func (b bench) cancelAll(tenant string) {
	b.t.Helper()
	jobs, _, err := b.Jobs(ctx, tenant, job.Filter{Status: "queued"}, db.Page{Limit: 10})
	b.must(err)
	for _, j := range jobs {
		b.tx(func(q *store.Queries) error { _, err := q.CancelJob(ctx, tenant, j.ID); return err })
	}
}

// TestQuietTenant is served first and at once beside one that floods the lane,
// each time that it comes, and what it leaves is the other's.
func TestQuietTenant(t *testing.T) {
	onEach(t, func(b bench) {
		b.queue("ten_flood", 60)
		b.serve(9)
		for range 5 {
			b.queue("ten_quiet", 1)
			got := b.serve(10)
			n := count(got)
			if n["ten_quiet"] != 1 || n["ten_flood"] != 9 || !slices.Contains(got[:2], "ten_quiet") {
				b.t.Errorf("the turns were %v", got)
			}
		}
	})
}

func TestOutlook(t *testing.T) {
	onEach(t, func(b bench) {
		lanes := []string{"chat", "dream"}
		got, err := b.Outlook(ctx, lanes, time.Second)
		b.must(err)
		if got.Queued["chat"] || got.Queued["dream"] || got.Due != time.Second {
			b.t.Errorf("of nothing: %+v", got)
		}
		b.queue("ten_a", 1)
		b.accept(job.NewJob{RunAt: time.Now().Add(time.Hour)})
		for ahead, want := range map[time.Duration]time.Duration{
			0: time.Minute, 59*time.Minute + 50*time.Second: 10 * time.Second, 61 * time.Minute: 0,
		} {
			b.must(b.ShiftClock(ctx, ahead))
			got, err := b.Outlook(ctx, lanes, time.Minute)
			b.must(err)
			if !got.Queued["chat"] || got.Queued["dream"] || got.Due > want || want-got.Due > 8*time.Second {
				b.t.Errorf("%s on: %+v", ahead, got)
			}
		}
	})
}
