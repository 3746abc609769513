package providers

import (
	"cmp"
	"context"
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
