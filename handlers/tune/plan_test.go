package tune

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/store/book"
	"dreamlab/store/money"
	"dreamlab/tasks"
)

// market adds vendors that train and serve one model each to those that there are.
type market struct {
	Vendors
	stalls map[string]stall
}

// stall is a vendor whose trainings never begin: it is only asked for its terms.
type stall struct {
	providers.Trainer
	providers.Host
	terms  providers.Hosting
	limits providers.TuneLimits
	down   bool
}

func (s stall) Tunable(context.Context, string) (providers.TuneLimits, error) {
	if s.down {
		return providers.TuneLimits{}, &providers.Error{Kind: providers.KindServer, Status: http.StatusBadGateway}
	}
	return s.limits, nil
}

func (s stall) Hosting(context.Context, string) (providers.Hosting, error) { return s.terms, nil }

func (m market) Names() []string { return []string{"dear", "down", "narrow", "together"} }

func (m market) Trainer(name string) (providers.Trainer, error) {
	if s, ok := m.stalls[name]; ok {
		return s, nil
	}
	return m.Vendors.Trainer(name)
}

func (m market) Host(name string) (providers.Host, error) {
	if s, ok := m.stalls[name]; ok {
		return s, nil
	}
	return m.Vendors.Host(name)
}

// flat prices everything alike.
type flat struct{ providers.Pricer }

func (p flat) Price(provider, model string, at time.Time) (providers.Price, error) {
	if provider == "together" {
		return p.Pricer.Price(provider, model, at)
	}
	train := int64(9_000_000_000)
	return providers.Price{Rates: providers.Rates{In: 1, Out: 1}, Train: &train}, nil
}

// wide are the limits of a trainer of large adapters.
var wide = providers.TuneLimits{MaxRank: 64}

// openMarket lets three more vendors have the base's weights: one that is dear, one that
// does not answer and one that takes no large adapters.
func (b *bench) openMarket() {
	b.deps.Vendors = market{b.deps.Vendors, map[string]stall{
		"dear":   {terms: providers.Hosting{NanoPerHour: 90_000_000_000, Cold: time.Minute, Region: "mars"}, limits: wide},
		"down":   {down: true},
		"narrow": {terms: providers.Hosting{PerToken: true, MaxRank: 4}, limits: wide},
	}}
	b.deps.Prices = flat{b.deps.Prices}
	b.deps.Settings.SameWeights = func(providers.Target) []providers.Target {
		return []providers.Target{{Provider: "dear", Model: "m"}, {Provider: "down", Model: "m"}, {Provider: "narrow", Model: "m"}}
	}
	b.work = Handlers(b.deps)
}

// The plan lists every pair of trainer and place, the cheapest first, and says what forbids
// the rest.
func TestPlanNamesThePairs(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.openMarket()
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{DryRun: true}).ID
	b.run(nil)
	_, decision := b.decided(id)
	tune, err := b.store.Tune(b.ctx, b.tenant, id)
	b.must(err)
	plan := decode[state](b, tune.State).Plan
	if len(plan) != 16 || !strings.HasPrefix(decision.Reason, "dry run: ") {
		t.Fatalf("%d pairs, %q: %+v", len(plan), decision.Reason, plan)
	}
	first, second := plan[0], plan[1]
	if first.Trainer != "together" || first.Place != "together" || !first.Chosen || first.Base != baseModel ||
		first.Training <= 0 || first.Hosting != first.PerHour*720 || first.Latency != latencyWarm {
		t.Errorf("the cheapest is %+v", first)
	}
	if second.Trainer != "dear" || second.Latency != latencyCold || second.ColdSeconds != 60 || second.Region != "mars" ||
		second.Forbidden != "" || second.Chosen || second.Hosting != 720*90*money.Dollar {
		t.Errorf("the next is %+v", second)
	}
	reasons := map[string]string{}
	for _, o := range plan[2:] {
		reasons[o.Trainer+" "+o.Place] = o.Forbidden
	}
	for pair, want := range map[string]string{
		"narrow narrow": "rank 4", "down down": "can not be asked now", "together dear": "dear serves what it trained itself",
	} {
		if !strings.Contains(reasons[pair], want) {
			t.Errorf("%s is forbidden by %q, want %q", pair, reasons[pair], want)
		}
	}
}

// A base that the client names is trained at its own vendor.
func TestNamedBaseStaysWithItsVendor(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.openMarket()
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{DryRun: true, Base: baseModel}).ID
	b.run(nil)
	tune, err := b.store.Tune(b.ctx, b.tenant, id)
	b.must(err)
	for _, o := range decode[state](b, tune.State).Plan {
		if o.Trainer != "together" {
			t.Errorf("a pair of another trainer: %+v", o)
		}
	}
}

// The cheapest way is over the budget of the first plan, which commits nobody to thousands.
func TestFirstPlanDoesNotCoverAnHourlyHost(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, Budget: 100_000_000_000})
	b.teach(48, 40)
	b.decides(tasks.TuneInput{}, "refused: hosting would cost $3952.8 a month, over the budget of $100")
}

// A month is told from the chats of the last weeks, or from so many a day that are as long as those.
func TestTrafficOfSoManyChats(t *testing.T) {
	t.Parallel()
	seen := book.Spend{Calls: 28, Input: 2_800, Output: 280}
	for chats, want := range map[int]traffic{
		0: {30, 3_000, 300}, 1_000: {30_000, 3_000_000, 300_000}, 100_000: {3_000_000, 300_000_000, 30_000_000},
	} {
		if got := trafficOf(seen, chats, 28); got != want {
			t.Errorf("%d chats a day: %+v, want %+v", chats, got, want)
		}
	}
	if got := trafficOf(book.Spend{}, 10, 28); got != (traffic{300, 10 * 30 * usualAsked, 10 * 30 * usualAnswered}) {
		t.Errorf("without any chat before: %+v", got)
	}
}

// A plan that is only looked at names a way of other weights for each place that has none of the tune's, with what is
// to be known of its price. It is never chosen, however cheap, and a tune that begins does not look for it.
func TestPlanListsOtherWeights(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20, HostingHours: 10})
	b.openMarket()
	own := providers.Hosting{NanoPerHour: 1_000_000, Always: true, Doubt: "a guess"}
	brief := providers.Hosting{NanoPerHour: 12_000_000, Window: 5 * time.Minute}
	b.deps.Vendors = market{b.deps.Vendors.(market).Vendors, map[string]stall{
		"dear": {terms: own, limits: wide}, "narrow": {terms: brief, limits: wide},
	}}
	b.deps.Settings.SameWeights = nil
	b.deps.Settings.Bases = func(context.Context, string) []string { return []string{"m"} }
	b.work = Handlers(b.deps)
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{DryRun: true, ChatsPerDay: 1}).ID
	b.run(nil)
	tune, err := b.store.Tune(b.ctx, b.tenant, id)
	b.must(err)
	plan := decode[state](b, tune.State).Plan
	if !plan[0].Chosen || plan[0].Base != baseModel || !strings.Contains(plan[0].Note, "outside the 10 hours") {
		t.Errorf("the plan begins with %+v", plan[0])
	}
	others := map[string]Offer{}
	for _, o := range plan {
		if o.Other {
			others[o.Place] = o
		}
	}
	dear, narrow := others["dear"], others["narrow"]
	if len(others) != 2 || dear.Chosen || dear.Hosting != 720*money.Dollar/1000 ||
		dear.Note != "other weights: --base dear/m; it can not be stopped from here: all hours of the month count; a guess" {
		t.Errorf("a machine of one's own is %+v", dear)
	}
	if narrow.Hosting != money.Dollar*60/1000 || !strings.Contains(narrow.Note, "windows of 5 minutes") { // 60 windows of $0.001
		t.Errorf("one that runs while it is asked is %+v", narrow)
	}
	id = b.tune(tasks.TuneInput{BudgetUSD: new(money.USD(1))}).ID
	b.run(nil)
	begun, err := b.store.Tune(b.ctx, b.tenant, id)
	b.must(err)
	for _, o := range decode[state](b, begun.State).Plan {
		if o.Other {
			t.Errorf("a tune that begins looked at %+v", o)
		}
	}
}

// fullMarket has the cheapest places without room, one for the training and one for what serves it, and a dear one
// whose quotas could not be read.
func (b *bench) fullMarket() {
	b.openMarket()
	crowded, unread := wide, wide
	crowded.Full = "2 of 2 trainings of m run"
	unread.Doubt = "its quota of trainings is not known"
	b.deps.Vendors = market{b.deps.Vendors.(market).Vendors, map[string]stall{
		"dear": {terms: providers.Hosting{NanoPerHour: 1, Full: "0 endpoints of m may run"}, limits: wide},
		"down": {
			terms: providers.Hosting{NanoPerHour: 90_000_000_000, Doubt: "its quota of endpoints is not known"}, limits: unread,
		},
		"narrow": {terms: providers.Hosting{NanoPerHour: 1}, limits: crowded},
	}}
	b.work = Handlers(b.deps)
}

// A way without room is forbidden with its quota, however cheap. One whose quotas can not be read is not, and the
// plan tells of the doubt.
func TestPlanForbidsWhatIsFull(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.fullMarket()
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{DryRun: true}).ID
	b.run(nil)
	tune, err := b.store.Tune(b.ctx, b.tenant, id)
	b.must(err)
	own := map[string]Offer{}
	for _, o := range decode[state](b, tune.State).Plan {
		if o.Trainer == o.Place {
			own[o.Place] = o
		}
	}
	for place, want := range map[string]string{
		"dear": "refused: quota: 0 endpoints of m may run", "narrow": "refused: quota: 2 of 2 trainings of m run", "down": "", "together": "",
	} {
		if o, listed := own[place]; !listed || o.Forbidden != want || o.Chosen != (place == "together") {
			t.Errorf("%s: %+v, want it forbidden by %q", place, o, want)
		}
	}
	if want := "its quota of trainings is not known; its quota of endpoints is not known"; !strings.HasSuffix(own["down"].Note, want) {
		t.Errorf("the note is %q, want %q at its end", own["down"].Note, want)
	}
}

// A tune that has no other way ends before anything is uploaded, and says which quota is full.
func TestTuneWithoutRoomIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, Settings{MinExamples: 20})
	b.fullMarket()
	b.deps.Settings.SameWeights = nil
	b.work = Handlers(b.deps)
	b.teach(48, 40)
	b.base = "dear/m"
	b.decides(tasks.TuneInput{}, "refused: quota: 0 endpoints of m may run")
}
