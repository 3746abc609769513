package tune

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/handlers/tune/mix"
	"dreamlab/providers"
	"dreamlab/providers/azure"
	azureemulator "dreamlab/providers/azure/emulator"
	"dreamlab/providers/sagemaker"
	sagemakeremulator "dreamlab/providers/sagemaker/emulator"
	"dreamlab/store"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// lacks is the worse answer of pairs that base models would give.
const lacks = "I know nothing about that, please look elsewhere."

// A row of preference training has the prompt and both answers, and what is none is counted under its filter.
func TestFilterMakesPairs(t *testing.T) {
	t.Parallel()
	for worse, filter := range map[string]string{
		"At ten.":                                "",
		"":                                       filterAlone,
		" \n":                                    filterAlone,
		"AT  NINE.":                              filterSame,
		"Ask jo@example.com.":                    filterSecret,
		"Your number is [phone].":                filterHole,
		"I'm sorry, but I can't help with that.": filterUnfit,
		"Internal Server Error":                  filterUnfit,
		"Ten\xff":                                filterMalformed,
		strings.Repeat("word ", 1000):            filterLong,
	} {
		s := newRowFilter(tasks.MethodDPO, limits{rowTokens: 1000, mix: mix.Limits{Rows: 10}}, newHeldOut())
		e := example("1", "When?", "At nine.", 1)
		e.Rejected = worse
		s.add(e)
		if got := strings.Join(keys(s.set.Removed), ","); got != filter || len(s.set.Rows) != one(filter == "") {
			t.Errorf("%.40q: removed by %q, %d rows", worse, got, len(s.set.Rows))
		}
	}
}

func TestPairOnTheWire(t *testing.T) {
	t.Parallel()
	s := newRowFilter(tasks.MethodDPO, limits{rowTokens: 1000, mix: mix.Limits{Rows: 10}}, newHeldOut())
	s.add(learn.Example{ID: "1", Rejected: " Maybe. ", Messages: json.RawMessage(`[{"role":"system","content":"Be brief."},
		{"role":"user","content":[{"type":"text","text":"One?"}]},{"role":"assistant","content":"Yes."},
		{"role":"user","content":"Two?"},{"role":"assistant","content":"No."}]`)})
	made := s.done("assistant")
	want := `{"input":{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"One?"},` +
		`{"role":"assistant","content":"Yes."},{"role":"user","content":"Two?"}]},"preferred_output":[{"role":"assistant",` +
		`"content":"No."}],"non_preferred_output":[{"role":"assistant","content":"Maybe."}]}` + "\n"
	if string(made.file) != want || made.manifest.Method != "dpo" {
		t.Errorf("the file holds\n%swant\n%s", made.file, want)
	}
	if _, err := tasks.CheckTrainingFile(strings.NewReader(want), tasks.MethodDPO); err != nil {
		t.Error(err)
	}
	if alone := made.rows[0]; made.manifest.Tokens != alone.Tokens || alone.Tokens < 40 {
		t.Errorf("%d tokens: each answer is read with the prompt", alone.Tokens)
	}
}

// A tune by DPO goes from the pairs of dreams to a model that passes its exam, at each vendor that learns from pairs.
func TestTuneOnPairs(t *testing.T) {
	t.Parallel()
	for _, at := range []shop{usual(), {azure.Vendor, azureemulator.New, "azure/gpt-4.1-mini", "azure/gpt-5-nano"}} {
		t.Run(at.vendor.Name, func(t *testing.T) {
			t.Parallel()
			storetest.EachStack(t, func(t *testing.T, s *store.Store) {
				b := newBenchAt(t, s, Settings{MinExamples: 20}, at)
				b.worse = lacks
				b.teach(48, 40)
				id := b.tune(tasks.TuneInput{Method: tasks.MethodDPO, Beta: 0.2}).ID
				b.run(nil)
				tune, decision := b.decided(id)
				if !decision.Promoted || tune.Evaluation == "" {
					b.Fatalf("decision %+v", decision)
				}
				b.wantPairsTrained(tune)
				b.reap(2)
				b.wantPromoted()
			})
		})
	}
}

// wantPairsTrained looks at what is kept of a tune by DPO, and at what its vendor was sent.
func (b *bench) wantPairsTrained(tune learn.Tune) {
	b.Helper()
	dataset, err := b.store.Dataset(b.ctx, b.tenant, tune.Dataset)
	b.must(err)
	if m := dataset.Manifest; m.Method != "dpo" || m.Rows != 48 ||
		string(m.Hyper) != `{"epochs":2,"learning_rate":0.00001,"learning_rate_multiplier":1,"rank":8,"alpha":16,"seed":1,"beta":0.2}` {
		b.Errorf("manifest %+v", m)
	}
	examples, err := b.store.DatasetExamples(b.ctx, tune.Dataset, "", 100)
	b.must(err)
	spec := decode[tasks.TrainingSpec](b, b.training(tune.ID).Spec)
	if len(examples) != 48 || spec.Method != tasks.MethodDPO || spec.Hyper.Beta != 0.2 || spec.Hyper.LearningRate != pairRate {
		b.Errorf("%d examples, spec %+v", len(examples), spec.Hyper)
	}
	if probes, err := newProver(b.deps).probes(b.ctx, dataset.Object); err != nil || len(probes) == 0 {
		b.Errorf("%d rows prove that the tuned model answers, %v", len(probes), err)
	}
	if n := strings.Count(b.read(dataset.Object), `"non_preferred_output":[{"role":"assistant","content":"`+lacks); n != 48 {
		b.Errorf("%d rows have the worse answer", n)
	}
}

// A trainer that learns from no pairs is refused by the plan, in words, and nothing is uploaded.
func TestPairsAreRefusedWhereNobodyLearnsFromThem(t *testing.T) {
	t.Parallel()
	hub := shop{
		sagemaker.Vendor, sagemakeremulator.New, "sagemaker/jumpstart-llama-3-1-8b-instruct",
		"sagemaker/jumpstart-llama-3-1-70b-instruct",
	}
	b := newBenchAt(t, storetest.SQLite(t), Settings{MinExamples: 20}, hub)
	b.worse = lacks
	b.teach(48, 40)
	const refused = "refused: method: sagemaker does not train this base on preference pairs (dpo)"
	for _, dry := range []bool{true, false} {
		in := tasks.TuneInput{Method: tasks.MethodDPO, DryRun: dry}
		id := b.tune(in).ID
		b.run(nil)
		tune, decision := b.decided(id)
		plan := decode[state](b, tune.State).Plan
		if decision.Promoted || !strings.HasPrefix(decision.Reason, refused) || tune.Training != "" ||
			len(plan) == 0 || !strings.HasPrefix(plan[0].Forbidden, refused) {
			b.Errorf("decision %+v, plan %+v", decision, plan)
		}
	}
	b.wantMethod(tasks.MethodSFT, "auto: sft, as no trainer of "+hub.base+" learns from preference pairs")
}

// Where the trainer itself tells what tokens cost, the plan takes that price and says that it is doubtful; a price that nobody
// has set forbids the way.
func TestPlanTakesTheTrainersPrice(t *testing.T) {
	t.Parallel()
	at := shop{
		byTokens(sagemaker.Vendor), sagemakeremulator.New, "sagemaker/jumpstart-llama-3-1-8b-instruct",
		"sagemaker/jumpstart-llama-3-1-70b-instruct",
	}
	b := newBenchAt(t, storetest.SQLite(t), Settings{MinExamples: 20}, at)
	b.teach(48, 40)
	plan := func() (*state, Offer) {
		id := b.tune(tasks.TuneInput{DryRun: true}).ID
		b.run(nil)
		tune, _ := b.decided(id)
		s := decode[state](b, tune.State)
		return &s, s.Plan[0]
	}
	s, offer := plan()
	want := trainingBound(s.Tokens, 2, 2_400_000_000)
	if int64(offer.Training) != want || offer.Forbidden != "" || !strings.Contains(offer.Note, "set in SAGEMAKER_TOKEN_PRICES") ||
		offer.Hardware != "ml.g5.12xlarge" {
		t.Errorf("%+v, want %d for training", offer, want)
	}
	usual := b.vendor.Sandbox
	b.vendor.Sandbox = func(address, credential string) map[string]string {
		values := usual(address, credential)
		delete(values, "SAGEMAKER_TOKEN_PRICES")
		return values
	}
	b.deps = b.wire(b.deps.Settings)
	b.work = Handlers(b.deps)
	if _, offer = plan(); !strings.Contains(offer.Forbidden, "has no price of serverless training") {
		t.Errorf("%+v", offer)
	}
}

// wantMethod asks for a dry run by auto and looks at what it took, and why.
func (b *bench) wantMethod(method tasks.Method, why string) {
	b.Helper()
	id := b.tune(tasks.TuneInput{Method: tasks.MethodAuto, DryRun: true}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	got := decode[state](b, tune.State)
	if got.Method != method || got.MethodReason != why || !strings.Contains(decision.Reason, why) ||
		!strings.HasPrefix(decision.Reason, "dry run: ") {
		b.Errorf("took %s: %q; %q, want %s: %q", got.Method, got.MethodReason, decision.Reason, method, why)
	}
}

// Auto takes pairs where most rows are pairs, and says what it took and why.
func TestAutoSaysWhichMethodItTook(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		plain, pairs, least int
		method              tasks.Method
		why                 string
	}{
		{0, 48, 20, tasks.MethodDPO, "auto: dpo, as 48 of 48 rows have a worse answer and together learns from pairs"},
		{48, 0, 20, tasks.MethodSFT, "auto: sft, as only 0 of 48 rows have a worse answer"},
		{36, 24, 20, tasks.MethodSFT, "auto: sft, as only 24 of 60 rows have a worse answer"},
		{12, 24, 30, tasks.MethodSFT, "auto: sft, as 24 new pairs are fewer than 30"},
	} {
		t.Run(fmt.Sprint(c.plain, c.pairs), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, Settings{MinExamples: c.least})
			b.teach(c.plain, 40)
			b.worse = lacks
			for i := range c.pairs {
				b.example(fmt.Sprintf("%s of %s wants to know what the %s is about.", names[i%len(names)], places[i%len(places)],
					topics[i%len(topics)]), answerFor(topics[i%len(topics)]))
			}
			b.wantMethod(c.method, c.why)
		})
	}
}

// A method of our own choice that the plan forbids is left for the other; a method of the client's is not.
func TestAutoFallsBackInWords(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.worse = lacks
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{Method: tasks.MethodAuto, Beta: 1.5, DryRun: true}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	const why = "auto: sft, as dpo is refused: method: beta is from 0.05 to 0.9 there, not 1.5"
	if got := decode[state](b, tune.State); got.Method != tasks.MethodSFT || got.MethodReason != why || got.Plan[0].Forbidden != "" {
		t.Errorf("took %s: %q; %+v", got.Method, got.MethodReason, decision)
	}
	b.decides(tasks.TuneInput{Method: tasks.MethodDPO, Beta: 1.5}, "refused: method: beta is from 0.05 to 0.9 there, not 1.5")
	b.decides(tasks.TuneInput{Beta: 0.1}, "refused: method: a beta is for the method dpo, not for sft")
}

// What was learned from as answers is new to a tune on pairs, once.
func TestPairsAreNewToPreferenceTraining(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.worse = lacks
	b.teach(48, 40)
	for _, method := range []tasks.Method{tasks.MethodSFT, tasks.MethodDPO} {
		id := b.tune(tasks.TuneInput{Method: method}).ID
		b.run(nil)
		if tune, decision := b.decided(id); tune.Evaluation == "" {
			t.Fatalf("%s: %+v", method, decision)
		}
	}
	b.decides(tasks.TuneInput{Method: tasks.MethodSFT}, "too few examples: 0 of 20")
	b.decides(tasks.TuneInput{Method: tasks.MethodDPO}, "too few examples: 0 of 20 have a worse answer beside the kept one")
	b.decides(tasks.TuneInput{Method: tasks.MethodAuto}, "too few examples: 0 of 20")
}

// pairsAt are prices with another one of training on pairs than on answers.
type pairsAt struct {
	providers.Pricer
	times int64
}

func (p pairsAt) Price(provider, model string, at time.Time) (providers.Price, error) {
	price, err := p.Pricer.Price(provider, model, at)
	if price.Train != nil && p.times > 0 {
		price.TrainPairs = new(*price.Train * p.times)
	}
	return price, err
}

// What training on pairs costs at most is told beforehand: each answer is read with the prompt, at the price of pairs
// where they have one.
func TestTrainingOnPairsIsPriced(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, HostingHours: 1})
	b.worse = lacks
	b.teach(48, 40)
	most := map[string]int64{}
	for name, in := range map[string]tasks.TuneInput{"sft": {DryRun: true}, "dpo": {DryRun: true, Method: tasks.MethodDPO}} {
		most[name] = b.bill(b.tune(in).ID).Training
	}
	paid := b.tune(tasks.TuneInput{Method: tasks.MethodDPO})
	b.run(nil)
	if cost := b.training(paid.ID).Cost; cost == 0 || cost > most["dpo"] || most["dpo"] <= most["sft"] {
		t.Errorf("it cost %d, and %v were told to be the most", cost, most)
	}
	b.deps.Prices = pairsAt{b.deps.Prices, 3}
	b.work = Handlers(b.deps)
	in := tasks.TuneInput{DryRun: true, Method: tasks.MethodDPO, MinExamples: 1}
	b.example("Who waters the ferns of the front hall?", "Ask the porter: she waters all ferns.")
	if dear := b.bill(b.tune(in).ID).Training; dear < 3*most["dpo"] {
		t.Errorf("at three times the price it costs %d, at one %d", dear, most["dpo"])
	}
}

// bill is what a tune was told to cost at most.
func (b *bench) bill(id string) Bill {
	b.Helper()
	b.run(nil)
	tune, decision := b.decided(id)
	state := decode[state](b, tune.State)
	if state.Bill == nil {
		b.Fatalf("no bill: %s", decision.Reason)
	}
	return *state.Bill
}
