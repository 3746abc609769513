package tune

import (
	"bytes"
	"strings"
	"testing"

	"dreamlab/handlers/tune/exam"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

func TestTunePromotesABetterModel(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := newBenchOn(t, s, Settings{MinExamples: 20})
		b.wantPromotion()
		b.reap(2)
		b.wantPromoted()
	})
}

func (b *bench) wantPromotion() {
	b.Helper()
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	report := b.report(tune)
	if !decision.Promoted || tune.Status != job.StateSucceeded || tune.Stage != stageDone {
		b.Fatalf("decision %+v, report %+v", decision, report)
	}
	b.wantRepeatable(tune, report)
	route, err := b.store.Route(b.ctx, b.tenant, learn.DefaultAlias)
	b.must(err)
	training, err := b.store.Training(b.ctx, b.tenant, tune.Training)
	b.must(err)
	if route.Author != id || route.Targets[0].Model != training.Model || route.Targets[1].Model != baseModel {
		b.Errorf("route %+v after training %+v", route, training)
	}
	model, err := b.store.Model(b.ctx, b.tenant, training.Model)
	b.must(err)
	if model.State != learn.ModelServing || training.Status != learn.TrainingSucceeded || training.Cost == 0 {
		b.Errorf("model %+v, training %+v", model, training)
	}
	spec := decode[tasks.TrainingSpec](b, training.Spec)
	if len(spec.Events) == 0 || len(spec.Checkpoints) == 0 {
		b.Errorf("events %v, checkpoints %v", spec.Events, spec.Checkpoints)
	}
	if n := b.count("POST", "/v1/fine-tunes"); n != 1 {
		b.Errorf("%d trainings were created", n)
	}
}

// wantRepeatable makes the report again of what is kept of the papers, and looks at the part of
// them that the next exams have too.
func (b *bench) wantRepeatable(tune learn.Tune, report learn.Report) {
	b.Helper()
	run := &tasks.Run{Store: b.store, Job: job.Job{ID: tune.Job, Tenant: b.tenant}}
	sat := exam.Sitting{Judge: report.Judge, Seed: report.Seed, Look: report.Look}
	again, err := reportOf(b.ctx, run, tune.Evaluation, sat, b.deps.filled().Settings.Gate)
	b.must(err)
	if !bytes.Equal(plainjson.Of(again), plainjson.Of(report)) {
		b.Errorf("repeated:\n%s\nfirst:\n%s", plainjson.Of(again), plainjson.Of(report))
	}
	fixed, err := b.store.RegressionPapers(b.ctx, b.tenant, tune.Alias)
	b.must(err)
	if len(fixed) != report.Papers/10 {
		b.Errorf("%d papers of %d were added to the regression set", len(fixed), report.Papers)
	}
}

// wantPromoted looks whether the reaper left the one model alone.
func (b *bench) wantPromoted() {
	b.Helper()
	serving := 0
	b.must(b.store.HostedModels(b.ctx, func(m learn.Model) error {
		serving += one(m.State == learn.ModelServing)
		return nil
	}))
	if serving != 1 {
		b.Errorf("%d models serve", serving)
	}
}

func TestTuneRefusesASpoiltModel(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	b.fault(lab.Fault{Kind: lab.FaultCorrupt, Share: 1})
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	if decision.Promoted || tune.Evaluation == "" {
		t.Fatalf("decision %+v, report %+v", decision, b.report(tune))
	}
	b.wantStopped(tune)
}

func (b *bench) wantStopped(tune learn.Tune) {
	b.Helper()
	training, err := b.store.Training(b.ctx, b.tenant, tune.Training)
	b.must(err)
	model, err := b.store.Model(b.ctx, b.tenant, training.Model)
	b.must(err)
	if model.State != learn.ModelStopped {
		b.Errorf("the refused model is %s", model.State)
	}
	if _, err := b.store.Route(b.ctx, b.tenant, learn.DefaultAlias); err == nil {
		b.Error("the alias has a route")
	}
}

func TestTuneEndsWithoutExamples(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(12, 3)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	_, decision := b.decided(id)
	if decision.Reason != "too few examples: 12 of 20" || len(b.lab.Requests()) != 0 {
		t.Errorf("decision %+v after %d requests", decision, len(b.lab.Requests()))
	}
}

// An exam that would end undecided is not paid for: nothing is frozen, uploaded or asked.
func TestTuneIsNotBegunForAnExamThatDecidesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 29)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	const want = "refused: exam: it would decide nothing: 29 held-out conversations of 30 needed"
	if decision.Reason != want || tune.Dataset != "" || len(b.lab.Requests()) != 0 {
		t.Errorf("decision %+v, dataset %q after %d requests", decision, tune.Dataset, len(b.lab.Requests()))
	}
	if tune.Exam == nil || tune.Exam.Conversations != 29 || tune.Exam.Look.Number != 1 {
		t.Errorf("exam %+v", tune.Exam)
	}
}

func TestTuneRefusesDearHosting(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{BudgetUSD: new(money.USD(5 * money.Dollar))}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	if !strings.HasPrefix(decision.Reason, "refused: hosting") || tune.Training != "" {
		t.Errorf("decision %+v, training %q", decision, tune.Training)
	}
	if n := b.count("POST", "/v1/files"); n != 0 {
		t.Errorf("the file was uploaded %d times", n)
	}
}

func TestTuneRehearses(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{DryRun: true}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	if !strings.HasPrefix(decision.Reason, "dry run: 48 rows; an exam of 40 conversations, look 1 of the year, finds ") || tune.Dataset != "" {
		t.Errorf("decision %+v, dataset %q", decision, tune.Dataset)
	}
}

func TestLostCreationIsAdopted(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, Gate: anyExam()})
	b.teach(24, 2)
	b.wires.lose(1, "POST /v1/fine-tunes")
	b.wires.lose(2, "GET /v1/fine-tunes") // nor can it be looked for at once
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	if n := b.count("POST", "/v1/fine-tunes"); n != 1 {
		t.Errorf("%d trainings were created", n)
	}
	if decision.Promoted || !strings.HasPrefix(decision.Reason, "not better") {
		t.Errorf("decision %+v", decision)
	}
	b.wantStopped(tune)
	b.wantTrainedOnce(tune)
}

// wantTrainedOnce compares the books with what the vendor was paid for training.
func (b *bench) wantTrainedOnce(tune learn.Tune) {
	b.Helper()
	var entries []book.Entry
	training, err := b.store.Training(b.ctx, b.tenant, tune.Training)
	b.must(err)
	b.must(b.store.JobEntries(b.ctx, training.Job, func(e book.Entry) error {
		if e.Purpose == purposeTrain {
			entries = append(entries, e)
		}
		return nil
	}))
	if len(entries) != 1 || entries[0].State != book.EntrySettled || entries[0].Settled != training.Cost {
		b.Errorf("entries %+v for a training of %d", entries, training.Cost)
	}
}

func TestVanishedCreationIsMadeAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, Gate: anyExam()})
	b.teach(24, 2)
	b.wires.cut("POST /v1/fine-tunes")
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, _ := b.decided(id)
	looks := b.count("GET", "/v1/fine-tunes")
	if n := b.count("POST", "/v1/fine-tunes"); n != 1 || looks < enoughLooks || b.ahead < doubtPolls*pollEvery {
		t.Errorf("%d trainings were created after %d looks in %s", n, looks, b.ahead)
	}
	b.wantTrainedOnce(tune)
}

// TestUnreachableListCreatesNothing loses the answer of a creation and of every
// look for it: nothing is created a second time, not by a retry of the job
// either, and what is there is adopted when the list can be read again.
func TestUnreachableListCreatesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, Gate: anyExam()})
	b.teach(24, 2)
	b.wires.lose(1, "POST /v1/fine-tunes")
	b.wires.lose(1<<30, "GET /v1/fine-tunes")
	id := b.tune(tasks.TuneInput{}).ID
	looked := func() bool { return b.count("GET", "/v1/fine-tunes") > 100 }
	b.run(looked)
	if b.ahead < 2*doubtPolls*pollEvery || b.count("POST", "/v1/fine-tunes") != 1 {
		t.Errorf("%d trainings in %s", b.count("POST", "/v1/fine-tunes"), b.ahead)
	}
	b.wires.lose(0, "GET /v1/fine-tunes")
	b.run(nil)
	tune, _ := b.decided(id)
	if n := b.count("POST", "/v1/fine-tunes"); n != 1 {
		t.Errorf("%d trainings were created", n)
	}
	b.wantTrainedOnce(tune)
}

// TestLostDeploymentIsAdopted loses the answers of what is made to serve the
// tuned model: none of it is made a second time.
func TestLostDeploymentIsAdopted(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, Gate: anyExam()})
	b.teach(24, 2)
	tune := b.tune(tasks.TuneInput{})
	b.run(b.phase(tune.ID, phaseDeploy))
	b.wires.loseAll(1, "POST", "/endpoints", "/deployments")
	b.run(nil)
	made := map[string]int{}
	for _, r := range b.lab.Requests() {
		for _, end := range []string{"/endpoints", "/deployments"} {
			if r.Method == "POST" && strings.HasSuffix(r.Path, end) && r.Status < 300 {
				made[end]++
			}
		}
	}
	if made["/endpoints"] != 1 || made["/deployments"] != 1 {
		t.Errorf("made: %v", made)
	}
	ended, _ := b.decided(tune.ID)
	b.wantStopped(ended)
	b.wantBooksClosed()
}

// TestCrashesPayNothingTwice loses the end of the first attempt at every stage
// and phase: the worker died after its calls and before the commit.
func TestCrashesPayNothingTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	died := map[string]bool{}
	b.die = func(job job.Job, _ *tasks.End) bool {
		at := job.Kind + " " + b.at(job)
		first := !died[at]
		died[at] = true
		return first
	}
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	if !decision.Promoted || len(died) < 10 {
		t.Errorf("decision %+v after deaths at %v", decision, died)
	}
	for _, path := range []string{"/v1/fine-tunes", "/v1/files"} {
		if n := b.count("POST", path); n != 1 {
			t.Errorf("%s was created %d times", path, n)
		}
	}
	b.wantTrainedOnce(tune)
	b.wantAnsweredOnce()
}

// at is the stage or phase that a job found.
func (b *bench) at(job job.Job) string {
	b.Helper()
	in := decode[tasks.TrainInput](b, job.Input)
	if in.Training == "" {
		tune, err := b.store.Tune(b.ctx, b.tenant, job.Subject)
		b.must(err)
		return tune.Stage
	}
	training, err := b.store.Training(b.ctx, b.tenant, in.Training)
	b.must(err)
	return decode[tasks.TrainingSpec](b, training.Spec).Phase
}

// wantAnsweredOnce compares the calls that were paid for with the answers that
// are kept.
func (b *bench) wantAnsweredOnce() {
	b.Helper()
	asked, kept := b.count("POST", "/v1/chat/completions"), 0
	jobs, more, err := b.store.Jobs(b.ctx, b.tenant, job.Filter{Children: true}, db.Page{Limit: 100})
	b.must(err)
	for _, job := range jobs {
		b.must(b.store.Effects(b.ctx, job.ID, func(book.Effect) error {
			kept++
			return nil
		}))
	}
	if more || asked != kept || kept == 0 {
		b.Errorf("%d calls for %d answers", asked, kept)
	}
}
