package job_test

import (
	"errors"
	"fmt"
	"testing"

	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/learn"
)

// accepted takes jobs of tenants in under one commit and tells how many of each
// were dispatched at once.
func (b bench) accepted(room job.Limits, tenants ...string) map[string]int {
	b.t.Helper()
	jobs := make([]job.NewJob, len(tenants))
	for i, tenant := range tenants {
		jobs[i] = job.NewJob{Tenant: tenant, Kind: "chat.run", Lane: "chat"}
	}
	went := map[string]int{}
	b.tx(func(q *store.Queries) error {
		out, err := q.AcceptJobs(ctx, jobs, map[string]job.Limits{"chat": room})
		for _, a := range out {
			kept, kind := b.kept(q, a.Job.ID), job.StateQueued
			if a.Job.Wake != "" {
				kind = job.StateDispatched
				went[a.Job.Tenant]++
			}
			if a.Job.State != kind || kept.State != kind || kept.Wake != a.Job.Wake {
				b.t.Errorf("answered %s %q, kept %s %q", a.Job.State, a.Job.Wake, kept.State, kept.Wake)
			}
		}
		return err
	})
	return went
}

func (b bench) kept(q *store.Queries, id string) job.Job {
	b.t.Helper()
	job, err := q.AnyJob(ctx, id)
	b.must(err)
	return job
}

// TestRoomForNewJobs has tenants come to a lane with little room: window and caps
// hold, a tenant with few jobs is not kept out by one with many, and none exceeds
// its own queue.
func TestRoomForNewJobs(t *testing.T) {
	onEach(t, func(b bench) {
		b.must(b.SetShare(ctx, job.Share{Lane: "chat", Tenant: "ten_capped", Cap: 1}))
		room := job.Limits{Window: 5, TenantCap: 4}
		for i, step := range []struct {
			come []string
			went map[string]int
		}{
			{[]string{"ten_capped", "ten_capped"}, map[string]int{"ten_capped": 1}},
			{[]string{"ten_much", "ten_much", "ten_much", "ten_quiet"}, map[string]int{"ten_much": 3, "ten_quiet": 1}},
			{[]string{"ten_new"}, map[string]int{}}, // the window is full
		} {
			if went := b.accepted(room, step.come...); fmt.Sprint(went) != fmt.Sprint(step.went) {
				b.t.Errorf("step %d: %v went, want %v", i, went, step.went)
			}
		}
		room.Window = 100
		if went := b.accepted(room, "ten_new", "ten_quiet"); went["ten_new"] != 0 || went["ten_quiet"] != 1 {
			b.t.Errorf("with room again %v went: the new one has a job in the queue", went)
		}
		if went := b.accepted(job.Limits{}, "ten_other"); len(went) != 0 {
			b.t.Errorf("%v went where there is no room at all", went)
		}
	})
}

// TestSharedCapacity has tenants fill what they may share: beyond it a tenant goes
// only with its first job, on the way in as well as by its turn.
func TestSharedCapacity(t *testing.T) {
	onEach(t, func(b bench) {
		limits := job.Limits{Window: 8, TenantCap: 6, Shared: 6}
		for i, step := range []struct {
			come []string
			went map[string]int
		}{
			{[]string{"ten_a", "ten_a", "ten_a", "ten_b", "ten_b", "ten_b", "ten_b"}, map[string]int{"ten_a": 3, "ten_b": 3}},
			{[]string{"ten_a"}, map[string]int{}},
			{[]string{"ten_c", "ten_c"}, map[string]int{"ten_c": 1}},
		} {
			if went := b.accepted(limits, step.come...); fmt.Sprint(went) != fmt.Sprint(step.went) {
				b.t.Errorf("step %d: %v went, want %v", i, went, step.went)
			}
		}
		b.accepted(job.Limits{}, "ten_d", "ten_d", "ten_e") // they wait for their turn
		var picked []job.Picked
		b.tx(func(q *store.Queries) (err error) {
			picked, err = q.PickJobs(ctx, "chat", limits)
			return err
		})
		if len(picked) != 1 {
			b.t.Fatalf("%d jobs were picked, want the first of a tenant that has none in flight", len(picked))
		}
		b.tx(func(q *store.Queries) error {
			if tenant := b.kept(q, picked[0].ID).Tenant; tenant != "ten_d" && tenant != "ten_e" {
				b.t.Errorf("a job of %s was picked", tenant)
			}
			return nil
		})
	})
}

// TestRouteOfNewJob makes jobs under a route that was seen before.
func TestRouteOfNewJob(t *testing.T) {
	onEach(t, func(b bench) {
		set := func(tenant string, seen int64) learn.Route {
			r, err := b.SetRoute(ctx, learn.Route{Tenant: tenant, Alias: "assistant", Version: seen,
				Targets: []learn.RouteTarget{{Model: "a/b", Weight: 1}}, Author: "config"})
			b.must(err)
			return r
		}
		try := func(seen learn.Route, key string) (made job.Accepted) {
			made = b.accept(job.NewJob{Alias: seen.Alias, Route: seen.Mark(), IdemKey: key, IdemHash: "h"})[0]
			if made.Err != nil && !errors.Is(made.Err, job.ErrRouteChanged) {
				b.t.Fatal(made.Err)
			}
			return made
		}
		first := set("", 0)
		if a := try(first, "once"); a.Err != nil {
			b.t.Errorf("under the route in force: %v", a.Err)
		}
		second := set("", first.Version)
		if a := try(first, ""); a.Err == nil {
			b.t.Error("a job was made under a route that was replaced")
		}
		if a := try(first, "other"); a.Err == nil {
			b.t.Error("a job with a key was made under a route that was replaced")
		}
		if a := try(first, "once"); a.Err != nil || !a.Existed {
			b.t.Errorf("the job that the key made before: %+v", a)
		}
		if a := try(second, ""); a.Err != nil {
			b.t.Errorf("under the new route: %v", a.Err)
		}
		if set("ten_a", second.Version); try(second, "").Err == nil {
			b.t.Error("a job was made under the common route of a tenant that has one of its own")
		}
		if set("ten_b", second.Version); try(learn.Route{Tenant: "ten_b", Alias: "assistant", Version: 3}, "").Err == nil {
			b.t.Error("a job was made under another tenant's route")
		}
	})
}
