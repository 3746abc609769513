package tune

import (
	"strings"
	"testing"
	"time"

	"dreamlab/store/book"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// A training that is cancelled in its middle is booked at what its vendor bills. Where the vendor does not tell that, it
// is of unknown cost, at what was reserved for it.
func TestCancelledTrainingIsBooked(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		if w.place != nil {
			continue
		}
		t.Run(w.name(t), func(t *testing.T) {
			t.Parallel()
			b := newBenchAt(t, storetest.SQLite(t), Settings{MinExamples: 20, Gate: anyExam()}, w.shop)
			b.step = time.Minute
			b.teach(48, 20)
			tune := b.tune(tasks.TuneInput{})
			b.run(b.trained(tune))
			b.lab.Advance(3 * time.Minute)
			b.cancel(tune)
			b.reap(10)
			b.wantBill(b.training(tune.ID))
		})
	}
}

// trained waits until the vendor has billed for the training of a tune, and it runs.
func (b *bench) trained(tune learn.Tune) func() bool {
	begun := b.phase(tune.ID, phaseTrain)
	return func() bool { return begun() && b.training(tune.ID).Status == statusRunning && b.trainingBill() > 0 }
}

// trainingBill is what the vendor has billed for trainings, nano-dollars.
func (b *bench) trainingBill() (nano int64) {
	for _, p := range b.lab.Payments() {
		if strings.HasPrefix(p.Model, "fine-tune:") {
			nano += p.NanoUSD
		}
	}
	return nano
}

func (b *bench) wantBill(training learn.Training) {
	b.Helper()
	billed := b.trainingBill()
	if training.Status != learn.TrainingCancelled || billed == 0 {
		b.Fatalf("training %s, %d nano-dollars billed", training.Status, billed)
	}
	b.must(b.store.Book().JobEntries(b.ctx, training.Job, func(e book.Entry) error {
		told := e.State == book.EntrySettled && e.Settled >= billed && e.Settled <= billed+billed/20 // seconds may be rounded up
		unknown := e.State == book.EntryUnknown && e.Reserved >= billed
		if e.Purpose == purposeTrain && !told && !unknown {
			b.Errorf("%d were billed, the books have %+v", billed, e)
		}
		b.Logf("%s: billed %d, %s at %d of %d reserved: %s", training.Provider, billed, e.State, e.Settled, e.Reserved, e.Cause)
		return nil
	}))
}
