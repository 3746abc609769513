package tune

import (
	"context"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// clock returns a clock over the bench, and how often it has started a tune.
func (b *bench) clock() (k *Clock, started *int) {
	started = new(int)
	return &Clock{Store: b.store, Deps: b.deps.filled(), Accept: func(ctx context.Context, j job.NewJob,
		write func(context.Context, *store.Queries) error,
	) (job.Job, bool, error) {
		*started++
		b.accept(j, func(q *store.Queries) error { return write(ctx, q) })
		return job.Job{}, false, nil
	}}, started
}

// The clock starts a tune where there is enough to learn, and not again while one runs, in the cool-down, or where
// nothing is new.
func TestClockStartsTunes(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	k, started := b.clock()
	alias := learn.TaughtAlias{Tenant: b.tenant, Alias: learn.DefaultAlias}
	says := func(n int, want string) {
		t.Helper()
		b.must(k.look(b.ctx))
		if *started != n || !strings.HasPrefix(k.told[alias], want) {
			t.Errorf("%d tunes were started: %s", *started, k.told[alias])
		}
		notes, err := b.store.ClockNotes(b.ctx, b.tenant)
		b.must(err)
		if len(notes) != 1 || notes[0].Alias != alias.Alias || notes[0].Says != k.told[alias] || notes[0].Since.IsZero() {
			t.Errorf("it is noted as %+v, not as %s", notes, k.told[alias])
		}
	}
	says(1, "a tune was started: tun_")
	says(1, "no tune yet: one is running")
	b.run(nil)
	tunes, _, err := b.store.Tunes(b.ctx, b.tenant, db.Filter{Alias: alias.Alias}, db.Page{Limit: 1})
	b.must(err)
	if _, decision := b.decided(tunes[0].ID); !decision.Promoted {
		t.Errorf("decided %+v", decision)
	}
	says(1, "no tune yet: the last one ended at ")
	b.ahead += 25 * time.Hour
	says(1, "no tune yet: 0 new rows of 20")
}

// What a filter removes is not new, and a dry run is no tune to cool down from.
func TestClockCountsWhatCanBeLearned(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(19, 40)
	for range 5 {
		b.example("Can you help me?", "As an AI language model I can't help with that.")
	}
	b.tune(tasks.TuneInput{DryRun: true, MinExamples: 1})
	b.run(nil)
	k, started := b.clock()
	b.must(k.look(b.ctx))
	why := k.told[learn.TaughtAlias{Tenant: b.tenant, Alias: learn.DefaultAlias}]
	if *started != 0 || !strings.Contains(why, "of 20") {
		t.Errorf("%d tunes were started: %s", *started, why)
	}
}

// An exam that would decide nothing is waited for.
func TestClockWaitsForAnExam(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 5)
	k, started := b.clock()
	b.must(k.look(b.ctx))
	why := k.told[learn.TaughtAlias{Tenant: b.tenant, Alias: learn.DefaultAlias}]
	if *started != 0 || !strings.HasPrefix(why, "no tune yet: the exam would decide nothing: 5 held-out") {
		t.Errorf("%d tunes were started: %s", *started, why)
	}
}
