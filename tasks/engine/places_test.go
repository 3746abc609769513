package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

// TestFloodLeavesPlaces has a tenant flood a lane with jobs that do not end:
// another's runs all the same, and the flood has no more than three quarters of
// the worker's places.
func TestFloodLeavesPlaces(t *testing.T) {
	const places, share = 8, 6
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Concurrency: places}}
	onBoth(t, Options{Lanes: lanes}, func(t *testing.T, r *rig) {
		var begun tally
		var full sync.WaitGroup
		full.Add(share)
		release := make(chan struct{})
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			if run.Job.Tenant == "ten_flood" {
				if begun.add("flood") <= share {
					full.Done()
				}
				<-release
			}
			return nil, nil
		})
		flood := make([]job.Job, 4*places)
		for i := range flood {
			flood[i] = r.accept(job.NewJob{Tenant: "ten_flood"})
		}
		full.Wait()
		for range 2 * places {
			wantState(t, r.ended(r.accept(job.NewJob{Tenant: "ten_quiet"})), job.StateSucceeded)
		}
		if n := begun.get("flood"); n != share {
			t.Errorf("the flood has %d of %d places, want %d", n, places, share)
		}
		close(release)
		for _, j := range flood {
			wantState(t, r.ended(j), job.StateSucceeded)
		}
	})
}

// TestFloodsOfSeveral has two and three tenants flood a lane at once with jobs of
// half a minute: together they share three quarters of the places, beyond which
// each gets one at most, when it has no other. Chats of another tenant, one after
// the other, start within a second all the while.
func TestFloodsOfSeveral(t *testing.T) {
	const places, shared = 16, 12
	for _, floods := range []int{2, 3} {
		t.Run(fmt.Sprint(floods), func(t *testing.T) {
			lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Concurrency: places}}
			inOwnTime(t, Options{Lanes: lanes}, func(r *rig) {
				var flight inFlight
				r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
					if run.Job.Tenant != "ten_quiet" {
						defer flight.enter("flood")()
						time.Sleep(30 * time.Second) // of the bubble's clock
					}
					return nil, nil
				})
				var flood []job.Job
				for i := range floods * 2 * places {
					flood = append(flood, r.accept(job.NewJob{Tenant: fmt.Sprintf("ten_flood_%d", i%floods)}))
				}
				for range 2 * places {
					began := time.Now()
					wantState(r.t, r.ended(r.accept(job.NewJob{Tenant: "ten_quiet"})), job.StateSucceeded)
					if took := time.Since(began); took > time.Second {
						r.t.Errorf("a chat took %s beside the floods", took)
					}
					time.Sleep(5 * time.Second)
				}
				for _, j := range flood {
					wantState(r.t, r.endedWithin(j, time.Hour), job.StateSucceeded)
				}
				flight.mu.Lock()
				defer flight.mu.Unlock()
				if most := flight.most["flood"]; most < shared || most > shared+floods-1 {
					r.t.Errorf("the floods had %d of %d places, want about %d", most, places, shared)
				}
			})
		})
	}
}

// TestPlacesOfLiveWorkers lets workers come and go: a tenant's cap follows, and
// what the operator has set stands.
func TestPlacesOfLiveWorkers(t *testing.T) {
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Concurrency: 8}, tasks.Dream: {Concurrency: 8, TenantCap: 5}}
	onBoth(t, Options{Lanes: lanes}, func(t *testing.T, r *rig) {
		caps := func(chat, dream int) {
			t.Helper()
			r.places.asked = r.places.asked.Add(-2 * placesEvery)
			r.places.find(r.ctx)
			if got := r.places.limits(tasks.Chat).TenantCap; got != chat {
				t.Errorf("a tenant may have %d chats, want %d", got, chat)
			}
			if got := r.places.limits(tasks.Dream).TenantCap; got != dream {
				t.Errorf("a tenant may have %d jobs of dreams, want %d", got, dream)
			}
		}
		caps(6, 5) // nobody has told: one worker is assumed
		for _, name := range []string{"a", "b", "c"} {
			w := r.worker(WorkerOptions{Handlers: handlers(succeed), Name: name})
			r.must(w.tellPlaces(r.ctx, tasks.Chat))
			r.must(w.tellPlaces(r.ctx, tasks.Chat)) // it counts once
		}
		caps(18, 5)
		r.must(r.redis.ZIncrBy(r.ctx, workersKey(tasks.Chat), -1e6, "b 8").Err()) // not heard of for long
		r.must(r.worker(WorkerOptions{Handlers: handlers(succeed), Name: "c"}).tellPlaces(r.ctx, tasks.Chat))
		caps(12, 5)
	})
}
