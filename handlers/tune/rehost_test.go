package tune

import (
	"context"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/bedrock"
	bedrockemulator "dreamlab/providers/bedrock/emulator"
	"dreamlab/providers/cloudflare"
	cloudflareemulator "dreamlab/providers/cloudflare/emulator"
	"dreamlab/providers/groq"
	groqemulator "dreamlab/providers/groq/emulator"
	"dreamlab/providers/sagemaker"
	sagemakeremulator "dreamlab/providers/sagemaker/emulator"
	vllmemulator "dreamlab/providers/vllm/emulator"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

const (
	hubBase    = "jumpstart-llama-3-1-8b-instruct"
	gemma      = "google/gemma-3-12b-it"
	groqBase   = "openai/gpt-oss-20b"
	cloudGemma = "@cf/google/gemma-3-12b-it"
)

// groqWith has Groq's base taken for some weights: which those are is in each customer's contract.
func groqWith(weights string) place {
	return place{groq.Vendor, groqemulator.New, groqBase, weights, map[string]string{"GROQ_LORA_BASES": groqBase + "=" + weights}}
}

func cloudflareWithGemma() place {
	return place{cloudflare.Vendor, cloudflareemulator.New, cloudGemma, gemma, nil}
}

func bedrockWithImports() place {
	return place{bedrock.Vendor, bedrockemulator.New, "us.meta.llama3-1-8b-instruct-v1:0", "", map[string]string{
		"BEDROCK_IMPORT_ROLE_ARN": "arn:aws:iam::123456789012:role/imports",
	}}
}

// move is from where to where a tuned model goes, and the calls there that must not be made twice.
type move struct {
	name     string
	from, to func(t *testing.T) place
	paid     []string
	hub      bool // its trainer is SageMaker, not a machine of one's own
	step     time.Duration
}

func moves() []move {
	qwen := func(*testing.T) place { return groqWith(vllmemulator.Base) }
	return []move{
		{name: "vllm to groq", from: ownServer, to: qwen, paid: []string{"POST /openai/v1/files", "POST /v1/fine_tunings"}},
		{name: "groq to vllm", from: qwen, to: ownServer, paid: []string{"POST /v1/load_lora_adapter"}},
		{
			name: "groq to cloudflare", from: func(*testing.T) place { return groqWith(gemma) },
			to: func(*testing.T) place { return cloudflareWithGemma() }, paid: []string{"POST /finetunes", "POST /finetune-assets"},
		},
		{
			name: "sagemaker to bedrock", to: func(*testing.T) place { return bedrockWithImports() }, hub: true,
			step: 2 * time.Minute, paid: []string{"POST /model-import-jobs"},
		},
	}
}

// moved is a bench with a tuned model that serves at one place and may go to another.
type moved struct {
	*bench
	model string // that serves
	host  string // where it may go
}

func newMoved(t *testing.T, s *store.Store, m move) moved {
	t.Helper()
	if m.hub {
		return newHubMoved(t, s, m)
	}
	from, to := m.from(t), m.to(t)
	h := newHomeAt(t, s, from)
	own, err := h.deps.Vendors.(*providers.Router).Driver("colab")
	h.must(err)
	h.bases(to, from)
	h.serveAt(from, map[string]providers.Driver{"colab": own, to.vendor.Name: h.open(to)})
	id, run := h.begin()
	if code, _ := h.session(run); code != 0 {
		t.Fatalf("the session ended with %d", code)
	}
	return h.promotes(id, to.vendor.Name)
}

func newHubMoved(t *testing.T, s *store.Store, m move) moved {
	t.Helper()
	b := newBenchAt(t, s, Settings{MinExamples: 20}, shop{
		sagemaker.Vendor, sagemakeremulator.New, "sagemaker/" + hubBase, "sagemaker/jumpstart-llama-3-1-70b-instruct",
	})
	b.step = m.step
	to := m.to(t)
	b.bases(to)
	b.serveAt(to, nil)
	b.base = "sagemaker/" + hubBase // tuned and served by the hub at first
	b.deps.Settings.Base = b.base
	b.work = Handlers(b.deps)
	b.teach(48, 40)
	return b.promotes(b.tune(tasks.TuneInput{}).ID, to.vendor.Name)
}

// bases has the plan know the models of some places.
func (b *bench) bases(places ...place) {
	b.deps.Settings.Bases = func(_ context.Context, provider string) (names []string) {
		for _, p := range places {
			if p.vendor.Name == provider {
				names = append(names, p.base)
			}
		}
		return names
	}
}

// promotes runs a tune to its promotion.
func (b *bench) promotes(id, to string) moved {
	b.Helper()
	b.run(nil)
	if _, decision := b.decided(id); !decision.Promoted {
		b.Fatalf("the first tune was not promoted: %s", decision.Reason)
	}
	return moved{b, b.training(id).Model, to}
}

// A model that was tuned and serves at one place goes to another without being trained again: its weights prove
// themselves there, are examined against those that serve, and take their traffic, though the answers to the calls that
// cost are lost and the worker dies after every step. What served before is stopped once nothing names it.
func TestRehost(t *testing.T) {
	t.Parallel()
	for i, m := range moves() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if i > 0 { // the rows are the same, whatever the places
				newMoved(t, storetest.SQLite(t), m).goes(m)
				return
			}
			storetest.Each(t, func(t *testing.T, s *store.Store) { newMoved(t, s, m).goes(m) })
		})
	}
}

func (b moved) goes(m move) {
	b.Helper()
	trained := b.paid("fine-tune:")
	died := b.loseAndDie(m.paid)
	id := b.tune(tasks.TuneInput{Model: b.model, Host: b.host}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	if !decision.Promoted || !strings.HasPrefix(decision.Reason, "the same weights and not worse") || len(died) < 6 {
		b.Fatalf("decision %+v after deaths at %v", decision, died)
	}
	b.die = nil
	if unasked := b.wires.whole(); len(unasked) > 0 {
		b.Errorf("no answer was lost of %v", unasked)
	}
	if again := b.paid("fine-tune:"); again != trained {
		b.Errorf("it was trained again for %d", again-trained)
	}
	b.wantForm(tune)
	b.ahead += 2 * time.Hour
	b.must(b.store.ShiftClock(b.ctx, b.ahead))
	b.reap(2)
	b.wantPromoted()
	old, err := b.store.Model(b.ctx, b.tenant, b.model)
	b.must(err)
	if old.State != learn.ModelStopped {
		b.Errorf("what served before is %s", old.State)
	}
}

// wantForm looks at what came of a tune that has registered weights at another place.
func (b moved) wantForm(tune learn.Tune) {
	b.Helper()
	row := b.training(tune.ID)
	form, err := b.store.Model(b.ctx, b.tenant, row.Model)
	b.must(err)
	before, err := b.store.Model(b.ctx, b.tenant, b.model)
	b.must(err)
	if form.Provider != b.host || form.State != learn.ModelServing || form.Tune != tune.ID || row.WeightsOf != before.Training {
		b.Errorf("model %+v by %+v", form, row)
	}
	first, err := b.store.Tune(b.ctx, b.tenant, before.Tune)
	b.must(err)
	if tune.Dataset == "" || tune.Dataset != first.Dataset {
		b.Errorf("its dataset is %q, of the first %q", tune.Dataset, first.Dataset)
	}
	route, err := b.store.Route(b.ctx, b.tenant, learn.DefaultAlias)
	b.must(err)
	if route.Targets[0].Model != form.Name || route.Author != tune.ID {
		b.Errorf("route %+v", route)
	}
	steps, _, err := b.store.Lineage(b.ctx, b.tenant, form.Name, db.Page{Limit: 1_000})
	b.must(err)
	found := map[string]bool{}
	for _, s := range steps {
		found[s.ID] = true
	}
	if !found[before.Training] || !found[tune.Dataset] {
		b.Errorf("its lineage lacks the training or the dataset: %+v", steps)
	}
	trainings, _, err := b.store.Trainings(b.ctx, b.tenant, db.Filter{}, db.Page{Limit: 10})
	b.must(err)
	if len(trainings) != 1 {
		b.Errorf("%d trainings are listed", len(trainings))
	}
}
