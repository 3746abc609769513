package tune

import (
	"slices"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// repeat has an evaluation repeated, and returns the new one, where there is one, and how the job ended.
func (b *bench) repeat(in tasks.RepeatInput) (learn.Evaluation, job.Job) {
	b.Helper()
	j := job.NewJob{
		ID: db.NewID("job_"), Tenant: b.tenant, Kind: string(tasks.TuneRepeat), Lane: string(tasks.Tune),
		Input: plainjson.Of(in), Subject: db.NewID("evl_"),
	}
	b.accept(j, func(*store.Queries) error { return nil })
	b.run(nil)
	ended, err := b.store.Job(b.ctx, b.tenant, j.ID)
	b.must(err)
	again, err := b.store.Evaluation(b.ctx, b.tenant, j.Subject)
	if err != nil && ended.State == job.StateSucceeded {
		b.Fatal(err)
	}
	return again, ended
}

func (b *bench) comparisons(evaluation string) []learn.Comparison {
	b.Helper()
	var all []learn.Comparison
	b.must(b.store.EachComparison(b.ctx, b.tenant, evaluation, func(p learn.Comparison) error {
		all = append(all, p)
		return nil
	}))
	return all
}

// An evaluation that is repeated has the same papers, judge and orders: with a judge that answers alike
// it comes to the same report. It is not the last look of its alias.
func TestRepeat(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, _ := b.decided(id)
	calls, first := b.count("POST", "/v1/chat/completions"), b.report(tune)
	again, ended := b.repeat(tasks.RepeatInput{Evaluation: tune.Evaluation})
	if ended.State != job.StateSucceeded || again.Repeats != tune.Evaluation || again.Tune != id {
		t.Fatalf("%s: %s, %+v", ended.State, ended.Result, again)
	}
	if string(plainjson.Of(again.Report)) != string(plainjson.Of(first)) {
		t.Errorf("repeated:\n%s\nfirst:\n%s", plainjson.Of(again.Report), plainjson.Of(first))
	}
	papers, asked := b.comparisons(tune.Evaluation), 0
	for _, p := range papers {
		if asked += len(p.Orders); len(p.Orders) != len(p.Said.Reasons) || p.Judged && len(p.Orders) != 2 {
			t.Errorf("%+v, %+v", p, p.Said)
		}
	}
	if got := b.count("POST", "/v1/chat/completions") - calls; got != asked {
		t.Errorf("%d calls for %d judgements", got, asked)
	}
	same := func(a, b learn.Comparison) bool {
		return string(plainjson.Of(a)) == string(plainjson.Of(b)) && a.Outcome == b.Outcome
	}
	if got := b.comparisons(again.ID); !slices.EqualFunc(got, papers, same) || len(papers) != first.Papers {
		t.Errorf("%d papers were repeated of %d", len(got), len(papers))
	}
	if last, err := b.store.LastEvaluation(b.ctx, b.tenant, tune.Alias); err != nil || last.ID != tune.Evaluation {
		t.Errorf("the last look is %s, %v", last.ID, err)
	}
}

// A repetition costs no more than it may, and one of nothing says so.
func TestRepeatWithin(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, _ := b.decided(id)
	for _, p := range b.comparisons(tune.Evaluation) { // so that there is something to ask the judge
		p.Judged, p.Checked, p.Said = true, false, &learn.Said{Candidate: "yes", Incumbent: "no"}
		b.must(b.store.AddComparison(b.ctx, b.tenant, "evl_judged", p))
	}
	b.must(b.store.AddEvaluation(b.ctx, learn.Evaluation{ID: "evl_judged", Tenant: b.tenant, Report: b.report(tune)}))
	again, ended := b.repeat(tasks.RepeatInput{Evaluation: "evl_judged", BudgetUSD: new(money.USD(1))})
	if ended.State != job.StateSucceeded || again.Report.Decision != "refuse" {
		t.Errorf("%s %s, %+v", ended.State, ended.Result, again.Report)
	}
	spend, err := b.store.JobSpend(b.ctx, ended.ID)
	if b.must(err); spend.Settled > 1 {
		t.Errorf("%d nano-dollars were spent", spend.Settled)
	}
	b.must(b.store.AddEvaluation(b.ctx, learn.Evaluation{ID: "evl_empty", Tenant: b.tenant}))
	if _, ended := b.repeat(tasks.RepeatInput{Evaluation: "evl_empty"}); ended.State != job.StateFailed {
		t.Errorf("%s %s", ended.State, ended.Result)
	}
}
