package providers

import (
	"cmp"
	"context"
	"slices"
)

// Choice is a target that could answer a call, with what there is to choose by.
type Choice struct {
	Target  Target
	Tier    int
	Quote   int64 // what the call is reserved at here, nano-dollars
	Context int   // tokens that the model takes; 0 where that is not known
}

// Order puts the choices of a call in the order in which they are preferred. What
// it leaves out is not asked. It is called once a call, before the first try; the
// router still passes over those that may not be called now, by their circuit or
// by the call's own back-off. It must return within some milliseconds, be safe for
// concurrent use, and may sort choices in place.
type Order func(ctx context.Context, call *Call, choices []Choice) []Choice

// cheapestFirst goes by tier, and within a tier by price.
func cheapestFirst(_ context.Context, _ *Call, choices []Choice) []Choice {
	slices.SortStableFunc(choices, func(a, b Choice) int {
		return cmp.Or(cmp.Compare(a.Tier, b.Tier), cmp.Compare(a.Quote, b.Quote))
	})
	return choices
}
