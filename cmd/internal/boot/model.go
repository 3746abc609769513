package boot

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"dreamlab/cmd/internal/api"
	"dreamlab/cmd/internal/config"
	"dreamlab/handlers/tune"
	"dreamlab/handlers/tune/hosting"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/completion"
	"dreamlab/store/canary"
)

// models shows the API the part of the catalogue that this program can ask for.
type models struct {
	known   *catalog.Catalog
	vendors []string
	options []string // that these vendors take
	now     func() time.Time
}

func (m *models) add(vendor providers.Vendor) {
	m.vendors, m.options = append(m.vendors, vendor.Name), append(m.options, vendor.Options...)
}

// List returns every model of the vendors that are open.
func (m *models) List() []api.Model {
	var all []api.Model
	for _, model := range m.known.Models() {
		if slices.Contains(m.vendors, model.Provider) {
			all = append(all, m.view(model))
		}
	}
	return all
}

// Find returns a model by the name provider/model.
func (m *models) Find(name string) (api.Model, bool) {
	provider, id, _ := strings.Cut(name, "/")
	model, found := m.known.Find(provider, id)
	if !found || !slices.Contains(m.vendors, provider) {
		return api.Model{}, false
	}
	return m.view(model), true
}

// TakesOption tells whether any of the vendors takes a parameter of a chat that OpenAI
// does not have.
func (m *models) TakesOption(name string) bool { return completion.Takes(m.options, name) }

func (m *models) view(model catalog.Model) api.Model {
	view := api.Model{
		Name: model.Provider + "/" + model.ID, Context: model.Context, MostOutput: model.MaxOutput,
		Dimensions: model.Dimensions, Can: model.Caps, State: model.State(m.now()), Shutdown: model.ShutdownAt,
		Released: model.Since(),
	}
	if model.Replacement != "" {
		view.Replacement = model.Provider + "/" + model.Replacement
	}
	price, err := m.known.Price(model.Provider, model.ID, m.now())
	if err == nil { // else the view says that it is not known
		view.Price = &api.ModelPrice{
			ModelRates: *ratesOf(&price.Rates), Batch: ratesOf(price.Batch), Flex: ratesOf(price.Flex),
			Priority: ratesOf(price.Priority), From: price.From,
		}
	}
	return view
}

func ratesOf(r *providers.Rates) *api.ModelRates {
	if r == nil {
		return nil
	}
	return &api.ModelRates{Input: r.In, CachedInput: r.CachedIn, Output: r.Out}
}

// sameWeights lists the models of configured vendors that have a base's weights.
func (s *Stack) sameWeights(base providers.Target) []providers.Target {
	known, _ := s.Catalog.Find(base.Provider, base.Model)
	var same []providers.Target
	for _, m := range s.Catalog.Models() {
		if m.Family != "" && m.Family == known.Family && s.Router.Known(m.Provider) {
			same = append(same, providers.Target{Provider: m.Provider, Model: m.ID})
		}
	}
	return same
}

// servable tells whether a vendor serves tuned models.
func servable(router *providers.Router) func(host string) error {
	return func(host string) error { return tune.Servable(router, host) }
}

// bases returns what lists the models of a vendor: those of the catalogue, the cheapest first, and those that a vendor
// lists which the catalogue knows none of.
func bases(known *catalog.Catalog, router *providers.Router) func(context.Context, string) []string {
	return func(ctx context.Context, provider string) []string {
		var ids []string
		costs := map[string]int64{}
		for _, m := range known.Models() {
			price, err := known.Price(m.Provider, m.ID, time.Now())
			if m.Provider == provider && m.ID != catalog.Any && err == nil && !m.Can("embeddings") {
				ids, costs[m.ID] = append(ids, m.ID), price.In+price.Out
			}
		}
		slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(costs[a], costs[b]) })
		if len(ids) > 0 {
			return ids
		}
		driver, err := router.Driver(provider)
		if err != nil {
			return nil
		}
		listed, err := driver.Models(ctx)
		if err != nil {
			return nil // a vendor that can not be asked has no way in the plan
		}
		for _, m := range listed {
			ids = append(ids, m.ID)
		}
		return ids
	}
}

// hostingHours are the hours of hosting as they are set. The configuration was checked when it was read.
func hostingHours(set config.HostingHours) (hours hosting.Hours) {
	if set.Always() {
		return hours
	}
	zone, faultZone := time.LoadLocation(set.Zone)
	from, faultFrom := sinceMidnight(set.From)
	to, faultTo := sinceMidnight(set.To)
	if err := errors.Join(faultZone, faultFrom, faultTo); err != nil {
		panic(err)
	}
	hours = hosting.Hours{From: from, To: to, Zone: zone}
	for on, name := range config.Weekdays() {
		hours.Days[on] = slices.Contains(set.Days, name)
	}
	return hours
}

// canary returns how canaries go; nil where there are none.
func (s *Stack) canary() *canary.Plan {
	c := s.Config.Tune.Canary
	if !c.Enabled {
		return nil
	}
	return &canary.Plan{
		Steps: c.Steps, Step: c.Step, Hold: s.Config.Tune.Hold, Settle: c.Settle, Slow: c.Slow, Alpha: c.Alpha, Margin: c.Margin,
		Pairs: canary.PairPlan{Share: c.Shadow.Share, Shadow: c.Shadow.Pairs, Budget: int64(c.Shadow.BudgetUSD)},
	}
}
