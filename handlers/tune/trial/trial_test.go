package trial

import (
	"math/rand/v2"
	"testing"
	"time"

	"dreamlab/store/canary"
	"dreamlab/store/learn"
)

// plan is that of a canary whose steps are as long as its conversations take.
func plan() canary.Plan {
	return canary.Plan{
		Steps: []int{5, 25, 50, 100}, Step: time.Hour, Hold: time.Hour, Settle: time.Minute, Slow: time.Second,
		Alpha: 0.05, Margin: 0.1,
	}
}

// pairs are how often a candidate wins and loses judged pairs; the rest are ties.
type pairs struct{ win, lose float64 }

func (p pairs) draw(random *rand.Rand) learn.Outcome {
	switch at := random.Float64(); {
	case at < p.win:
		return learn.Win
	case at < p.win+p.lose:
		return learn.Loss
	}
	return learn.Tie
}

// shadowed is plan with a shadow, and one conversation of so many judged as a pair.
func shadowed() canary.Plan {
	p := plan()
	p.Pairs = canary.PairPlan{Share: 1.0 / paired, Shadow: 50, Budget: 1}
	return p
}

const paired = 10

// rates are how often an arm's conversations have each signal.
type rates [canary.Signals]float64

func (r rates) draw(random *rand.Rand) (bad [canary.Signals]bool) {
	for s, rate := range r {
		bad[s] = random.Float64() < rate
	}
	return bad
}

// usual are the rates of a model that serves.
func usual() rates { return rates{0.06, 0.01, 0.03, 0.02, 0.01} }

func worseBy(signal int, more float64) rates {
	r := usual()
	r[signal] += more
	return r
}

const (
	stepFor  = 400   // conversations that a step lasts at least
	watchFor = 1_000 // and the time at the full share
	longest  = 8_000
)

// sail takes a canary through its steps, a look behind each conversation, and returns where it ended.
func sail(seed uint64, candidate, champion rates) canary.Canary {
	return (&trial{Canary: canary.Canary{State: canary.Running, Plan: plan()}}).sail(seed, candidate, champion, pairs{})
}

// sailPairs is sail with judged pairs, from the shadow on.
func sailPairs(seed uint64, candidate, champion rates, p pairs) canary.Canary {
	begun := canary.Canary{State: canary.Shadow, Step: canary.BeforeSteps, Plan: shadowed()}
	return (&trial{Canary: begun}).sail(seed, candidate, champion, p)
}

func (t *trial) sail(seed uint64, candidate, champion rates, p pairs) canary.Canary {
	random := rand.New(rand.NewPCG(seed, 2))
	t.ID, t.Route.Before = "can_1", []learn.RouteTarget{{Model: "old", Weight: 1}}
	for i, since := 0, 0; i < longest && t.State.Open(); i, since = i+1, since+1 {
		if t.Plan.Pairs.Planned() && t.State != canary.Watching && random.IntN(paired) == 0 {
			t.countPair(p.draw(random))
			t.decide(false)
		}
		if t.State == canary.Shadow {
			continue
		}
		if random.IntN(100) < t.Share() {
			t.count(true, candidate.draw(random))
		} else {
			t.count(false, champion.draw(random))
		}
		due := since >= stepFor && t.State == canary.Running || since >= watchFor
		if t.decide(due) {
			since = 0
		}
	}
	return t.Canary
}

const canaries = 1_000

func outcomes(candidate, champion rates) map[canary.State]int {
	ends := map[canary.State]int{}
	for seed := range uint64(canaries) {
		ends[sail(seed, candidate, champion).State]++
	}
	return ends
}

// Of 1,000 canaries of the model that serves, at most alpha are taken back, though each was looked
// at behind every conversation; and they get through.
func TestEqualCanariesAreSeldomTakenBack(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]rates{"usual": usual(), "spotless": {}, "poor": {0.3, 0.1, 0.2, 0.2, 0.1}} {
		ends := outcomes(r, r)
		t.Logf("%s: %v", name, ends)
		if back := ends[canary.RolledBack]; float64(back) > plan().Alpha*canaries {
			t.Errorf("%s: %d of %d equal canaries were taken back", name, back, canaries)
		}
		if name != "poor" && ends[canary.Promoted] < canaries*9/10 {
			t.Errorf("%s: %d of %d equal canaries were promoted", name, ends[canary.Promoted], canaries)
		}
	}
}

// A candidate that is truly worse in any one signal is taken back.
func TestWorseCanariesAreTakenBack(t *testing.T) {
	t.Parallel()
	for s, name := range names {
		ends := outcomes(worseBy(s, 0.12), usual())
		t.Logf("%s: %v", name, ends)
		if ends[canary.RolledBack] < canaries*95/100 {
			t.Errorf("%s: %d of %d worse canaries were taken back", name, ends[canary.RolledBack], canaries)
		}
	}
}

// A candidate that is worse by the margin in one signal passes a step with a probability of alpha at
// most, so that hardly any gets through all of them.
func TestTheMarginHolds(t *testing.T) {
	t.Parallel()
	ends := outcomes(worseBy(canary.Disliked, plan().Margin), usual())
	t.Logf("%v", ends)
	if ends[canary.Promoted] > canaries/100 {
		t.Errorf("%d of %d canaries that are worse by the margin were promoted", ends[canary.Promoted], canaries)
	}
}

// A model that does worse only when it answers everything is taken back while it is watched.
func TestTheWatchTakesBack(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 3))
	tr := &trial{Canary: canary.Canary{
		ID: "can_1", State: canary.Watching, Plan: plan(), Step: 2,
		Route: canary.Route{Before: []learn.RouteTarget{{Model: "old", Weight: 1}}},
		Seen:  canary.Seen{Champion: canary.Tally{Conversations: 2_000, Bad: [canary.Signals]int64{120, 20, 60, 40, 20}}},
	}}
	for range 300 {
		tr.count(true, worseBy(canary.Failed, 0.3).draw(random))
		if c, _ := tr.next(false); c.State == canary.RolledBack {
			return
		}
	}
	t.Errorf("%+v", tr.Canary.Seen)
}

// fates counts how 1,000 canaries with judged pairs end, how many had a share, and how many pairs
// were judged in all.
func fates(candidate, champion rates, p pairs) (ends map[canary.State]int, shown int, judged int64) {
	ends = map[canary.State]int{}
	for seed := range uint64(canaries) {
		c := sailPairs(seed, candidate, champion, p)
		ends[c.State]++
		judged += c.Seen.Judged.Pairs()
		if c.Step > canary.BeforeSteps {
			shown++
		}
	}
	return ends, shown, judged
}

// Judged pairs add no error: of 1,000 canaries of the model that serves, at most alpha are taken back, in
// the shadow and all steps together, whether its judge sees ties or tosses a coin; and they get through.
func TestEqualCanariesWithPairsAreSeldomTakenBack(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]pairs{"ties": {}, "usual": {0.3, 0.3}, "coins": {0.5, 0.5}} {
		ends, shown, judged := fates(usual(), usual(), p)
		t.Logf("%s: %v, %d shown, %d pairs each", name, ends, shown, judged/canaries)
		if back := ends[canary.RolledBack]; float64(back) > plan().Alpha*canaries {
			t.Errorf("%s: %d of %d equal canaries were taken back", name, back, canaries)
		}
		if ends[canary.Promoted] < canaries*9/10 {
			t.Errorf("%s: %d of %d equal canaries were promoted", name, ends[canary.Promoted], canaries)
		}
	}
}

// A candidate whose answers are clearly worse is taken back in its shadow, before anyone has seen one.
func TestWorseCanariesAreStoppedInTheShadow(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]pairs{"always": {0, 1}, "mostly": {0.05, 0.75}} {
		ends, shown, judged := fates(usual(), usual(), p)
		t.Logf("%s: %v, %d shown, %d pairs each", name, ends, shown, judged/canaries)
		if ends[canary.RolledBack] < canaries*99/100 || shown > canaries/100 {
			t.Errorf("%s: %v of %d worse canaries, %d were shown", name, ends, canaries, shown)
		}
	}
}

// A candidate that only the judge finds worse is taken back, and one that is worse by more than the margin
// hardly ever gets through.
func TestWorsePairsAreTakenBack(t *testing.T) {
	t.Parallel()
	worse, _, _ := fates(usual(), usual(), pairs{0.2, 0.5})
	t.Logf("worse: %v", worse)
	if worse[canary.RolledBack] < canaries*95/100 {
		t.Errorf("%v of %d worse canaries", worse, canaries)
	}
	margin, _, _ := fates(usual(), usual(), pairs{0.25, 0.45})
	t.Logf("by the margin: %v", margin)
	if float64(margin[canary.Promoted]) > plan().Alpha*canaries {
		t.Errorf("%v of %d canaries that are worse by the margin", margin, canaries)
	}
}
