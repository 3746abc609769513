package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

// TestCaps accepts jobs of two tenants from many sides while several
// dispatchers hand them out: no tenant has ever more in a worker's hands than
// its cap, whichever way they came in. The first ones wait for each other, so
// that each tenant's cap is reached.
func TestCaps(t *testing.T) {
	const limit, count, sides = 3, 48, 8
	lanes := map[tasks.Lane]LaneConfig{tasks.Chat: {Concurrency: 16, Window: 64, TenantCap: limit}}
	onBoth(t, Options{Lanes: lanes}, func(t *testing.T, r *rig) {
		now := map[string]*atomic.Int64{"ten_0": {}, "ten_1": {}}
		full := map[string]*sync.WaitGroup{"ten_0": {}, "ten_1": {}}
		for _, all := range full {
			all.Add(limit)
		}
		var most atomic.Int64
		var begun tally
		handler := func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
			n := now[run.Job.Tenant]
			if held := n.Add(1); held > most.Load() {
				most.Store(held)
			}
			defer n.Add(-1)
			if tenant := run.Job.Tenant; begun.add(tenant) <= limit {
				full[tenant].Done()
				full[tenant].Wait()
			}
			_, err := run.Store.Now(ctx) // something that takes its time
			return nil, err
		}
		r.start(r.Reconciler().Run)
		r.start(r.Dispatcher().Run)
		r.work(handler)
		jobs := make([]job.Job, count)
		var all sync.WaitGroup
		for side := range sides {
			all.Go(func() {
				for i := side; i < count; i += sides {
					jobs[i] = r.accept(job.NewJob{Tenant: fmt.Sprintf("ten_%d", i%2)})
				}
			})
		}
		all.Wait()
		for _, j := range jobs {
			wantState(t, r.ended(j), job.StateSucceeded)
		}
		if n := most.Load(); n != limit {
			t.Errorf("%d at once, the cap is %d", n, limit)
		}
	})
}
