package price

import (
	"cmp"
	"slices"
	"time"

	"dreamlab/providers"
	"dreamlab/store/money"
)

// Plan is a way to have a day's calls answered, and what that costs.
type Plan struct {
	Name   string    `json:"plan"`
	Chats  money.USD `json:"chats_usd"`
	Dreams money.USD `json:"dreams_usd"`
	Total  money.USD `json:"total_usd"`
	// Percent is the total in per cent of the first plan's.
	Percent float64 `json:"percent_of_first"`
	// Models are those that answered, the most asked first.
	Models []Answered `json:"models"`
}

// Answered is how many calls a model answered.
type Answered struct {
	Model string `json:"model"`
	Calls int64  `json:"calls"`
}

// policy says how a plan has calls answered.
type policy struct {
	name   string
	choose func(d *Day, c *call, t target) bool // whether a model may be asked
	batch  bool                                 // dreams go to batches where there are some
	cached bool                                 // a prompt that a vendor remembers costs less
}

func policies() []policy {
	only := func(place func(d *Day, c *call) int) func(*Day, *call, target) bool {
		return func(d *Day, c *call, t target) bool {
			m := d.targets[place(d, c)].model
			return m.Provider == t.model.Provider && m.ID == t.model.ID
		}
	}
	lead := only(func(d *Day, _ *call) int { return d.lead })
	same := func(d *Day, c *call, t target) bool { return alike(d.targets[d.wanted(c)].model, t.model) }
	anyone := func(*Day, *call, target) bool { return true }
	return []policy{
		{name: "all live, at the lead model", choose: lead},
		{name: "all live, at the team's models", choose: only((*Day).wanted)},
		{name: "routed: the team's models, where they cost least", choose: same},
		{name: "routed, dreams in batches, cached prompts", choose: same, batch: true, cached: true},
		{name: "routed: any capable model", choose: anyone},
		{name: "any capable model, in batches, cached prompts", choose: anyone, batch: true, cached: true},
	}
}

// wanted is the team's model for a call.
func (d *Day) wanted(c *call) int {
	if c.role == judges {
		return d.lead
	}
	return d.base
}

// Plans prices the day by each plan, the first of which the others are compared to.
func (d *Day) Plans() []Plan {
	calls := d.inOrder()
	var plans []Plan
	for _, p := range policies() {
		plan := d.run(p, calls)
		if first := plan.Total; len(plans) > 0 {
			first = plans[0].Total
			plan.Percent = percent(plan.Total, first)
		} else if first > 0 {
			plan.Percent = 100
		}
		plans = append(plans, plan)
	}
	return plans
}

// percent is for showing: no money is counted by it.
func percent(part, whole money.USD) float64 {
	if whole == 0 {
		return 0
	}
	return float64(int64(float64(part)/float64(whole)*10_000+0.5)) / 100
}

// home is where a conversation was answered last, and how much of it is remembered there.
type home struct {
	target int
	at     time.Duration
	tokens int64
}

// run has the calls answered in the order of the clock.
func (d *Day) run(p policy, calls []call) Plan {
	plan, homes, asked := Plan{Name: p.name}, map[int64]home{}, map[int]int64{}
	for i := range calls {
		c := &calls[i]
		place, rates := d.answerer(p, c, homes)
		usage := c.usage
		if last, known := homes[c.conversation]; p.cached && c.role == chats && known && last.target == place &&
			c.at-last.at <= cacheLasts {
			usage.CachedInput = min(last.tokens, usage.Input)
		}
		if c.role == chats {
			homes[c.conversation] = home{place, c.at, c.usage.Input}
		}
		nano := rates.Cost(usage)
		asked[place]++
		if c.role == chats {
			plan.Chats = money.USD(plus(int64(plan.Chats), nano))
		} else {
			plan.Dreams = money.USD(plus(int64(plan.Dreams), nano))
		}
	}
	plan.Total = money.USD(plus(int64(plan.Chats), int64(plan.Dreams)))
	plan.Models = d.answered(asked)
	return plan
}

// answerer returns the model that a plan has asked, and its rates: a conversation stays where
// it is, and else the cheapest of those that can take the call is asked. Where none can,
// the lead model is asked, as a route without another target would.
func (d *Day) answerer(p policy, c *call, homes map[int64]home) (place int, rates providers.Rates) {
	if last, known := homes[c.conversation]; known && c.role == chats && slices.Contains(c.able, last.target) {
		return last.target, d.targets[last.target].price.Rates
	}
	place, least := -1, int64(0)
	for _, i := range c.able {
		if !p.choose(d, c, d.targets[i]) {
			continue
		}
		offered := p.rates(c, d.targets[i].price)
		if cost := offered.Cost(c.usage); place < 0 || cost < least {
			place, least, rates = i, cost, offered
		}
	}
	if place < 0 {
		place = d.lead
		rates = p.rates(c, d.targets[place].price)
	}
	return place, rates
}

// rates are those that a call is billed by.
func (p policy) rates(c *call, price providers.Price) providers.Rates {
	if p.batch && c.role != chats && price.Batch != nil {
		return *price.Batch
	}
	return price.Rates
}

func (d *Day) answered(asked map[int]int64) []Answered {
	var all []Answered
	for place, n := range asked {
		m := d.targets[place].model
		all = append(all, Answered{m.Provider + "/" + m.ID, n})
	}
	slices.SortFunc(all, func(a, b Answered) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Model, b.Model))
	})
	return all
}

// Calls is how many calls the day has: chats, and those of dreams.
func (d *Day) Calls() (chat, dream int64) {
	for _, c := range d.calls {
		if c.role == chats {
			chat++
		} else {
			dream++
		}
	}
	return chat, dream
}
