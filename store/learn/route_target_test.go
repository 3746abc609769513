package learn_test

import (
	"reflect"
	"slices"
	"testing"

	"dreamlab/store/learn"
)

// ladder has its tiers out of order, as an operator may write them.
func ladder() learn.Route {
	return learn.Route{Targets: []learn.RouteTarget{
		{Model: "spare", Weight: 9, Tier: 2}, {Model: "small", Weight: 1}, {Model: "large", Weight: 3},
		{Model: "next", Weight: 1, Tier: 1},
	}}
}

func TestPrimaryAndCanary(t *testing.T) {
	t.Parallel()
	target := func(model string, weight, tier int) learn.RouteTarget {
		return learn.RouteTarget{Model: model, Weight: weight, Tier: tier}
	}
	for name, c := range map[string]struct {
		targets         []learn.RouteTarget
		primary, canary string
		share           int
	}{
		"ladder":          {ladder().Targets, "large", "small", 2_500},
		"none":            {nil, "", "", 0},
		"one":             {[]learn.RouteTarget{target("a", 1, 0)}, "a", "", 0},
		"weightless":      {[]learn.RouteTarget{target("a", 0, 0), target("b", 5, 0)}, "b", "", 0},
		"equals":          {[]learn.RouteTarget{target("a", 1, 0), target("b", 1, 0)}, "a", "b", 5_000},
		"later tier only": {[]learn.RouteTarget{target("a", 1, 3), target("b", 9, 4)}, "a", "", 0},
	} {
		r := learn.Route{Targets: c.targets}
		primary, found := r.Primary()
		if primary.Model != c.primary || found != (c.primary != "") {
			t.Errorf("%s: the primary is %q, %v", name, primary.Model, found)
		}
		canary, share, found := r.Canary()
		if canary.Model != c.canary || share != c.share || found != (c.canary != "") {
			t.Errorf("%s: the canary is %q with %d, %v", name, canary.Model, share, found)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	got := map[string]int{}
	for i := range 400 {
		sticky := string(rune('a' + i))
		order := ladder().Choose(sticky)
		if !reflect.DeepEqual(order, ladder().Choose(sticky)) {
			t.Fatalf("the same text chose %v and then another order", order)
		}
		first := order[0][0]
		got[first]++
		other := map[string]string{"small": "large", "large": "small"}[first]
		if want := [][]string{{first}, {other}, {"next"}, {"spare"}}; !reflect.DeepEqual(order, want) {
			t.Fatalf("the order is %v, want %v", order, want)
		}
	}
	if got["large"] < 240 || got["small"] < 60 {
		t.Errorf("of 400 conversations %v, want about three to one", got)
	}
	if order := (learn.Route{}).Choose("x"); len(order) != 0 {
		t.Errorf("no target gives the order %v", order)
	}
}

// TestChooseWeighted leaves a tier of equal weights as it is listed.
func TestChooseWeighted(t *testing.T) {
	t.Parallel()
	r := learn.Route{Targets: []learn.RouteTarget{
		{Model: "a", Weight: 100}, {Model: "b", Weight: 100},
		{Model: "canary", Weight: 0, Tier: 1}, {Model: "champion", Weight: 100, Tier: 1},
	}}
	want := [][]string{{"a", "b"}, {"champion"}, {"canary"}}
	if got := r.ChooseWeighted("x"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWithPrimary(t *testing.T) {
	t.Parallel()
	r := ladder()
	got := r.WithPrimary("new")
	want := slices.Clone(r.Targets)
	want[2].Model = "new"
	if !slices.Equal(got, want) || r.Targets[2].Model != "large" {
		t.Errorf("the targets are %v, want %v", got, want)
	}
}
