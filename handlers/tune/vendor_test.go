package tune

import (
	"strings"
	"testing"

	"dreamlab/providers/azure"
	azureemulator "dreamlab/providers/azure/emulator"
	"dreamlab/providers/databricks"
	databricksemulator "dreamlab/providers/databricks/emulator"
	"dreamlab/providers/sagemaker"
	sagemakeremulator "dreamlab/providers/sagemaker/emulator"
	"dreamlab/providers/vertex"
	vertexemulator "dreamlab/providers/vertex/emulator"
	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// elsewhere is a vendor other than the usual one, and how it is asked for what costs money
// when it is done twice: the calls by method and end of path.
type elsewhere struct {
	shop
	paid []string
	// percent is what the vendor bills of the catalogue's price of training.
	percent int64
}

// others are the vendors that train and serve, beside the usual one.
func others() []elsewhere {
	return []elsewhere{
		{
			shop{azure.Vendor, azureemulator.New, "azure/gpt-4.1-mini", "azure/gpt-5-nano"},
			[]string{"POST /fine_tuning/jobs"}, 90, // global training is cheaper
		}, {
			shop{
				databricks.Vendor, databricksemulator.New, "databricks/databricks-meta-llama-3-1-8b-instruct",
				"databricks/databricks-gpt-oss-120b",
			},
			[]string{"POST /jobs/runs/submit", "POST /api/2.0/serving-endpoints"}, 100,
		}, {
			shop{
				sagemaker.Vendor, sagemakeremulator.New, "sagemaker/jumpstart-llama-3-1-8b-instruct",
				"sagemaker/jumpstart-llama-3-1-70b-instruct",
			},
			[]string{"POST /CreateTrainingJob", "POST /CreateModel", "POST /CreateEndpointConfig", "POST /CreateEndpoint"}, 100,
		}, {
			shop{
				vertex.Vendor, vertexemulator.New, "vertex/meta/llama-4-scout-17b-16e-instruct-maas",
				"vertex/openai/gpt-oss-120b-maas",
			},
			[]string{"POST /tuningJobs", "POST :deploy"}, 100,
		},
	}
}

// A tune goes its whole way at each vendor, though the answer to each call that costs is lost
// and the worker dies after every step: it trains and deploys once.
func TestTuneAtEachVendor(t *testing.T) {
	t.Parallel()
	for _, at := range others() {
		t.Run(at.vendor.Name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				b := newBenchAt(t, s, Settings{MinExamples: 20}, at.shop)
				b.tuneThroughDeaths(at)
			})
		})
	}
}

func (b *bench) tuneThroughDeaths(at elsewhere) {
	b.Helper()
	b.teach(48, 40)
	for _, call := range at.paid {
		method, end, _ := strings.Cut(call, " ")
		b.wires.loseAll(1, method, end)
	}
	died := map[string]bool{}
	b.die = func(j job.Job, _ *tasks.End) bool {
		step := j.Kind + " " + b.at(j)
		first := !died[step]
		died[step] = true
		return first
	}
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	if !decision.Promoted || tune.Stage != stageDone || len(died) < 10 {
		b.Fatalf("decision %+v after deaths at %v", decision, died)
	}
	b.die = nil
	b.reap(2)
	b.wantPromoted()
	b.wantBooksAt(at.percent)
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
	if trainings != 1 {
		b.Errorf("%d trainings were paid", trainings)
	}
}
