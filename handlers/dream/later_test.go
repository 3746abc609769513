package dream_test

import (
	"maps"
	"testing"

	"dreamlab/handlers/handlertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// dreamt dreams of the same conversations in a mode, and returns what was found and paid.
func dreamt(t *testing.T, mode string, change func(*handlertest.Bench)) (*handlertest.Bench, learn.Dream, job.Job) {
	t.Helper()
	b := handlertest.New(t)
	b.SetRoute(t, "base", "groq/openai/gpt-oss-20b")
	e := b.Start(t, nil)
	b.Import(t, e, orders(40))
	if change != nil {
		change(b)
	}
	d, j := b.Dream(t, e, tasks.DreamInput{Mode: mode}, nil)
	if j.State != job.StateSucceeded {
		t.Fatalf("%s: the dream is %s: %v", mode, j.State, j.Error)
	}
	return b, d, j
}

// A dream whose questions go to batches finds what a live one finds, each question is paid once, and it costs 35 % or
// less of what the live one does, in which each is asked by itself. Its live cost tells that price.
func TestDreamInBatches(t *testing.T) {
	t.Parallel()
	live, byDay, _ := dreamt(t, "live", nil)
	batched, byNight, own := dreamt(t, "batch", func(b *handlertest.Bench) {
		b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultFailLines, Share: 0.1}, 1)
	})
	if byNight.Counts.Kept == 0 || byNight.Counts.Kept != byDay.Counts.Kept || byNight.Counts.Judged != byDay.Counts.Judged ||
		!maps.Equal(byNight.Counts.Rejected, byDay.Counts.Rejected) {
		t.Errorf("in batches %+v, live %+v", byNight.Counts, byDay.Counts)
	}
	calls, nano := batched.Paid()
	liveCalls, liveNano := live.Paid()
	if calls >= liveCalls || byNight.Counts.Batched+byNight.Counts.AskedLive != int(liveCalls) {
		t.Errorf("%d answers are billed in batches, %d live; counts %+v", calls, liveCalls, byNight.Counts)
	}
	spend, err := batched.Store.JobSpend(t.Context(), own.ID)
	if err != nil || spend.Settled != nano || spend.Reserved != 0 {
		t.Errorf("the books say %+v, the vendor %d (%v)", spend, nano, err)
	}
	t.Logf("in %d requests at %d, live in %d at %d (%.1f %%)", calls, nano, liveCalls, liveNano, 100*float64(nano)/float64(liveNano))
	near := liveNano/10 >= max(byNight.LiveCost-liveNano, liveNano-byNight.LiveCost)
	if nano > liveNano*35/100 || !near || byDay.LiveCost != liveNano {
		t.Errorf("it costs %d, live %d; its live cost is %d, that of the live dream %d", nano, liveNano, byNight.LiveCost, byDay.LiveCost)
	}
}

// Where the vendor refuses batches, or lets them expire, the questions are asked live.
func TestDreamWithoutItsBatches(t *testing.T) {
	t.Parallel()
	_, want, _ := dreamt(t, "live", nil)
	for name, f := range map[string]lab.Fault{
		"refused": {Vendor: "groq", Kind: lab.FaultStatus, Status: 400, Method: "POST", Route: "/batches"},
		"expired": {Vendor: "groq", Kind: lab.FaultExpireBatch, Share: 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, got, own := dreamt(t, "batch", func(b *handlertest.Bench) {
				b.Lab.SetSpeed(1e6) // a day passes in a moment
				b.Fault(t, f, 0)
			})
			if got.Counts.Kept != want.Counts.Kept {
				t.Errorf("%+v, want %+v", got.Counts, want.Counts)
			}
			_, nano := b.Paid()
			spend, err := b.Store.JobSpend(t.Context(), own.ID)
			if err != nil || spend.Settled != nano || spend.Reserved != 0 {
				t.Errorf("the books say %+v, the vendor %d (%v)", spend, nano, err)
			}
		})
	}
}
