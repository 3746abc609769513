package tune

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/azure"
	azureemulator "dreamlab/providers/azure/emulator"
	"dreamlab/providers/bedrock"
	bedrockemulator "dreamlab/providers/bedrock/emulator"
	"dreamlab/providers/cloudflare"
	cloudflareemulator "dreamlab/providers/cloudflare/emulator"
	"dreamlab/providers/databricks"
	databricksemulator "dreamlab/providers/databricks/emulator"
	"dreamlab/providers/groq"
	groqemulator "dreamlab/providers/groq/emulator"
	"dreamlab/providers/sagemaker"
	sagemakeremulator "dreamlab/providers/sagemaker/emulator"
	"dreamlab/providers/vertex"
	vertexemulator "dreamlab/providers/vertex/emulator"
	"dreamlab/store"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// way is a pair of trainer and place, and how they are asked for what costs money when it is done
// twice: the calls by method and end of path.
type way struct {
	shop
	paid []string
	// percent is what the vendor bills of the catalogue's price of training.
	percent int64
	// place serves what the shop trains, or what a machine of one's own does; nil is the shop.
	place  func(t *testing.T) place
	own    bool
	tokens bool          // it is a shop's other way, which is billed by tokens
	step   time.Duration // of the bench, where the usual one is too long
	method tasks.Method  // Defaults to SFT.
}

func (w way) name(t *testing.T) string {
	switch {
	case w.own:
		return "colab to " + w.place(t).vendor.Name
	case w.place != nil:
		return w.vendor.Name + " to " + w.place(t).vendor.Name
	case w.tokens && w.method == "":
		return w.vendor.Name + " by tokens"
	case w.method != "":
		return w.vendor.Name + " by " + string(w.method)
	}
	return w.vendor.Name
}

// ways are all trainers, each with a place that serves what it trains, and those again that learn from preference pairs.
func ways() []way {
	together := way{shop: usual(), paid: []string{"POST /v1/fine-tunes", "POST /deployments"}, percent: 100}
	azures := way{
		shop: shop{azure.Vendor, azureemulator.New, "azure/gpt-4.1-mini", "azure/gpt-5-nano"},
		paid: []string{"POST /fine_tuning/jobs", "PUT /deployments/"}, percent: 90, // global training is cheaper
	}
	pairs, azurePairs := together, azures
	pairs.method, azurePairs.method = tasks.MethodDPO, tasks.MethodDPO
	hub := shop{
		sagemaker.Vendor, sagemakeremulator.New, "sagemaker/jumpstart-llama-3-1-8b-instruct",
		"sagemaker/jumpstart-llama-3-1-70b-instruct",
	}
	adapters := way{
		shop: hub, percent: 100, tokens: true, paid: []string{
			"POST /CreateTrainingJob", "POST /CreateModel", "POST /CreateEndpointConfig", "POST /CreateEndpoint",
			"POST /CreateInferenceComponent",
		},
	}
	adapters.vendor = byTokens(sagemaker.Vendor)
	adapterPairs := adapters
	adapterPairs.method = tasks.MethodDPO
	return append(ownWays(), []way{
		together, azures, pairs, azurePairs, adapters, adapterPairs, {
			shop: shop{
				databricks.Vendor, databricksemulator.New, "databricks/databricks-meta-llama-3-1-8b-instruct",
				"databricks/databricks-gpt-oss-120b",
			},
			paid: []string{"POST /jobs/runs/submit", "POST /api/2.0/serving-endpoints"}, percent: 100,
		}, {
			shop:    hub,
			paid:    []string{"POST /CreateTrainingJob", "POST /CreateModel", "POST /CreateEndpointConfig", "POST /CreateEndpoint"},
			percent: 100,
		}, {
			shop: shop{
				vertex.Vendor, vertexemulator.New, "vertex/meta/llama-4-scout-17b-16e-instruct-maas",
				"vertex/openai/gpt-oss-120b-maas",
			},
			paid: []string{"POST /tuningJobs", "POST :deploy"}, percent: 100,
		}, {
			// A copy of an imported model ends five minutes after it was asked.
			shop: hub, paid: []string{"POST /CreateTrainingJob", "POST /model-import-jobs"}, percent: 100, step: 2 * time.Minute,
			place: func(*testing.T) place {
				return place{bedrock.Vendor, bedrockemulator.New, "us.meta.llama3-1-8b-instruct-v1:0", "", map[string]string{
					"BEDROCK_IMPORT_ROLE_ARN": "arn:aws:iam::123456789012:role/imports",
				}}
			},
		},
	}...)
}

// byTokens is SageMaker where it trains without machines.
func byTokens(v providers.Vendor) providers.Vendor {
	usual := v.Sandbox
	v.Sandbox = func(address, credential string) map[string]string {
		values := usual(address, credential)
		values["SAGEMAKER_WAY"] = "serverless"
		values["SAGEMAKER_MODEL_PACKAGE_GROUP"] = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/tunes"
		values["SAGEMAKER_TOKEN_PRICES"] = "meta-textgeneration-llama-3-1-8b-instruct=2.40"
		return values
	}
	return v
}

// ownWays lead from a machine of one's own to each place that takes adapters.
func ownWays() []way {
	return []way{
		{
			shop: usual(), paid: []string{"POST /v1/load_lora_adapter"}, percent: 100, place: ownServer, own: true,
		}, {
			shop: usual(), paid: []string{"POST /finetunes", "POST /finetune-assets"}, percent: 100, own: true,
			place: func(*testing.T) place {
				return place{cloudflare.Vendor, cloudflareemulator.New, "@cf/google/gemma-3-12b-it", "google/gemma-3-12b-it", nil}
			},
		}, {
			shop: usual(), paid: []string{"POST /openai/v1/files", "POST /v1/fine_tunings"}, percent: 100, own: true,
			place: func(*testing.T) place {
				return place{groq.Vendor, groqemulator.New, "openai/gpt-oss-20b", "openai/gpt-oss-20b", map[string]string{
					"GROQ_LORA_BASES": "openai/gpt-oss-20b=openai/gpt-oss-20b",
				}}
			},
		},
	}
}

// A tune goes its whole way from each trainer to a place, though the answer to each call that costs is
// lost, the worker dies after every step and a session of one's own machine between two checkpoints:
// it trains and deploys once. TestTunePromotesABetterModel runs behind PgBouncer and sealed, too.
func TestTuneAllWays(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		t.Run(w.name(t), func(t *testing.T) {
			t.Parallel()
			storetest.EachStack(t, func(t *testing.T, s *store.Store) {
				if w.own {
					h := newHomeAt(t, s, w.place(t))
					h.tuneThroughDeaths(w, h)
					return
				}
				b := newBenchAt(t, s, Settings{MinExamples: 20}, w.shop)
				b.step = cmp.Or(w.step, b.step)
				if w.place != nil {
					b.serveAt(w.place(t), nil)
				}
				b.tuneThroughDeaths(w, nil)
			})
		})
	}
}

// sessions runs those of a tune on a machine of one's own: the first one dies.
func (h *home) sessions(id string) {
	h.Helper()
	h.run(h.phase(id, phaseTrain))
	run := h.training(id).VendorID
	if code, steps := h.session(run, "STUB_DIES_AT=5"); code != 9 || steps != "1 2 3 4 5" {
		h.Fatalf("the first session ended with %d after the steps %s", code, steps)
	}
	if code, steps := h.session(run); code != 0 || steps != "5 6 7 8 9 10" {
		h.Fatalf("the second ended with %d after the steps %s", code, steps)
	}
}

func (b *bench) tuneThroughDeaths(at way, own *home) {
	b.Helper()
	if at.method == tasks.MethodDPO {
		b.worse = lacks
	}
	b.teach(48, 40)
	died := b.loseAndDie(at.paid)
	id := b.tune(tasks.TuneInput{Method: at.method}).ID
	if own != nil {
		own.sessions(id)
	}
	b.run(nil)
	tune, decision := b.decided(id)
	if !decision.Promoted || tune.Stage != stageDone || len(died) < 10 {
		b.Fatalf("decision %+v after deaths at %v", decision, died)
	}
	if trained := decode[tasks.TrainingSpec](b, b.training(id).Spec).Method; trained != cmp.Or(at.method, tasks.MethodSFT) {
		b.Errorf("it was trained by %s", trained)
	}
	if unasked := b.wires.whole(); len(unasked) > 0 {
		b.Errorf("no answer was lost of %v", unasked)
	}
	b.die = nil
	b.reap(2)
	b.wantPromoted()
	b.wantBooksAt(at.percent)
	b.wantAnswersBooked()
	route, err := b.store.Route(b.ctx, b.tenant, learn.DefaultAlias)
	b.must(err)
	if route.Author != id || route.Targets[0].Model != b.training(id).Model || route.Targets[1].Model != b.base {
		b.Errorf("route %+v", route)
	}
	trainings := 0
	for _, p := range b.lab.Payments() {
		if strings.HasPrefix(p.Model, "fine-tune:") {
			trainings += int(p.Calls)
		}
	}
	if trainings != 1 && own == nil || trainings != 0 && own != nil {
		b.Errorf("%d trainings were paid", trainings)
	}
}
