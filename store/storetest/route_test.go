package storetest_test

import (
	"slices"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

func route(tenant, alias, model string) learn.Route {
	return learn.Route{
		Tenant: tenant, Alias: alias, Reason: "test", Author: "config",
		Targets: []learn.RouteTarget{{Model: model, Weight: 100}},
	}
}

func TestRouteVersions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, err := s.Route(t.Context(), "ten_1", "assistant")
		want(t, err, db.ErrNotFound)
		common, err := s.SetRoute(t.Context(), route("", "assistant", "groq/common"))
		must(t, err)
		own := route("ten_1", "assistant", "groq/own")
		for _, seen := range []int64{0, 2} { // the common one is in force, and no other
			own.Version = seen
			_, err = s.SetRoute(t.Context(), own)
			want(t, err, db.ErrConflict)
		}
		own.Version = common.Version
		own, err = s.SetRoute(t.Context(), own)
		must(t, err)
		own.Targets[0].Model = "groq/tuned"
		own, err = s.SetRoute(t.Context(), own)
		must(t, err)
		if common.Version != 1 || own.Version != 3 {
			t.Errorf("versions %d and %d", common.Version, own.Version)
		}
		later := route("", "assistant", "groq/common")
		later.Version = common.Version
		_, err = s.SetRoute(t.Context(), later)
		must(t, err)
		_, err = s.SetRoute(t.Context(), route("", "other", "groq/other"))
		must(t, err)
		for tenant, wanted := range map[string]string{"ten_1": "groq/tuned", "ten_2": "groq/common"} {
			got, err := s.Route(t.Context(), tenant, "assistant")
			if err != nil || got.Targets[0].Model != wanted {
				t.Errorf("%s: %+v, %v", tenant, got, err)
			}
			all, err := s.Routes(t.Context(), tenant)
			if err != nil || len(all) != 2 || all[0].Targets[0].Model != wanted || all[1].Alias != "other" {
				t.Errorf("%s: %+v, %v", tenant, all, err)
			}
		}
		past, err := s.RouteHistory(t.Context(), "ten_1", "assistant", 10)
		must(t, err)
		if len(past) != 3 || past[0].Version != 3 || past[2].Tenant != "" || past[2].Version != 1 {
			t.Errorf("history %+v", past)
		}
	})
}

// TestBefore goes back step by step, and never to what it came from.
func TestBefore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		set := func(model string, origin int64) []learn.Route {
			r := route("ten_1", "assistant", model)
			past, err := s.RouteHistory(t.Context(), "ten_1", "assistant", 10)
			must(t, err)
			if r.Origin = origin; len(past) > 0 {
				r.Version = past[0].Version
			}
			_, err = s.SetRoute(t.Context(), r)
			must(t, err)
			past, err = s.RouteHistory(t.Context(), "ten_1", "assistant", 10)
			must(t, err)
			return past
		}
		set("groq/first", 0)
		set("groq/second", 0)
		past := set("groq/bad", 0)
		for _, wanted := range []string{"groq/second", "groq/first"} {
			before, ok := learn.Before(past)
			if !ok || before.Targets[0].Model != wanted {
				t.Fatalf("before comes %+v, %v, want %s", before, ok, wanted)
			}
			past = set(before.Targets[0].Model, before.Origin)
		}
		if before, ok := learn.Before(past); ok {
			t.Errorf("before the first comes %+v", before)
		}
	})
}

// TestRouteRace has several promote over the same version: one does.
func TestRouteRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for version := range int64(5) {
			errs := atOnce(8, func(i int) error {
				r := route("ten_1", "assistant", "groq/a")
				r.Version = version
				_, err := s.SetRoute(t.Context(), r)
				return err
			})
			won := slices.IndexFunc(errs, func(err error) bool { return err == nil })
			for i, err := range errs {
				if i != won {
					want(t, err, db.ErrConflict)
				}
			}
			got, err := s.Route(t.Context(), "ten_1", "assistant")
			if err != nil || won < 0 || got.Version != version+1 {
				t.Errorf("version %d after %d, %v", got.Version, version, err)
			}
		}
	})
}
