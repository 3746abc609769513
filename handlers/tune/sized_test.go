package tune

import (
	"context"
	"testing"

	"dreamlab/providers"
	"dreamlab/tasks"
)

// A tune of few rows trains a small adapter for two epochs, and says so to its vendor.
func TestHyperParametersFollowTheRows(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, Gate: anyExam()})
	b.teach(48, 20)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(b.phase(id, phaseTrain))
	spec := decode[tasks.TrainingSpec](b, b.training(id).Spec)
	want := tasks.Hyper{Epochs: 2, LearningRate: 5e-5, Multiplier: 1, Rank: 8, Alpha: 16, Seed: 1}
	if spec.Hyper != want {
		t.Errorf("hyper-parameters %+v, want %+v", spec.Hyper, want)
	}
	sent := trainSpec(b.training(id), spec)
	if sent.Epochs != 2 || sent.Rank != 8 || sent.Alpha != 16 || sent.LearningRate != 5e-5 || sent.Seed != 1 {
		t.Errorf("the vendor is sent %+v", sent)
	}
}

// A way takes the rank down to what its trainer and its place take, and the tune that goes it trains that.
func TestRankIsWhatThePlaceTakes(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, Gate: anyExam(), Hyper: tasks.Hyper{Rank: 32, Alpha: 64}})
	b.openMarket()
	b.deps.Vendors = market{b.deps.Vendors.(market).Vendors, map[string]stall{
		"narrow": {terms: providers.Hosting{NanoPerHour: 90_000_000_000, MaxRank: 16}, limits: wide},
		"dear":   {terms: providers.Hosting{NanoPerHour: 90_000_000_000}, limits: providers.TuneLimits{MaxRank: 24}},
	}}
	b.deps.Settings.Bases = func(context.Context, string) []string { return nil }
	b.work = Handlers(b.deps)
	b.teach(48, 20)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(b.phase(id, phaseTrain))
	tune, err := b.store.Tune(b.ctx, b.tenant, id)
	b.must(err)
	ranks := map[string]int{}
	for _, o := range decode[state](b, tune.State).Plan {
		if o.Forbidden == "" {
			ranks[o.Place] = o.Rank
		}
	}
	if ranks["together"] != 32 || ranks["narrow"] != 16 || ranks["dear"] != 24 {
		t.Errorf("ranks %v", ranks)
	}
	if trained := decode[tasks.TrainingSpec](b, b.training(id).Spec).Hyper; trained.Rank != 32 || trained.Alpha != 64 {
		t.Errorf("it trains %+v", trained)
	}
}
