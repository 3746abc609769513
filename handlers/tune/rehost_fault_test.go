package tune

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// asks runs a tune that starts from a tuned model to its end, and returns why it ended.
func (b moved) asks(in tasks.TuneInput) (learn.Tune, learn.Decision) {
	b.Helper()
	in.Model = cmp.Or(in.Model, b.model)
	id := b.tune(in).ID
	b.run(nil)
	return b.decided(id)
}

// What can not be registered elsewhere is refused with the reason before anything is brought anywhere.
func TestRehostRefused(t *testing.T) {
	t.Parallel()
	b := newMoved(t, storetest.SQLite(t), moves()[0])
	cent := money.USD(1)
	training := b.training(b.modelOf().Tune)
	for _, c := range []struct {
		in   tasks.TuneInput
		says string
		now  func()
	}{
		{in: tasks.TuneInput{Host: "nowhere"}, says: `"nowhere" serves no tuned models here: groq, together, vllm do`},
		{in: tasks.TuneInput{Host: "colab"}, says: `"colab" serves no tuned models here`},
		{in: tasks.TuneInput{Host: "together"}, says: "together does not take what colab trains: that is served at groq, vllm"},
		{in: tasks.TuneInput{Host: "vllm"}, says: b.model + " is there already, and a route names it"},
		{in: tasks.TuneInput{Host: "groq", BudgetUSD: &cent}, says: "refused: budget"},
		{in: tasks.TuneInput{Host: "groq", Model: "vllm/gone"}, says: "there is no tuned model vllm/gone any more"},
		{in: tasks.TuneInput{Host: "groq"}, says: "refused: archive: adapter_model.safetensors, which " + training.ID, now: func() {
			b.must(b.deps.Bucket.Delete(b.ctx, "runs/"+training.VendorID+"/files/adapter_model.safetensors"))
		}},
		{in: tasks.TuneInput{Host: "groq"}, says: "refused: proof: the rows that it learned from are gone", now: func() {
			b.must(b.deps.Bucket.Delete(b.ctx, decode[tasks.TrainingSpec](b.bench, training.Spec).Object))
		}},
		{in: tasks.TuneInput{Host: "groq"}, says: refusedTainted, now: func() {
			_, err := b.store.Exec(b.ctx, `UPDATE models SET tainted = {now}`)
			b.must(err)
		}},
	} {
		if c.now != nil {
			c.now()
		}
		tune, decision := b.asks(c.in)
		if decision.Promoted || !strings.HasPrefix(decision.Reason, "refused: ") || !strings.Contains(decision.Reason, c.says) {
			t.Errorf("%+v: %s, not %q", c.in, decision.Reason, c.says)
		}
		if tune.Training != "" {
			t.Errorf("%+v: it began as %s", c.in, tune.Training)
		}
	}
	if n := b.count("POST", "/openai/v1/files"); n != 0 {
		t.Errorf("%d adapters were brought to Groq", n)
	}
	b.wantServing()
}

// wantServing makes sure that the model goes on serving, and nothing else does.
func (b moved) wantServing() {
	b.Helper()
	b.reap(2)
	b.wantPromoted()
	if m := b.modelOf(); m.State != learn.ModelServing {
		b.Errorf("%s is %s", m.Name, m.State)
	}
}

func (b moved) modelOf() learn.Model {
	b.Helper()
	m, err := b.store.Model(b.ctx, b.tenant, b.model)
	b.must(err)
	return m
}

// The plan of a tuned model prices each place that could serve its weights, and says what forbids the rest; weights
// whose trainer keeps them go nowhere else.
func TestRehostPlan(t *testing.T) {
	t.Parallel()
	b := newMoved(t, storetest.SQLite(t), moves()[0])
	tune, decision := b.asks(tasks.TuneInput{DryRun: true, ChatsPerDay: 1_000})
	plan := decode[state](b.bench, tune.State).Plan
	if len(plan) != 3 || !strings.HasPrefix(decision.Reason, "dry run: the weights of "+b.model+" at groq") ||
		!strings.Contains(decision.Reason, "both with the same weights: it only must not be worse") {
		t.Fatalf("%s; the plan is %+v", decision.Reason, plan)
	}
	best := plan[0]
	if best.Place != "groq" || best.Trainer != "colab" || best.Training != 0 || best.Hosting <= 0 || !best.PerToken || !best.Chosen {
		t.Errorf("the plan begins with %+v", best)
	}
	if plan[1].Forbidden == "" || plan[2].Forbidden == "" {
		t.Errorf("the plan goes on with %+v", plan[1:])
	}
	if tune.Training != "" || tune.Base != "groq/"+groqBase {
		t.Errorf("the tune is %+v", tune)
	}
}

func TestRehostOfWhatIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.serveAt(ownServer(t), nil)
	b.base = baseModel
	b.deps.Settings.Base = b.base
	b.work = Handlers(b.deps)
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	at := b.promotes(id, "vllm")
	for host, says := range map[string]string{
		"vllm": "together does not give out the weights that it trains: together alone serves them",
		"":     at.model + " is there already, and a route names it",
	} {
		if _, decision := at.asks(tasks.TuneInput{Host: host}); !strings.Contains(decision.Reason, says) {
			t.Errorf("at %q: %s", host, decision.Reason)
		}
	}
}

// A model that was moved goes back to where it was: its deployment there is started again, under the same name.
func TestRehostBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) { newMoved(t, s, moves()[0]).goesBack("vllm") })
}

// A model that its place runs only while it is asked sleeps when it is to be compared with: the exam waits for it, for
// longer than failed attempts are repeated.
func TestRehostFromWhereItSleeps(t *testing.T) {
	t.Parallel()
	moves := moves()
	b := newMoved(t, storetest.SQLite(t), moves[len(moves)-1])
	evaluate, looks, step, sleeps := b.work[tasks.TuneEvaluate], map[string]int{}, b.step, ""
	b.work[tasks.TuneEvaluate] = func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		end, err := evaluate(ctx, run)
		switch looks[run.Job.ID]++; {
		case err != nil || end.State == job.StateWaiting:
			b.step, sleeps = 5*time.Second, run.Job.ID // a twelfth of what a copy takes to start
		case run.Job.ID == sleeps:
			b.step = step
		}
		return end, err
	}
	b.goesBack("sagemaker")
	if most := slices.Max(slices.Collect(maps.Values(looks))); most <= 5 { // attempts of a job
		t.Errorf("slices were looked at %d times at most", most)
	}
}

// goesBack goes to the other place, and back to the one where it was.
func (b moved) goesBack(home string) {
	b.Helper()
	if _, decision := b.asks(tasks.TuneInput{Host: b.host}); !decision.Promoted {
		b.Fatal(decision.Reason)
	}
	b.ahead += 2 * time.Hour
	b.must(b.store.ShiftClock(b.ctx, b.ahead))
	b.reap(2)
	if m := b.modelOf(); m.State != learn.ModelStopped {
		b.Fatalf("%s is %s", m.Name, m.State)
	}
	form := b.serving()
	back, decision := b.asks(tasks.TuneInput{Model: form, Host: home})
	if !decision.Promoted || b.serving() != b.model {
		b.Fatalf("%s; %s serves", decision.Reason, b.serving())
	}
	if m := b.modelOf(); m.State != learn.ModelServing || m.Tune != back.ID {
		b.Errorf("model %+v", m)
	}
	b.reap(1)
	models, _, err := b.store.Models(b.ctx, b.tenant, db.Page{Limit: 10})
	b.must(err)
	if len(models) != 2 {
		b.Errorf("%d models are registered", len(models))
	}
}

// serving is what the alias goes to first.
func (b moved) serving() string {
	b.Helper()
	route, err := b.store.Route(b.ctx, b.tenant, learn.DefaultAlias)
	b.must(err)
	return route.Targets[0].Model
}

// Weights that answer worse at another place are refused, and what was started for them there is stopped.
func TestRehostWorse(t *testing.T) {
	t.Parallel()
	b := newMoved(t, storetest.SQLite(t), moves()[0])
	id := b.tune(tasks.TuneInput{Model: b.model, Host: "groq"}).ID
	b.run(b.phase(id, phaseDone))
	form := b.training(id).Model
	b.wires.spoil(strings.TrimPrefix(form, "groq/"))
	b.run(nil)
	if _, decision := b.decided(id); decision.Promoted {
		t.Errorf("it was promoted: %s", decision.Reason)
	}
	m, err := b.store.Model(b.ctx, b.tenant, form)
	b.must(err)
	if m.State != learn.ModelStopped {
		t.Errorf("%s is %s", form, m.State)
	}
	b.wantServing()
}

// A tune that is cancelled while weights are brought to another place leaves nothing there, and what serves goes on,
// whether or not the answer to the deployment had come.
func TestRehostCancelled(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{phaseDeploy, phaseProve, phaseDone} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			b := newMoved(t, storetest.SQLite(t), moves()[0])
			tune := b.tune(tasks.TuneInput{Model: b.model, Host: "groq"})
			b.run(b.phase(tune.ID, phase))
			b.cancel(tune)
			b.run(nil)
			b.reap(5)
			ended, err := b.store.Tune(b.ctx, b.tenant, tune.ID)
			b.must(err)
			if ended.Status != job.StateCancelled {
				t.Errorf("the tune is %s", ended.Status)
			}
			b.wantServing()
			b.wantBooksClosed()
		})
	}
}

// A conversation that is forgotten while its model is brought to another place marks the model there, too: it is not
// given traffic.
func TestRehostForgotten(t *testing.T) {
	t.Parallel()
	b := newMoved(t, storetest.SQLite(t), moves()[0])
	tune := b.tune(tasks.TuneInput{Model: b.model, Host: "groq"})
	b.run(b.phase(tune.ID, phaseDone))
	var taught string
	b.must(b.store.TrainingRows(b.ctx, b.tenant, learn.DefaultAlias, func(e learn.Example) error {
		taught = e.Experience
		return nil
	}))
	e, err := b.store.Experience(b.ctx, b.tenant, taught)
	b.must(err)
	b.tx(func(q *store.Queries) error {
		traces, err := q.Traces(b.ctx, b.tenant, e.Conversation, learn.Kinds{})
		if err == nil {
			err = q.Forget(b.ctx, b.tenant, traces, learn.Kinds{})
		}
		return err
	})
	b.run(nil)
	if _, decision := b.decided(tune.ID); decision.Promoted || decision.Reason != refusedTainted {
		t.Errorf("decision %+v", decision)
	}
	if b.serving() != b.model {
		t.Errorf("%s serves", b.serving())
	}
}
