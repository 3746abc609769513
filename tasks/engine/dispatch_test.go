package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// inFlight watches how many of each tenant's jobs run at once.
type inFlight struct {
	mu   sync.Mutex
	now  map[string]int
	most map[string]int
}

func (f *inFlight) enter(tenant string) (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now == nil {
		f.now, f.most = map[string]int{}, map[string]int{}
	}
	for _, of := range []string{tenant, "all"} {
		f.now[of]++
		f.most[of] = max(f.most[of], f.now[of])
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.now[tenant]--
		f.now["all"]--
	}
}

// dispatchAll takes one turn of a dispatcher in all lanes.
func (r *rig) dispatchAll() error {
	_, err := r.Dispatcher().dispatch(r.ctx, allLanes())
	return err
}

// TestFairness has a tenant flood a lane before another one comes: while both
// have work they are served in turns, by weight, and the caps hold.
func TestFairness(t *testing.T) {
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Concurrency: 8, Window: 8, TenantCap: 6}}
	onBoth(t, Options{Lanes: lanes}, func(t *testing.T, r *rig) {
		const each = 60
		r.must(r.store.SetShare(r.ctx, job.Share{Lane: "chat", Tenant: "ten_heavy", Weight: 3}))
		var mu sync.Mutex
		var order []string
		var flight inFlight
		for i := range each * 2 {
			r.accept(job.NewJob{Tenant: "ten_flood", Priority: i % 10})
		}
		var last []job.Job
		for range each {
			last = append(last, r.accept(job.NewJob{Tenant: "ten_heavy"}))
			r.accept(job.NewJob{Tenant: "ten_light"})
		}
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			defer flight.enter(run.Job.Tenant)()
			mu.Lock()
			defer mu.Unlock()
			order = append(order, run.Job.Tenant)
			return nil, nil
		})
		for _, job := range last {
			r.ended(job)
		}
		mu.Lock()
		defer mu.Unlock()
		served := map[string]int{}
		for _, tenant := range order[:each] {
			served[tenant]++
		}
		// weights 3 : 1 : 1 of sixty turns
		for tenant, want := range map[string]int{"ten_heavy": 36, "ten_flood": 12, "ten_light": 12} {
			if got := served[tenant]; got < want-6 || got > want+6 {
				t.Errorf("%s had %d of the first %d turns, want about %d", tenant, got, each, want)
			}
		}
		flight.mu.Lock() // the flood still runs
		defer flight.mu.Unlock()
		for of, most := range flight.most {
			if most > 8 || of != "all" && most > 6 {
				t.Errorf("%d jobs of %s ran at once", most, of)
			}
		}
	})
}

// TestPriority picks the more urgent first, within a tenant.
func TestPriority(t *testing.T) {
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Concurrency: 1, Window: 1}}
	onBoth(t, Options{Lanes: lanes}, func(t *testing.T, r *rig) {
		var jobs []job.Job
		for i := range 10 {
			jobs = append(jobs, r.accept(job.NewJob{Priority: i}))
		}
		ran := make(chan int, 10)
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			ran <- run.Job.Priority
			return nil, nil
		})
		for _, job := range jobs {
			r.ended(job)
		}
		want := []int{0, 9, 8, 7, 6, 5, 4, 3, 2, 1} // the first found the lane empty
		for i, priority := range want {
			if got := <-ran; got != priority {
				t.Fatalf("turn %d went to priority %d, want %d", i, got, priority)
			}
		}
	})
}

// TestManyDispatchers lets several dispatch the same queue: each job has one
// wake-up, and the window holds.
func TestManyDispatchers(t *testing.T) {
	lanes := map[tasks.Lane]LaneConfig{tasks.Dream: {Concurrency: 5, Window: 20, TenantCap: 20}}
	onBoth(t, Options{Lanes: lanes}, func(t *testing.T, r *rig) {
		for i := range 50 {
			_, _, err := r.Accept(r.ctx, job.NewJob{Tenant: fmt.Sprintf("ten_%d", i%5), Kind: "dream.slice",
				RunAt: time.Now().Add(-time.Hour)}, nil)
			r.must(err)
		}
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if err := r.dispatchAll(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		stats, err := r.Stats(r.ctx)
		r.must(err)
		if got := stats.Lanes[tasks.Dream]; got.Dispatched != 20 || got.Queued != 30 {
			t.Errorf("lane stands at %+v", got)
		}
		if n, err := r.redis.LLen(r.ctx, "asynq:{dream}:pending").Result(); err != nil || n != 20 {
			t.Errorf("%d wake-ups are pending, %v", n, err)
		}
	})
}

func TestBundle(t *testing.T) {
	t.Parallel()
	picked := make([]job.Picked, 0, 210)
	for i := range 205 {
		picked = append(picked, job.Picked{ID: fmt.Sprint(i), Kind: "dream.plan"})
	}
	picked[3].Crashes = 1
	picked = append(picked, job.Picked{ID: "c1", Kind: "chat.run"}, job.Picked{ID: "c2", Kind: "chat.run"})
	wakes := bundle(picked)
	sizes := map[int]int{}
	for _, w := range wakes {
		sizes[len(w.jobs)]++
	}
	// two full ones, the rest of four, the one that crashed alone, two chats
	if len(wakes) != 6 || sizes[100] != 2 || sizes[4] != 1 || sizes[1] != 3 {
		t.Errorf("bundles of %v", sizes)
	}
	for _, p := range picked {
		if p.Wake == "" {
			t.Errorf("%s has no wake-up", p.ID)
		}
	}
}

// TestBundledJobs runs jobs that share wake-ups.
func TestBundledJobs(t *testing.T) {
	lanes := map[tasks.Lane]LaneConfig{tasks.System: {Window: 300, TenantCap: 300}}
	onBoth(t, Options{Lanes: lanes}, func(t *testing.T, r *rig) {
		var jobs []job.Job
		past := time.Now().Add(-time.Minute)
		for range 150 {
			jobs = append(jobs, r.accept(job.NewJob{Kind: "experience.import", RunAt: past}))
		}
		r.work(succeed)
		for _, j := range jobs {
			wantState(t, r.ended(j), job.StateSucceeded)
		}
	})
}

// TestConcurrentAccepts mixes good jobs, doubles and one that cannot be stored.
func TestConcurrentAccepts(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		var all sync.WaitGroup
		var made tally
		for i := range 100 {
			all.Go(func() {
				j := job.NewJob{Tenant: "ten_a", Kind: "chat.run", IdemKey: fmt.Sprint(i % 50), IdemHash: "h"}
				if i == 7 {
					j = job.NewJob{Tenant: "ten_a", Kind: "chat.run", Parent: "job_nobody"}
				}
				got, existed, err := r.Accept(r.ctx, j, nil)
				switch {
				case (err != nil) != (i == 7):
					t.Errorf("accept %d: %v", i, err)
				case err == nil && !existed:
					made.add(got.IdemKey)
				}
			})
		}
		all.Wait()
		for i := range 50 {
			if n := made.get(fmt.Sprint(i)); n != 1 {
				t.Errorf("key %d made %d jobs", i, n)
			}
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Error("an engine without a store was made")
	}
	o := Options{Store: storetest.SQLite(t), Redis: storetest.EmbeddedQueue(t).Client,
		Lanes: map[tasks.Lane]LaneConfig{"fast": {}}}
	if _, err := New(o); err == nil {
		t.Error("an engine with an unknown lane was made")
	}
	c := LaneConfig{Window: 4, TenantCap: 9}.filled(tasks.Chat)
	if c.Concurrency != 64 || c.Window != 4 || c.TenantCap != 4 || c.Deadline != 10*time.Minute {
		t.Errorf("filled to %+v", c)
	}
}

// TestNext takes up what was told, and polls where no message comes. That
// there is room in a lane says something only where it had work.
func TestNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		told := make(chan *redis.Message, 4)
		d := &Dispatcher{queued: map[string]bool{"tune": true}}
		told <- &redis.Message{Channel: queuedChannel, Payload: "chat"}
		told <- &redis.Message{Channel: roomChannel, Payload: "tune"}
		told <- &redis.Message{Channel: queuedChannel, Payload: "chat"}
		told <- &redis.Message{Channel: roomChannel, Payload: "dream"}
		if got := d.next(ctx, told, time.Hour); len(got) != 2 || !got[tasks.Chat] || !got[tasks.Tune] {
			t.Errorf("told of %v", got)
		}
		began := time.Now()
		told <- &redis.Message{Channel: roomChannel, Payload: "dream"}
		if got := d.next(ctx, told, time.Minute); len(got) != 4 || time.Since(began) != time.Minute {
			t.Errorf("%v after %s", got, time.Since(began))
		}
		close(told)
		if got := d.next(ctx, told, time.Hour); len(got) != 4 || time.Since(began) != time.Minute+time.Hour {
			t.Errorf("%v of a closed client after %s", got, time.Since(began))
		}
		stop()
		if got := d.next(ctx, told, time.Hour); got != nil {
			t.Errorf("%v after the end", got)
		}
	})
}
