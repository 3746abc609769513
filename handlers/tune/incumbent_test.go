package tune

import (
	"strings"
	"testing"
	"time"

	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// asleepBefore begins a tune whose incumbent has been stopped outside the hours of hosting, and trains its candidate.
func (l *ladderBench) asleepBefore() learn.Tune {
	l.Helper()
	l.deps.Settings.Hours = l.openFor(-time.Hour)
	l.advance(30 * time.Minute)
	if got := l.state(); got != learn.ModelAsleep {
		l.Fatalf("outside its hours the model is %s", got)
	}
	l.work = Handlers(l.deps)
	for i := range 24 {
		l.example("Case "+strings.Repeat("x", i+1)+": when do you open on a public holiday?", answerFor("opening hours"))
	}
	tune := l.tune(tasks.TuneInput{})
	l.run(func() bool {
		tune, err := l.store.Tune(l.ctx, l.tenant, tune.ID)
		l.must(err)
		return decode[state](l.bench, tune.State).Starting > 1
	})
	return tune
}

// An exam whose incumbent does not run waits until it has been started, and then compares with it.
func TestExamWaitsForItsIncumbent(t *testing.T) {
	t.Parallel()
	l := newLadderBench(t)
	tune := l.asleepBefore()
	l.advance(20 * time.Minute)
	if got := l.state(); got != learn.ModelServing {
		t.Fatalf("during the exam the incumbent is %s", got)
	}
	l.run(nil)
	tune, decision := l.decided(tune.ID)
	if tune.Evaluation == "" || strings.Contains(decision.Reason, "incomplete") {
		t.Fatalf("decision %+v", decision)
	}
	if report := l.report(tune); report.Conversations == 0 {
		t.Errorf("the report is %+v", report)
	}
}

// An incumbent that is not started is not waited for without an end: the candidate is refused and stopped.
func TestExamGivesItsIncumbentUp(t *testing.T) {
	t.Parallel()
	l := newLadderBench(t)
	tune := l.asleepBefore()
	l.run(nil)
	tune, decision := l.decided(tune.ID)
	if decision.Promoted || !strings.HasPrefix(decision.Reason, "refused: exam: "+l.model) || tune.Evaluation != "" {
		t.Errorf("decision %+v", decision)
	}
	model, err := l.store.Model(l.ctx, l.tenant, l.training(tune.ID).Model)
	l.must(err)
	if model.State != learn.ModelStopped {
		t.Errorf("the candidate is %s", model.State)
	}
}
