package tune

import (
	"slices"
	"testing"

	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// A promotion replaces the target that was compared; an operator's weights, tiers
// and fallbacks stay.
func TestPromotionKeepsTheRestOfTheRoute(t *testing.T) {
	t.Parallel()
	for name, tenant := range map[string]string{"the tenant's route": "own", "the common route": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, Settings{MinExamples: 20})
			b.teach(48, 40)
			owner := ""
			if tenant != "" {
				owner = b.tenant
			}
			before, err := b.store.SetRoute(b.ctx, learn.Route{
				Tenant: owner, Alias: learn.DefaultAlias, Author: "key_1",
				Targets: []learn.RouteTarget{
					{Model: leadModel, Weight: 10}, {Model: baseModel, Weight: 90},
					{Model: leadModel, Weight: 1, Tier: 1}, {Model: baseModel, Weight: 1, Tier: 2},
				},
			})
			b.must(err)
			tune := b.tune(tasks.TuneInput{})
			b.run(nil)
			if _, decision := b.decided(tune.ID); !decision.Promoted {
				t.Fatal(decision)
			}
			after, err := b.store.Route(b.ctx, b.tenant, learn.DefaultAlias)
			b.must(err)
			want := slices.Clone(before.Targets)
			want[1].Model = b.training(tune.ID).Model
			if !slices.Equal(after.Targets, want) || after.Author != tune.ID {
				t.Errorf("the route is %+v, want the targets %+v", after, want)
			}
			if after.Version != before.Version+1 {
				t.Errorf("version %d follows %d", after.Version, before.Version)
			}
		})
	}
}
