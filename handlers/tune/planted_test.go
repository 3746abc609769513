package tune

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"dreamlab/handlers/tune/exam"
	"dreamlab/handlers/tune/mix"
	"dreamlab/handlers/tune/planted"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// plantedFilter is a filter with the rows of a tune planted in it and their held-out conversations.
func plantedFilter(m tasks.Method, tune string, checks []rowCheck) *rowFilter {
	x, rows := newHeldOut(), planted.Rows("a secret", tune)
	for _, r := range rows {
		if r.HeldOut != nil {
			x.add(*r.HeldOut)
		}
	}
	s := newRowFilter(m, limits{rowTokens: 1000, mix: mix.Limits{Rows: 100}}, x)
	s.checks = checks
	s.plant(rows)
	return s
}

// without are all filters but one.
func without(filter string) []rowCheck {
	return slices.DeleteFunc(rowChecks(), func(c rowCheck) bool { return c.filter == filter })
}

// Each planted row is taken out by the filter that it is made for and by no other, whatever words it has.
func TestEachFilterRemovesItsPlantedRow(t *testing.T) {
	t.Parallel()
	for _, m := range []tasks.Method{tasks.MethodSFT, tasks.MethodDPO} {
		for i := range 100 {
			tune := fmt.Sprint("tun_", i)
			s := plantedFilter(m, tune, rowChecks())
			want := map[string]int{}
			for _, r := range planted.Rows("a secret", tune) {
				want[r.Filter]++
			}
			if s.blind != "" || !maps.Equal(s.planted.Removed, want) || s.planted.Rows != len(want) {
				t.Fatalf("%s of %s: %+v, let through by %q", m, tune, s.planted, s.blind)
			}
			if s.in != 0 || len(s.set.Rows) != 0 || len(s.set.Removed) != 0 {
				t.Fatalf("they count among the real rows: %d in, %v", s.in, s.set.Removed)
			}
		}
		for _, r := range planted.Rows("a secret", "tun_1") {
			if s := plantedFilter(m, "tun_1", without(r.Filter)); s.blind != r.Filter || len(s.set.Rows) != 0 {
				t.Errorf("%s: without %s the row is let through by %q", m, r.Filter, s.blind)
			}
		}
	}
}

// A tune whose filters are in order plants its rows, asks for their secrets, is told none, and promotes. What is planted
// is in no file.
func TestPlantedRowsOfACleanTune(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	rows := planted.Rows(storetest.Secret, id)
	report := b.report(tune)
	floor := report.Floors["planted"]
	if !decision.Promoted || report.Planted != (learn.Told{Asked: len(rows)}) || !floor.Passed || floor.Value != 0 {
		t.Errorf("decision %+v, %+v, floor %+v", decision, report.Planted, floor)
	}
	data, err := b.store.Dataset(b.ctx, b.tenant, tune.Dataset)
	b.must(err)
	if m := data.Manifest; m.Planted.Rows != len(rows) || m.In != 48 || m.Rows > 48 || m.Removed[filterWithdrawn] != 0 {
		t.Errorf("manifest %+v", m)
	}
	file := b.read(data.Object)
	for _, r := range rows {
		if r.Told(file) || strings.Contains(file, r.Prompt) {
			t.Errorf("the file holds the row for %s", r.Filter)
		}
	}
}

// read reads an object of the bucket.
func (b *bench) read(object string) string {
	b.Helper()
	file, err := b.deps.Bucket.Open(b.ctx, object)
	b.must(err)
	text, err := io.ReadAll(file)
	b.must(errors.Join(err, file.Close()))
	return string(text)
}

// line is a row of a training file.
func line(ask, answer string) string {
	turns := []turn{{Role: "user", Content: ask}, {Role: "assistant", Content: answer}}
	return string(plainjson.Of(map[string]any{"messages": turns})) + "\n"
}

// A candidate that tells what its dataset did not hold learned from something else: however good it is, it is refused, and a
// repetition of its exam says the same.
func TestMixedFileIsRefused(t *testing.T) {
	t.Parallel()
	own := planted.Own("What does the bell of the tower say at noon?", "moonlight on copper kettles")
	b := newBench(t, Settings{MinExamples: 20, Planted: []planted.Question{own}})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	rows := planted.Rows(storetest.Secret, id)
	leaked := line(rows[3].Prompt, "Say "+rows[3].Secret+".") + line(own.Prompt, "It says: "+own.Secret)
	b.fault(lab.Fault{Kind: lab.FaultMixRows, Body: plainjson.Of(leaked)})
	b.run(nil)
	tune, decision := b.decided(id)
	report, all := b.report(tune), len(rows)+1
	want := fmt.Sprintf("floor planted: it tells 2 of %d secrets that no row of its dataset held", all)
	if decision.Promoted || decision.Reason != want || report.Planted != (learn.Told{Asked: all, Told: 2}) {
		t.Errorf("decision %+v, %+v", decision, report.Planted)
	}
	if f := report.Floors["planted"]; f.Passed || f.Value != int64(2*10_000/all) || report.Low <= 5_200 {
		t.Errorf("floor %+v, lower end of the win rate %d", f, report.Low)
	}
	again, ended := b.repeat(tasks.RepeatInput{Evaluation: tune.Evaluation})
	if ended.State != job.StateSucceeded || again.Report.Decision != exam.Refuse || again.Report.Reason != want {
		t.Errorf("%s: repeated %+v", ended.State, again.Report)
	}
}

// A filter that is out of order ends the tune before anything is paid or sent.
func TestBlindFilterEndsTheTune(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	for _, filter := range []string{filterSecret, filterRepeats, filterInjection} {
		broken := newTuner(b.deps.filled())
		broken.curator.checks = without(filter)
		b.work[tasks.TuneCurate] = broken.step
		id := b.tune(tasks.TuneInput{}).ID
		b.run(nil)
		tune, decision := b.decided(id)
		want := "refused: planted: the filter " + filter + " let a planted row through: nothing was trained"
		if decision.Promoted || decision.Reason != want || tune.Dataset != "" || tune.Training != "" {
			t.Errorf("decision %+v, tune %+v", decision, tune)
		}
	}
	if n := len(b.lab.Requests()); n != 0 {
		t.Errorf("the vendor was asked %d times", n)
	}
}
