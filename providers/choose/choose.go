// Package choose puts the targets of a call in the order in which they are asked: by
// what a model can, by tier, by the policy of the call, and so that a conversation
// stays at its target. What is not known of a model never speaks against it.
//
// It makes no calls and does not know which keys or limits there are: the router passes
// over targets that may not be called at the moment.
package choose

import (
	"cmp"
	"context"
	"slices"

	"dreamlab/providers"
)

// Options say what targets are chosen by. The zero value works.
type Options struct {
	// Caps returns what a model can, in the catalogue's words, and nil where that is
	// not known. Defaults to knowing nothing.
	Caps func(provider, model string) []string
	// Speeds are what was observed of the targets. Defaults to none.
	Speeds *Speeds
	// Homes remember where conversations are. Defaults to the memory of the process.
	Homes Homes
}

// Chooser orders the targets of calls. It is safe for concurrent use.
type Chooser struct {
	caps   func(provider, model string) []string
	speeds *Speeds
	homes  Homes
}

// New returns a chooser.
func New(o Options) *Chooser {
	c := &Chooser{caps: o.Caps, speeds: o.Speeds, homes: o.Homes}
	if c.caps == nil {
		c.caps = func(string, string) []string { return nil }
	}
	if c.speeds == nil {
		c.speeds = NewSpeeds(nil)
	}
	if c.homes == nil {
		c.homes = NewMemory(nil)
	}
	return c
}

// Order is the router's [providers.Order].
func (c *Chooser) Order(ctx context.Context, call *providers.Call, choices []providers.Choice) (
	[]providers.Choice, *providers.Error,
) {
	need := needOf(&call.Request)
	ranked, refusal := c.able(need, choices)
	if len(ranked) == 0 {
		return nil, refusal
	}
	c.rank(call.Policy, need, ranked)
	slices.SortStableFunc(ranked, func(a, b option) int {
		return cmp.Or(cmp.Compare(a.doubt, b.doubt), cmp.Compare(a.Tier, b.Tier), cmp.Compare(a.rank, b.rank))
	})
	c.goHome(ctx, call.Conversation, ranked)
	if call.Policy == providers.Fastest {
		c.speeds.explore(ranked[0].Target)
	}
	ordered := choices[:0]
	for _, o := range ranked {
		ordered = append(ordered, o.Choice)
	}
	return ordered, nil
}

// option is a choice with its place in the order.
type option struct {
	providers.Choice
	doubt int   // 1 where the model is not known to answer in the form that is asked for
	rank  int64 // in the tier, by the policy; the least comes first
}

// able returns the choices that are not known to lack what a request needs, and why the
// first of the others can not answer it.
func (c *Chooser) able(need need, choices []providers.Choice) (able []option, refusal *providers.Error) {
	for _, choice := range choices {
		caps := c.caps(choice.Target.Provider, cmp.Or(choice.Target.Priced, choice.Target.Model))
		if e := need.lacking(choice, caps); e != nil {
			refusal = cmp.Or(refusal, e)
			continue
		}
		able = append(able, option{Choice: choice, doubt: need.doubt(caps)})
	}
	return able, refusal
}

// rank sets the places in a tier.
func (c *Chooser) rank(policy providers.Policy, need need, options []option) {
	for i := range options {
		o := &options[i]
		switch policy {
		case providers.Ordered:
			o.rank = int64(i)
		case providers.Fastest:
			o.rank = c.speeds.expect(o.Target, need.output)
		default:
			o.rank = o.Price.Cost(need.usage())
		}
	}
}

// goHome puts the target at which a conversation is at home before the others of its
// tier. Where it has none there, the first that may be called now becomes its home.
func (c *Chooser) goHome(ctx context.Context, conversation string, options []option) {
	tier := options
	for i, o := range options {
		if o.doubt != options[0].doubt || o.Tier != options[0].Tier {
			tier = options[:i]
			break
		}
	}
	if conversation == "" || len(tier) < 2 {
		return
	}
	names := make([]string, len(tier))
	for i, o := range tier {
		names[i] = o.Target.Key()
	}
	home := c.homes.Home(ctx, conversation, names, first(tier))
	if at := slices.Index(names, home); at > 0 {
		chosen := tier[at]
		copy(tier[1:at+1], tier[:at])
		tier[0] = chosen
	}
}

// first returns the target that may be called soonest, the preferred one among equals.
func first(tier []option) string {
	best := slices.MinFunc(tier, func(a, b option) int { return a.NotBefore.Compare(b.NotBefore) })
	return best.Target.Key()
}
