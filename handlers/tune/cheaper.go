package tune

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/hosting"
	"dreamlab/providers"
	"dreamlab/store/learn"
	"dreamlab/store/money"
)

// month is the traffic over which costs are compared.
const month = 30 * 24 * time.Hour

// nominal is the traffic, in tokens asked and answered, where the incumbent has none to go by.
const nominal = 1_000_000

// costs compares what serving an alias costs, where its configuration lets a cheaper model be promoted
// that is not worse.
type costs struct {
	caller       *handlers.Caller
	vendors      Vendors
	prices       priceList
	hostingHours int64
	margins      map[string]int64 // by alias, ten-thousandths
}

func newCosts(d Deps) *costs {
	return &costs{
		caller: d.Caller, vendors: d.Vendors, prices: newPriceList(d), hostingHours: d.Settings.HostingHours,
		margins: d.Settings.Cheaper,
	}
}

// sameMargin is how far below one half the bound of the win rate may be, in ten-thousandths, where candidate and incumbent
// are the same weights at two places, and the configuration names no margin: answers differ by the place's precision alone.
const sameMargin = 500

// compare returns what a month of the incumbent's traffic costs there and at a candidate made of the
// tune's base. Its margin is 0 where the alias has none for cheaper models and the weights are others: nothing is compared.
func (p *costs) compare(ctx context.Context, c *tuneRun) (plan learn.CheaperPlan, err error) {
	plan.Margin = p.margins[cmp.Or(c.tune.Alias, learn.DefaultAlias)]
	incumbent, err := c.incumbent(ctx)
	if err != nil {
		return plan, err
	}
	if plan.Same, err = c.hasWeightsOf(ctx, incumbent); err != nil {
		return plan, err
	}
	if plan.Same {
		plan.Margin = cmp.Or(plan.Margin, sameMargin)
	}
	if plan.Margin == 0 {
		return plan, nil
	}
	traffic, err := p.traffic(ctx, c, incumbent)
	if err != nil {
		return plan, err
	}
	if plan.Incumbent, err = p.serving(ctx, c, incumbent, traffic); err != nil {
		return plan, err
	}
	if plan.Candidate, err = p.tuned(ctx, c.base, traffic); err != nil {
		return plan, err
	}
	plan.Cheaper = plan.Candidate < plan.Incumbent
	return plan, nil
}

// traffic are the tokens that a model was asked and answered in the last month.
func (p *costs) traffic(ctx context.Context, c *tuneRun, model string) (providers.Usage, error) {
	now := p.prices.now()
	sums, err := c.run.Store.Spending(ctx, c.tune.Tenant, "model", now.Add(-month), now.Add(time.Second))
	if err != nil {
		return providers.Usage{}, fmt.Errorf("sum the traffic of %s: %w", model, err)
	}
	for _, s := range sums {
		if s.Group == model && s.Input+s.Output > 0 {
			return providers.Usage{Input: s.Input, Output: s.Output}, nil
		}
	}
	return providers.Usage{Input: nominal, Output: nominal}, nil
}

// serving is what the traffic costs at a model that serves: by the token, or by the hour.
func (p *costs) serving(ctx context.Context, c *tuneRun, name string, traffic providers.Usage) (int64, error) {
	tiers, err := p.caller.Resolve(ctx, c.run.Store.Queries, c.tune.Tenant, name, "")
	if err != nil {
		return 0, err
	}
	target := tiers[0][0]
	var nano int64
	if !target.Hosted {
		if nano, err = p.tokens(target.Provider, cmp.Or(target.Priced, target.Model), traffic); err != nil {
			return 0, err
		}
	}
	if model, err := c.run.Store.Model(ctx, c.tune.Tenant, target.String()); err == nil {
		nano = plus(nano, times(model.NanoPerHour, p.hostingHours))
	}
	return nano, nil
}

// tuned is what the traffic would cost at a model tuned on a base.
func (p *costs) tuned(ctx context.Context, base providers.Target, traffic providers.Usage) (int64, error) {
	host, err := p.vendors.Host(base.Provider)
	if err != nil {
		return 0, handlers.Failure(err)
	}
	served, err := host.Hosting(ctx, base.Model)
	if err != nil {
		return 0, handlers.Failure(err)
	}
	nano := hosting.MonthBound(served, p.hostingHours, math.MaxInt64)
	if nano > 0 && !served.PerToken {
		return nano, nil
	}
	tokens, err := p.tokens(base.Provider, base.Model, traffic)
	return plus(nano, tokens), err
}

func (p *costs) tokens(provider, model string, traffic providers.Usage) (int64, error) {
	price, err := p.prices.catalogue.Price(provider, model, p.prices.now())
	if err != nil {
		return 0, fmt.Errorf("price %s/%s: %w", provider, model, err)
	}
	return price.Cost(traffic), nil
}

// describeCheaper says in a sentence whether a candidate costs less, or is "".
func describeCheaper(p *learn.CheaperPlan) string {
	if p == nil {
		return ""
	}
	within := fmt.Sprintf("the bound of its win rate may be %d.%02d points below one half", p.Margin/100, p.Margin%100)
	found := "which is no less: it has to be better"
	switch {
	case p.Same:
		found = "both with the same weights: it only must not be worse: " + within
	case p.Cheaper:
		found = "so that it only must not be worse: by the setting tune.cheaper " + within
	}
	return fmt.Sprintf("; a month of the traffic costs $%s at the candidate and $%s at what serves, %s",
		money.USD(p.Candidate), money.USD(p.Incumbent), found)
}
