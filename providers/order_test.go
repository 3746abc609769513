package providers_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"dreamlab/providers"
)

func TestOrderDecidesWhoIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, map[string][]step{
			"cheap": {says("c")}, "dear": {says("d")}, "spare": {fails(providers.KindAuth)},
		})
		var tiers []int
		w.orderBy(t, func(_ context.Context, _ *providers.Call, choices []providers.Choice) ([]providers.Choice, *providers.Error) {
			for _, c := range choices {
				tiers = append(tiers, c.Tier)
			}
			slices.Reverse(choices)
			return choices[:2], nil
		})
		answer, err := w.ask(t.Context(), at("cheap"), at("dear", "spare"))
		if err != nil || answer.Target.Provider != "dear" || w.vendors["spare"].calls != 1 {
			t.Errorf("answer %+v, %v: want spare and then dear asked", answer, err)
		}
		if !slices.Equal(tiers, []int{0, 1, 1}) {
			t.Errorf("tiers %v, want [0 1 1]", tiers)
		}
	})
}

func TestOrderMayLeaveNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string][]step{"cheap": {says("c")}})
	w.orderBy(t, func(context.Context, *providers.Call, []providers.Choice) ([]providers.Choice, *providers.Error) {
		return nil, nil
	})
	if _, err := w.ask(t.Context(), at("cheap")); err == nil || w.vendors["cheap"].calls != 0 {
		t.Errorf("got %v after %d calls, want an error and none", err, w.vendors["cheap"].calls)
	}
}
