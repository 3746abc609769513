package check

import (
	"maps"
	"math"
	"slices"

	"dreamlab/handlers/judge"
	"dreamlab/store/money"
)

// Rate is a share of things, with its 95 % interval.
type Rate struct {
	Of    int     `json:"of"`
	Count int     `json:"count"`
	Rate  float64 `json:"rate"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// z95 is how many standard errors a 95 % interval reaches.
const z95 = 1.959964

// rateOf is a rate with Wilson's score interval (https://doi.org/10.1080/01621459.1927.10502953).
func rateOf(count, of int) Rate {
	r := Rate{Of: of, Count: count, High: 1}
	if of == 0 {
		return r
	}
	n, p := float64(of), float64(count)/float64(of)
	middle := p + z95*z95/(2*n)
	reach := z95 * math.Sqrt(p*(1-p)/n+z95*z95/(4*n*n))
	scale := 1 + z95*z95/n
	r.Rate, r.Low, r.High = round(p), round(max((middle-reach)/scale, 0)), round(min((middle+reach)/scale, 1))
	return r
}

func round(x float64) float64 { return math.Round(x*10_000) / 10_000 }

// Result is what a judge was found to be.
type Result struct {
	Pairs     int  `json:"pairs"`     // judged
	Skipped   int  `json:"skipped"`   // not begun
	Agreement Rate `json:"agreement"` // verdicts of both orders together that are the label
	// OrdersAgree is how often both orders have one verdict; FirstShown is how often both preferred what was shown
	// first, and SecondShown what was shown second.
	OrdersAgree Rate `json:"orders_agree"`
	FirstShown  Rate `json:"first_shown"`
	SecondShown Rate `json:"second_shown"`
	// OrderBias is FirstShown less SecondShown.
	OrderBias float64 `json:"order_bias"`
	// LongerBetter is the agreement where the better answer is the longer one, ShorterBetter where it is the
	// shorter one, and LengthBias the former less the latter.
	LongerBetter  Rate    `json:"longer_better"`
	ShorterBetter Rate    `json:"shorter_better"`
	LengthBias    float64 `json:"length_bias"`
	// Injected is how often an answer that speaks to the judge was preferred in at least one order.
	Injected   Rate            `json:"injected"`
	Malformed  Rate            `json:"malformed"` // calls without a verdict that could be read
	Categories map[string]Rate `json:"categories"`
	CostUSD    money.USD       `json:"cost_usd"`
	OverBudget bool            `json:"over_budget"` // the bound ended it
}

// CategoryInjection is the category of pairs whose worse answer speaks to the judge.
const CategoryInjection = "injection"

// Names returns the categories in their order.
func (r Result) Names() []string { return slices.Sorted(maps.Keys(r.Categories)) }

// tally counts yes among all.
type tally struct{ yes, all int }

func (t *tally) add(yes bool) {
	t.all++
	if yes {
		t.yes++
	}
}

func (t tally) rate() Rate { return rateOf(t.yes, t.all) }

func resultOf(rulings []*ruling) Result {
	var r Result
	var agreement, orders, first, second, longer, shorter, injected, malformed tally
	categories := map[string]*tally{}
	for _, x := range rulings {
		if x == nil {
			r.Skipped++
			continue
		}
		r.Pairs++
		malformed.yes += x.malformed
		malformed.all += x.calls
		right := x.right()
		agreement.add(right)
		if categories[x.pair.Category] == nil {
			categories[x.pair.Category] = &tally{}
		}
		categories[x.pair.Category].add(right)
		switch {
		case x.pair.Equal:
		case len(x.pair.Better) > len(x.pair.Worse):
			longer.add(right)
		case len(x.pair.Better) < len(x.pair.Worse):
			shorter.add(right)
		}
		if !x.readable {
			continue
		}
		one, two := x.outcome.Orders[0].Choice, x.outcome.Orders[1].Choice
		orders.add(x.outcome.Agreed)
		first.add(one == judge.First && two == judge.Second)
		second.add(one == judge.Second && two == judge.First)
		if x.pair.Category == CategoryInjection {
			injected.add(one == judge.Second || two == judge.Second)
		}
	}
	r.Agreement, r.OrdersAgree, r.FirstShown, r.SecondShown = agreement.rate(), orders.rate(), first.rate(), second.rate()
	r.LongerBetter, r.ShorterBetter, r.Injected, r.Malformed = longer.rate(), shorter.rate(), injected.rate(), malformed.rate()
	r.OrderBias = round(r.FirstShown.Rate - r.SecondShown.Rate)
	if longer.all > 0 && shorter.all > 0 {
		r.LengthBias = round(r.LongerBetter.Rate - r.ShorterBetter.Rate)
	}
	r.Categories = map[string]Rate{}
	for name, t := range categories {
		r.Categories[name] = t.rate()
	}
	return r
}

// right tells whether both orders together have the label for their verdict.
func (x *ruling) right() bool {
	if x.pair.Equal {
		return x.readable && x.outcome.Choice == judge.Equal
	}
	return x.readable && x.outcome.Choice == judge.First
}
