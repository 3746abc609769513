package tune

import (
	"context"
	"io"
	"testing"

	"dreamlab/providers"
	"dreamlab/store/learn"
)

// plain is a trainer without uploads, estimates and a log: it reads its rows
// elsewhere, as one does that is given a bucket.
type plain struct {
	providers.Trainer
	file string
}

func (p plain) Start(ctx context.Context, spec providers.TrainSpec) (providers.Training, error) {
	spec.File = p.file
	return p.Trainer.Start(ctx, spec)
}

// plainVendors are vendors whose trainer has no option.
type plainVendors struct {
	Vendors
	trainer plain
}

func (v plainVendors) Trainer(string) (providers.Trainer, error) { return v.trainer, nil }

// A vendor that can do no more than train is enough: the price is the catalogue's.
func TestTrainerWithoutOptions(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{})
	trainer, err := b.deps.Vendors.Trainer("together")
	b.must(err)
	job := b.alone("together")
	spec := decode[struct {
		Object string
		Bytes  int64
	}](b, b.trainingOf(job).Spec)
	file, err := trainer.(providers.Filer).Upload(b.ctx, providers.Upload{
		Name: "rows.jsonl", Size: spec.Bytes,
		Open: func() (io.ReadCloser, error) { return b.deps.Bucket.Open(b.ctx, spec.Object) },
	})
	b.must(err)
	b.pass()
	b.deps.Vendors = plainVendors{b.deps.Vendors, plain{trainer, file.ID}}
	b.work = Handlers(b.deps)
	b.run(nil)
	if training := b.trainingOf(job); training.Status != learn.TrainingSucceeded || training.Cost == 0 {
		t.Errorf("training %+v", training)
	}
	b.wantBooksClosed()
}
