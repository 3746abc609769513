package engine

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

func (r *rig) ticks() []job.Job {
	r.t.Helper()
	jobs, _, err := r.store.Jobs(r.ctx, SystemTenant, job.Filter{Noun: "schedule"}, db.Page{Limit: 100})
	r.must(err)
	return jobs
}

func (r *rig) schedule(s job.Schedule) {
	r.t.Helper()
	r.must(r.EnsureSchedule(r.ctx, s))
}

// TestTwoSchedulersOneTick lets several fire at once.
func TestTwoSchedulersOneTick(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		r.schedule(job.Schedule{ID: "nightly", Spec: "@every 1h", Overlap: "allow"})
		for round := 1; round <= 3; round++ {
			r.must(r.store.ShiftClock(r.ctx, time.Duration(round)*61*time.Minute))
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					if err := r.firer.fireDue(r.ctx); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if n := len(r.ticks()); n != round {
				t.Fatalf("%d ticks after %d hours", n, round)
			}
		}
		var input tasks.TickInput
		r.must(json.Unmarshal(r.ticks()[0].Input, &input))
		if input.Schedule != "nightly" || input.Tick.IsZero() {
			t.Errorf("input %+v", input)
		}
	})
}

func TestMisfireAndOverlap(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		r.schedule(job.Schedule{ID: "once", Spec: "@every 1h"})
		r.schedule(job.Schedule{ID: "skip", Spec: "@every 1h", Misfire: "skip"})
		r.must(r.store.ShiftClock(r.ctx, 10*time.Hour))
		r.must(r.firer.fireDue(r.ctx))
		ticks := r.ticks()
		if len(ticks) != 1 || ticks[0].Subject != "once" {
			t.Fatalf("ten missed hours made %d ticks", len(ticks))
		}
		r.must(r.store.ShiftClock(r.ctx, 11*time.Hour+10*time.Second))
		r.must(r.firer.fireDue(r.ctx))
		var subjects []string
		for _, tick := range r.ticks() {
			subjects = append(subjects, tick.Subject)
		}
		if got := strings.Join(subjects, " "); got != "skip once" { // once has an open job
			t.Errorf("ticks of %q", got)
		}
	})
}

func TestScheduleFaults(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		for want, s := range map[string]job.Schedule{
			"needs an id": {Spec: "@daily"},
			"cron fields": {ID: "a", Spec: "every day"},
			"zone":        {ID: "a", Spec: "@daily", Zone: "Mars"},
			"misfire":     {ID: "a", Spec: "@daily", Misfire: "all"},
			"overlap":     {ID: "a", Spec: "@daily", Overlap: "cancel"},
			"never comes": {ID: "a", Spec: "0 0 30 2 *"},
		} {
			if err := r.EnsureSchedule(r.ctx, s); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: %v, want %q", s, err, want)
			}
		}
	})
}

// TestNextTick walks over changes of the clocks: a local time that is skipped
// does not fire, one that is repeated fires twice.
func TestNextTick(t *testing.T) {
	t.Parallel()
	cases := []struct{ spec, zone, after, want string }{
		{"30 2 * * *", "UTC", "2026-03-08T03:00:00Z", "2026-03-09T02:30:00Z"},
		{"30 2 * * *", "America/New_York", "2026-03-08T00:00:00Z", "2026-03-09T06:30:00Z"},
		{"30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", "2026-11-01T05:30:00Z"},
		{"30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"},
	}
	for _, c := range cases {
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		got, err := nextTick(job.Schedule{ID: "s", Spec: c.spec, Zone: c.zone}, after)
		if err != nil || got.Format(time.RFC3339) != c.want {
			t.Errorf("%s %s after %s: %s, %v; want %s", c.spec, c.zone, c.after, got, err, c.want)
		}
	}
}

// TestEnsureScheduleKeepsItsTurn changes what does not move the next tick.
func TestEnsureScheduleKeepsItsTurn(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		next := func() time.Time {
			all, err := r.store.Schedules(r.ctx)
			if err != nil || len(all) != 1 {
				t.Fatalf("%d schedules, %v", len(all), err)
			}
			return all[0].Next
		}
		r.schedule(job.Schedule{ID: "s", Spec: "@every 1h"})
		first := next()
		r.must(r.store.ShiftClock(r.ctx, time.Minute))
		r.schedule(job.Schedule{ID: "s", Spec: "@every 1h", Overlap: "allow"})
		if !next().Equal(first) {
			t.Error("the same spec moved the next tick")
		}
		r.schedule(job.Schedule{ID: "s", Spec: "@every 2h"})
		if next().Equal(first) {
			t.Error("another spec left the next tick")
		}
	})
}

// TestSchedulerRuns fires through the whole chain, and is seen by asynqmon.
func TestSchedulerRuns(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		ticked := make(chan string, 10)
		r.schedule(job.Schedule{ID: "s", Spec: "@every 1s"})
		r.start(r.Scheduler().Run)
		r.work(func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			ticked <- run.Job.Subject
			return nil, nil
		})
		for range 2 {
			select {
			case got := <-ticked:
				if got != "s" {
					t.Errorf("tick of %q", got)
				}
			case <-r.ctx.Done():
				t.Fatal("no tick")
			}
		}
		configs, err := (&periodic{store: r.store, log: r.log}).GetConfigs()
		if err != nil || len(configs) != 1 || configs[0].Cronspec != "CRON_TZ=UTC @every 1s" {
			t.Errorf("asynqmon is shown %+v, %v", configs, err)
		}
	})
}

// TestVisibleTrigger sends the wake-up without jobs that the periodic task is.
func TestVisibleTrigger(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, r *rig) {
		r.schedule(job.Schedule{ID: "s", Spec: "@every 1h"})
		r.must(r.store.ShiftClock(r.ctx, 61*time.Minute))
		done := make(chan struct{}, 1)
		r.work(func(context.Context, *tasks.Run) (*tasks.End, error) { done <- struct{}{}; return nil, nil })
		configs, err := (&periodic{store: r.store, log: r.log}).GetConfigs()
		r.must(err)
		_, err = asynq.NewClientFromRedisClient(r.redis).Enqueue(configs[0].Task, configs[0].Opts...)
		r.must(err)
		<-done
		if n := len(r.ticks()); n != 1 {
			t.Errorf("%d ticks", n)
		}
	})
}
