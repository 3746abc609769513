package tune

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/store/money"
	"dreamlab/tasks"
)

// trainingAt are prices with another one of training.
type trainingAt struct {
	providers.Pricer
	train *int64
}

func (p trainingAt) Price(provider, model string, at time.Time) (providers.Price, error) {
	price, err := p.Pricer.Price(provider, model, at)
	price.Train = p.train
	return price, err
}

// A dry run shows what training costs at most, which is no less than what it then
// costs, and a budget has to cover it.
func TestTrainingIsPriced(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, HostingHours: 1})
	b.teach(48, 40)
	dry := b.tune(tasks.TuneInput{DryRun: true})
	b.run(nil)
	_, decision := b.decided(dry.ID)
	tune, err := b.store.Tune(b.ctx, b.tenant, dry.ID)
	b.must(err)
	bill := decode[state](b, tune.State).Bill
	if want := fmt.Sprintf("training at most $%s, ", money.USD(bill.Training)); bill.Training == 0 ||
		!strings.Contains(decision.Reason, want) {
		t.Errorf("%q, want %q in it", decision.Reason, want)
	}
	short := money.USD(bill.total() - 1)
	b.decides(tasks.TuneInput{BudgetUSD: &short}, "refused: budget of $"+short.String())
	paid := b.tune(tasks.TuneInput{})
	b.run(nil)
	b.decided(paid.ID)
	if cost := b.training(paid.ID).Cost; cost == 0 || cost > bill.Training {
		t.Errorf("training cost %d, and %d were told to be the most", cost, bill.Training)
	}
}

// decides runs a tune and compares how its reason begins.
func (b *bench) decides(in tasks.TuneInput, want string) {
	b.Helper()
	tune := b.tune(in)
	b.run(nil)
	if _, decision := b.decided(tune.ID); decision.Promoted || !strings.HasPrefix(decision.Reason, want) {
		b.Errorf("%q, want %q", decision.Reason, want)
	}
}

// A price of training that is not known is an error to show, not zero.
func TestUnknownPriceOfTrainingRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.deps.Prices = trainingAt{b.deps.Prices, nil}
	b.work = Handlers(b.deps)
	b.teach(48, 40)
	for _, dry := range []bool{true, false} {
		b.decides(tasks.TuneInput{DryRun: dry}, "refused: price: what training "+baseModel+" costs is not known")
	}
	if n := b.count("POST", "/v1/files"); n != 0 {
		t.Errorf("the file was uploaded %d times", n)
	}
}
