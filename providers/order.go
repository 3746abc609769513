package providers

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"time"
)

// Policy says which targets of a tier are preferred.
type Policy string

// The policies.
const (
	Ordered  Policy = "ordered"  // as they are listed
	Cheapest Policy = "cheapest" // by what this call costs
	Fastest  Policy = "fastest"  // by the first token and the rate that were observed
)

// Choice is a target that could answer a call, with what there is to choose by.
type Choice struct {
	Target    Target
	Tier      int
	Price     Price
	Quote     int64     // what the call is reserved at here, nano-dollars
	Context   int       // tokens that the model takes; 0 where that is not known
	NotBefore time.Time // until when it is known not to be called; zero for now
}

// Order puts the choices of a call in the order in which they are preferred. What
// it leaves out is not asked; where none can answer, the error says why. It is called
// once a call, before the first try; the router still passes over those that may not be
// called now, by their circuit or by the call's own back-off. It must return within some
// milliseconds, be safe for concurrent use, and may sort choices in place.
type Order func(ctx context.Context, call *Call, choices []Choice) ([]Choice, *Error)

// cheapestFirst goes by tier, and within a tier by price.
func cheapestFirst(_ context.Context, _ *Call, choices []Choice) ([]Choice, *Error) {
	slices.SortStableFunc(choices, func(a, b Choice) int {
		return cmp.Or(cmp.Compare(a.Tier, b.Tier), cmp.Compare(a.Quote, b.Quote))
	})
	return choices, nil
}

// Account is a key of a vendor that has several.
type Account struct {
	Name   string // as [Target.Account]; "" for the vendor's first
	Weight int    // its share of the vendor's calls; of 0 it is asked after the others
	Driver Driver
}

// spread returns a choice once for each key of its vendor, the one to be asked first
// before the others. Which that is, chance decides by the weights.
func (r *Router) spread(choice Choice) []Choice {
	accounts := r.accounts[choice.Target.Provider]
	if len(accounts) == 0 || choice.Target.Account != "" {
		return []Choice{choice}
	}
	type drawn struct {
		Choice
		place float64
	}
	all := make([]drawn, len(accounts))
	for i, account := range accounts {
		choice.Target.Account = account.Name
		all[i] = drawn{choice, r.place(account.Weight)}
	}
	slices.SortStableFunc(all, func(a, b drawn) int { return cmp.Compare(a.place, b.place) })
	choices := make([]Choice, len(all))
	for i, one := range all {
		choices[i] = one.Choice
	}
	return choices
}

// place draws a waiting time at a rate of weight: the shortest of several is each one's as
// often as its part of their weights says.
func (r *Router) place(weight int) float64 {
	if weight <= 0 {
		return math.Inf(1)
	}
	return -math.Log(1-r.rand()) / float64(weight)
}

// Tiered is a driver whose vendor has a tier of service that turns calls away when it is
// full, though the usual one may take them. It may be asked concurrently.
type Tiered interface {
	// Spares tells whether a tier is of that sort.
	Spares(tier string) bool
	// Pooled tells whether calls of all tiers count towards the same limits.
	Pooled() bool
}

// optionTier is the option of a request that names a tier of service, and slowTier the one
// that costs less because it may take its time.
const (
	optionTier = "service_tier"
	slowTier   = "flex"
)

// slowLimits are those of a call in the slower tier that nobody waits for. Vendors let it
// take up to 15 minutes (https://platform.openai.com/docs/guides/flex-processing); a worker
// is held meanwhile.
var slowLimits = Limits{Headers: 5 * time.Minute, FirstToken: 5 * time.Minute, Whole: 5 * time.Minute}

// slowPause is for how long the slower tier is left alone that did not answer in its time,
// or that the vendor does not have for the model.
const slowPause = 10 * time.Minute

// ServiceOf returns the tier of service that a request asks for, "" for the usual.
func ServiceOf(req *Request) string {
	var tier string
	if json.Unmarshal(req.Options[optionTier], &tier) != nil || tier == "auto" || tier == "default" {
		return ""
	}
	return plain(tier)
}

// inTier returns the options of a request, with the tier of service that it is sent to.
func inTier(req *Request, tier string) map[string]json.RawMessage {
	if tier == ServiceOf(req) {
		return req.Options
	}
	options := maps.Clone(req.Options)
	if tier == "" {
		delete(options, optionTier)
		return options
	}
	if options == nil {
		options = map[string]json.RawMessage{}
	}
	options[optionTier] = json.RawMessage(`"` + tier + `"`)
	return options
}

// service is the tier of service that a target is asked in: the one that the request names
// or, where nobody waits for the answer, the slower one where that costs less. The
// deployment of a tuned model has none.
func (r *Router) service(call *Call, target Target, price *Price) string {
	asked := ServiceOf(&call.Request)
	tuned := target.Hosted || target.Priced != ""
	if !call.Thrifty || asked != "" || tuned || price.Slower() == nil || !spares(r.driver(target), slowTier) {
		return asked
	}
	return slowTier
}

// limitsAt bounds a call's try at a target.
func (r *Router) limitsAt(call *Call, target Target) Limits {
	limits := call.Limits.Over(r.limits[target.Provider])
	if call.Thrifty && target.Service == slowTier {
		limits = limits.Over(slowLimits)
	}
	return limits.filled()
}

// asUsual has the candidate asked in the usual tier of service where the tier that it was
// asked for is full, or is not offered for the model, and tells whether it is to be asked
// so. That happens once: the usual tier has no other behind it.
func (run *run) asUsual(c *candidate, e *Error) bool {
	if e.Kind != KindCapacity && e.Param != optionTier || !spares(c.driver, c.target.Service) {
		return false
	}
	c.target.Service = ""
	c.limits = run.router.limitsAt(&run.call, c.target)
	run.again = c
	return true
}

// avoidFull asks for the usual tier at once where the one that the call asks for is known
// to be full.
func (r *Router) avoidFull(choice *Choice) {
	until, _ := r.breakers.open(choice.Target)
	if until.After(r.now()) && spares(r.driver(choice.Target), choice.Target.Service) {
		choice.Target.Service = ""
		until, _ = r.breakers.open(choice.Target)
	}
	choice.NotBefore = until
}

func spares(driver Driver, tier string) bool {
	tiered, able := driver.(Tiered)
	return tier != "" && able && tiered.Spares(tier)
}

// leaveSlow returns for how long a failure leaves the slower tier of service alone, beside
// what it does to any target.
func leaveSlow(target Target, e *Error) time.Duration {
	if target.Service == slowTier && (e.Kind == KindTimeout || e.Param == optionTier) {
		return slowPause
	}
	return 0
}
