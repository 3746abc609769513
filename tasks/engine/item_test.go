package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dreamlab/store/job"
	"dreamlab/store/storetest"
)

// TestSweepGoesOn has one job among those with expired leases that can not be
// moved: the others are, and the error names it.
func TestSweepGoesOn(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		jobs := []job.Job{r.accept(job.NewJob{}), r.accept(job.NewJob{}), r.accept(job.NewJob{})}
		for _, job := range jobs {
			r.claim(job)
		}
		r.must(r.store.ShiftClock(r.ctx, time.Minute))
		bad := jobs[0].ID
		r.fault(&storetest.Fault{Before: func(query string, args []any) error {
			if strings.HasPrefix(query, "SELECT coalesce(parent") && args[0] == bad {
				return errors.New("broken row")
			}
			return nil
		}})
		err := r.reconcile(r.ctx)
		if err == nil || !strings.Contains(err.Error(), bad) || strings.Contains(err.Error(), jobs[1].ID) {
			t.Errorf("reconcile: %v", err)
		}
		for i, want := range []job.State{job.StateRunning, job.StateQueued, job.StateQueued} {
			wantState(t, r.job(jobs[i].ID), want)
		}
		if n, err := r.redis.Exists(r.ctx, sentinelKey("chat")).Result(); err != nil || n != 1 {
			t.Errorf("the queue was not looked after: %d, %v", n, err)
		}
	})
}

// TestSchedulesGoOn has one schedule whose zone is gone: the others fire, the
// error names it, and it is left for a while.
func TestSchedulesGoOn(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		for _, id := range []string{"a", "b", "c"} {
			r.schedule(job.Schedule{ID: id, Spec: "@every 1h"})
		}
		_, err := r.store.Driver().Exec(r.ctx, `UPDATE schedules SET zone = 'Nowhere/Gone' WHERE id = 'a'`)
		r.must(err)
		r.must(r.store.ShiftClock(r.ctx, 2*time.Hour))
		if err := r.firer.fireDue(r.ctx); err == nil || !strings.Contains(err.Error(), "schedule a") {
			t.Errorf("fire: %v", err)
		}
		if n := len(r.ticks()); n != 2 {
			t.Errorf("%d of two schedules fired", n)
		}
		r.must(r.firer.fireDue(r.ctx)) // the broken one is not looked at each second
	})
}

// TestLanesGoOn has one lane that can not be dispatched: the others are.
func TestLanesGoOn(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		dream := r.accept(job.NewJob{Kind: "dream.plan", RunAt: time.Now().Add(time.Hour)})
		chat := r.accept(job.NewJob{RunAt: time.Now().Add(time.Hour)})
		r.must(r.store.ShiftClock(r.ctx, 2*time.Hour))
		r.fault(&storetest.Fault{Before: func(query string, args []any) error {
			if strings.Contains(query, "shares") && len(args) > 0 && args[0] == "chat" {
				return errors.New("broken lane")
			}
			return nil
		}})
		if _, err := r.Dispatcher().dispatch(r.ctx, allLanes()); err == nil || !strings.Contains(err.Error(), "lane chat") {
			t.Errorf("dispatch: %v", err)
		}
		wantState(t, r.job(dream.ID), job.StateDispatched)
		wantState(t, r.job(chat.ID), job.StateQueued)
	})
}
