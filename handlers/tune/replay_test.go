package tune

import (
	"io"
	"strings"
	"testing"

	"dreamlab/handlers/tune/archive"
	"dreamlab/store/blob"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// A second tune learns from its new rows and as many old ones as its share allows, says so before and behind it, and
// asked again it has the same dataset. What its model is stands in the bucket, with what the vendor was sent.
func TestSecondTuneReplays(t *testing.T) {
	t.Parallel()
	for _, method := range []tasks.Method{tasks.MethodSFT, tasks.MethodDPO} {
		t.Run(string(method), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, Settings{MinExamples: 10, ReplayShare: 5_000, Gate: anyExam()})
			if method == tasks.MethodDPO {
				b.worse = lacks
			}
			b.teach(24, 2)
			b.wantMix(tasks.TuneInput{Method: method}, learn.Mix{New: 24, Share: 0.5, Seed: 1})
			for _, topic := range topics {
				b.example("Is there anything new on the "+topic+" that I ought to have read in your last letter?", answerFor(topic))
			}
			want := learn.Mix{New: 12, Replayed: 12, LeftOut: 12, Share: 0.5, Seed: 1}
			planned := b.wantMix(tasks.TuneInput{Method: method, DryRun: true}, want)
			if !strings.Contains(planned.Decision.Reason, "(12 new, 12 replayed, 12 of replay left out)") {
				t.Errorf("decision %+v", planned.Decision)
			}
			tune := b.wantMix(tasks.TuneInput{Method: method}, want)
			dataset, err := b.store.Dataset(b.ctx, b.tenant, tune.Dataset)
			b.must(err)
			foreseen := decode[state](b, planned.State).SHA256
			if m := dataset.Manifest; m.SHA256 != foreseen || m.Mix != want || m.Rows != 24 || m.In != 36 {
				t.Errorf("manifest %+v, %s was foreseen", m, foreseen)
			}
			b.wantArchived(tune, method)
		})
	}
}

// wantMix runs a tune and looks at how its rows were mixed.
func (b *bench) wantMix(in tasks.TuneInput, want learn.Mix) learn.Tune {
	b.Helper()
	id := b.tune(in).ID
	b.run(nil)
	tune, decision := b.decided(id)
	if got := decode[state](b, tune.State).Mix; got == nil || *got != want {
		b.Fatalf("mixed %+v, want %+v: %s", got, want, decision.Reason)
	}
	return tune
}

// wantArchived reads what is kept of a tune's model.
func (b *bench) wantArchived(tune learn.Tune, method tasks.Method) {
	b.Helper()
	file, err := b.deps.Bucket.Open(b.ctx, blob.ModelObject(tune.Training))
	b.must(err)
	defer file.Close()
	raw, err := io.ReadAll(file)
	b.must(err)
	m, spec := decode[archive.Manifest](b, raw), decode[tasks.TrainingSpec](b, b.training(tune.ID).Spec)
	if m.Hyper != spec.Hyper || m.Hyper.Epochs == 0 || m.Method != method || m.SHA256 != spec.SHA256 || m.Tune != tune.ID {
		b.Errorf("kept %s, sent %+v", raw, spec.Hyper)
	}
}
