package tune

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/handlers/tune/hosting"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// training reads the training of a tune.
func (b *bench) training(tune string) learn.Training {
	b.Helper()
	t, err := b.store.Tune(b.ctx, b.tenant, tune)
	b.must(err)
	if t.Training == "" {
		return learn.Training{}
	}
	training, err := b.store.Training(b.ctx, b.tenant, t.Training)
	b.must(err)
	return training
}

// phase tells, as a condition for run, whether a tune's training is in a phase.
func (b *bench) phase(tune, phase string) func() bool {
	return func() bool {
		training := b.training(tune)
		return training.ID != "" && decode[tasks.TrainingSpec](b, training.Spec).Phase == phase
	}
}

func (b *bench) cancel(tune learn.Tune) {
	b.Helper()
	b.cancelJob(tune.Job)
}

func (b *bench) cancelJob(id string) {
	b.Helper()
	b.tx(func(q *store.Queries) error {
		_, err := q.CancelJob(b.ctx, b.tenant, id)
		return err
	})
}

// reap goes round until nothing is left, as ticks do.
func (b *bench) reap(rounds int) {
	b.Helper()
	for range rounds {
		if _, err := Reap(b.ctx, b.store, b.deps); err != nil {
			b.Fatal(err)
		}
		b.pass()
	}
}

func TestCancelEndsAtTheVendor(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{phaseFile, phaseTrain, phaseDeploy, phaseProve, phaseDone} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, Settings{MinExamples: 20, Gate: anyExam()})
			b.teach(24, 20)
			tune := b.tune(tasks.TuneInput{})
			b.run(b.phase(tune.ID, phase))
			b.cancel(tune)
			b.run(nil)
			b.reap(5)
			ended, err := b.store.Tune(b.ctx, b.tenant, tune.ID)
			b.must(err)
			training := b.training(tune.ID)
			if ended.Status != job.StateCancelled || (training.Status != learn.TrainingCancelled && phase != phaseDone) {
				t.Errorf("tune %s, training %s", ended.Status, training.Status)
			}
			b.wantNothingServed()
			b.wantBooksClosed()
		})
	}
}

// wantNothingServed looks at our rows and at the vendor's bill: hours that pass
// cost nothing more.
func (b *bench) wantNothingServed() {
	b.Helper()
	b.must(b.store.HostedModels(b.ctx, func(m learn.Model) error {
		b.Errorf("%s is still %s", m.Name, m.State)
		return nil
	}))
	before := b.paid("hosting:")
	b.lab.Advance(100 * time.Hour)
	if after := b.paid("hosting:"); after != before {
		b.Errorf("hosting went on from %d to %d nano-dollars", before, after)
	}
}

func (b *bench) paid(prefix string) (nano int64) {
	for _, p := range b.lab.Payments() {
		if strings.HasPrefix(p.Model, prefix) {
			nano += p.NanoUSD
		}
	}
	return nano
}

// wantBooksClosed looks for money that is reserved for nothing, and compares
// what training cost with what was paid for it.
func (b *bench) wantBooksClosed() {
	b.Helper()
	b.wantBooksAt(100)
}

// wantBooksAt is the same of a vendor that bills some percent of the catalogue's price.
func (b *bench) wantBooksAt(percent int64) {
	b.Helper()
	sums, err := b.store.Spending(b.ctx, b.tenant, "purpose", time.Unix(0, 0), time.Now().Add(1000*time.Hour))
	b.must(err)
	for _, s := range sums {
		if s.Reserved != 0 {
			b.Errorf("%s has $%d nano reserved", s.Group, s.Reserved)
		}
		if paid := b.paid("fine-tune:"); s.Group == purposeTrain && s.Settled*percent != paid*100 {
			b.Errorf("the books say %d for training, the vendor %d", s.Settled, paid)
		}
	}
}

// wantAnswersBooked compares what answers cost by the books with what vendors were paid for them: nobody asks a model
// beside the books.
func (b *bench) wantAnswersBooked() {
	b.Helper()
	sums, err := b.store.Spending(b.ctx, b.tenant, "purpose", time.Unix(0, 0), time.Now().Add(1000*time.Hour))
	b.must(err)
	var booked, paid int64
	for _, s := range sums {
		if s.Group != purposeTrain && s.Group != hosting.Purpose {
			booked += s.Settled
		}
	}
	for _, p := range b.lab.Payments() {
		if !strings.HasPrefix(p.Model, "fine-tune:") && !strings.HasPrefix(p.Model, "hosting:") {
			paid += p.NanoUSD
		}
	}
	if booked != paid {
		b.Errorf("the books say %d for answers, the vendors %d: %+v", booked, paid, b.lab.Payments())
	}
}

func TestCancelRacesWithTheTraining(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newBenchOn(t, s, Settings{MinExamples: 20, Gate: anyExam()}).cancelLate()
	})
}

func (b *bench) cancelLate() {
	b.Helper()
	b.teach(24, 2)
	tune := b.tune(tasks.TuneInput{})
	b.run(b.phase(tune.ID, phaseTrain))
	b.lab.Advance(24 * time.Hour) // it has completed, and nobody has looked yet
	b.cancel(tune)
	b.reap(3)
	training := b.training(tune.ID)
	if training.Status != learn.TrainingCancelled || training.Cost == 0 || training.Model != "" {
		b.Errorf("training %+v", training)
	}
	b.wantNothingServed()
	b.wantBooksClosed()
}

func TestLostCreationThenCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, Gate: anyExam()})
	b.teach(24, 2)
	b.wires.lose(1, "POST /v1/fine-tunes")
	tune := b.tune(tasks.TuneInput{})
	b.run(func() bool { return b.count("POST", "/v1/fine-tunes") == 1 })
	b.cancel(tune)
	b.reap(5)
	if training := b.training(tune.ID); training.Status != learn.TrainingCancelled || training.VendorID == "" {
		t.Errorf("training %+v", training)
	}
	b.wantBooksClosed()
}

func TestTrainingFails(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		lab.FaultFailTraining: "the vendor ended it as \"error\"",
		lab.FaultUserError:    "the vendor ended it as \"user_error\"",
		lab.FaultInvalidFile:  "the vendor refuses the training file",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, Settings{MinExamples: 20, Gate: anyExam()})
			b.teach(24, 2)
			b.fault(lab.Fault{Kind: kind})
			id := b.tune(tasks.TuneInput{}).ID
			b.run(nil)
			tune, err := b.store.Tune(b.ctx, b.tenant, id)
			b.must(err)
			training := b.training(id)
			failed := tune.Status == job.StateFailed && training.Status == learn.TrainingFailed
			if !failed || !strings.HasPrefix(training.Error, want) {
				t.Errorf("tune %s (%v), training %s: %s", tune.Status, tune.Error, training.Status, training.Error)
			}
			b.wantBooksClosed()
		})
	}
}

func TestOutageEndsNoTraining(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(b.phase(id, phaseTrain))
	down := 12 // more polls than a job has attempts
	b.fault(lab.Fault{Kind: lab.FaultStatus, Status: 503, Times: &down})
	b.run(nil)
	if _, decision := b.decided(id); !decision.Promoted {
		t.Errorf("decision %+v", decision)
	}
}

func TestBaseUnderATunedName(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, Gate: anyExam()})
	b.teach(24, 2)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(b.phase(id, phaseProve))
	b.wires.swap("openai/gpt-oss-20b")
	b.run(nil)
	tune, err := b.store.Tune(b.ctx, b.tenant, id)
	b.must(err)
	const want = "tuned weights are not in effect"
	if tune.Status != job.StateFailed || !strings.Contains(tune.Error.Message, want) {
		t.Errorf("tune %s: %v", tune.Status, tune.Error)
	}
	b.reap(2)
	b.wantNothingServed()
}

func TestRouteChangedMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(func() bool {
		tune, err := b.store.Tune(b.ctx, b.tenant, id)
		b.must(err)
		return tune.Stage == stageCanary
	})
	_, err := b.store.SetRoute(b.ctx, learn.Route{
		Tenant: b.tenant, Alias: learn.DefaultAlias, Reason: "by hand", Author: "key_1",
		Targets: []learn.RouteTarget{{Model: leadModel, Weight: 1}},
	})
	b.must(err)
	b.run(nil)
	_, decision := b.decided(id)
	route, err := b.store.Route(b.ctx, b.tenant, learn.DefaultAlias)
	b.must(err)
	said := strings.Contains(decision.Reason, "was changed to "+leadModel)
	if decision.Promoted || route.Author != "key_1" || !said {
		t.Errorf("decision %+v, route %+v", decision, route)
	}
	b.wantNothingServed()
}

func TestVendorEstimateOverTheBudget(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, HostingHours: 1, Gate: anyExam()})
	b.deps.Prices = trainingAt{b.deps.Prices, new(int64(1))} // the vendor's prices have risen
	b.work = Handlers(b.deps)
	b.teach(24, 1)
	id := b.tune(tasks.TuneInput{BudgetUSD: new(money.USD(5_496_000_000))}).ID // an hour of hosting is $5.49, the exam $0.0059
	b.run(nil)
	_, decision := b.decided(id)
	if !strings.HasPrefix(decision.Reason, "refused: budget: training would cost $0.00") {
		t.Errorf("decision %+v", decision)
	}
	if n := b.count("POST", "/v1/fine-tunes"); n != 0 {
		t.Errorf("%d trainings were created", n)
	}
}

func TestBaseThatCanNotBeServed(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, Gate: anyExam()})
	b.teach(24, 2)
	tune := b.tune(tasks.TuneInput{})
	tune.Base = "together/meta-llama/Llama-3.3-70B-Instruct-Reference"
	b.rebase(tune)
	b.run(nil)
	_, decision := b.decided(tune.ID)
	if !strings.HasPrefix(decision.Reason, "refused: hosting: ") || b.count("POST", "/v1/files") != 0 {
		t.Errorf("decision %+v", decision)
	}
}

func (b *bench) rebase(tune learn.Tune) {
	b.Helper()
	_, err := b.store.Driver().Exec(b.ctx, "UPDATE tunes SET base = $2 WHERE id = $1", tune.ID, tune.Base)
	b.must(err)
}

// Sums are checked against their references: a judge is not even asked.
func TestExactCheckRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	for i := range 40 {
		ask := fmt.Sprintf("A box holds %d pens and a shop orders %d boxes: how many pens are that?", i+3, i+7)
		right := fmt.Sprintf("%d times %d is %d.\n#### %d", i+3, i+7, (i+3)*(i+7), (i+3)*(i+7))
		b.example(fmt.Sprintf("%d pupils share %d rulers in exercise %d: is that fair?", i+2, 3*i+5, i), "I guess it is.")
		b.question(fmt.Sprintf("sum-%d", i), ask, right, right)
	}
	b.fault(lab.Fault{Kind: lab.FaultCorrupt, Share: 1})
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	report := b.report(tune)
	if decision.Promoted || report.Checked != report.Papers || report.Papers != 40 {
		t.Errorf("decision %+v, report %+v", decision, report)
	}
	for _, r := range b.lab.Requests() {
		if r.Model == "openai/gpt-oss-120b" {
			t.Fatal("a judge was asked")
		}
	}
	b.wantNothingServed()
}

func TestHostingIsBookedByTheHour(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	if _, decision := b.decided(id); !decision.Promoted {
		t.Fatal(decision)
	}
	b.ahead += 5 * time.Hour
	b.pass()
	for range 2 {
		b.reap(1)
	}
	sums, err := b.store.Spending(b.ctx, b.tenant, "purpose", time.Unix(0, 0), time.Now().Add(1000*time.Hour))
	b.must(err)
	for _, s := range sums {
		if s.Group == hosting.Purpose && (s.Calls != 0 || s.Settled != 6*5_490_000_000) {
			t.Errorf("hosting %+v", s)
		}
	}
}
