package tune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/hosting"
	"dreamlab/handlers/tune/hyper"
	"dreamlab/providers"
	"dreamlab/store/book"
	"dreamlab/store/money"
	"dreamlab/tasks"
)

// Offer is one way to a tuned model that answers: who trains it and who serves it, what
// that costs, or what forbids it.
type Offer struct {
	Trainer  string    `json:"trainer"`           // a vendor
	Place    string    `json:"place"`             // the vendor that serves
	Base     string    `json:"base"`              // provider/model
	Weights  string    `json:"weights,omitempty"` // the trainer's name of the base, where it is another
	Training money.USD `json:"training_usd"`
	Hosting  money.USD `json:"hosting_usd"` // a month, at the configured hours and the traffic of the last weeks
	PerHour  money.USD `json:"per_hour_usd"`
	PerToken bool      `json:"per_token"` // tokens are paid beside the hours
	Hardware string    `json:"hardware,omitempty"`
	Region   string    `json:"region,omitempty"`
	// Latency is warm where the first answer comes at once, else cold.
	Latency     string `json:"latency"`
	ColdSeconds int64  `json:"cold_seconds"`
	Rank        int    `json:"rank,omitempty"`      // of the adapter: what its size of data asks for, as far as it is taken
	Forbidden   string `json:"forbidden,omitempty"` // why this is no way
	Note        string `json:"note,omitempty"`      // what else there is to know of its price
	// Other says that it is made of other weights than the tune's: it is taken where its base is named.
	Other  bool `json:"other,omitempty"`
	Chosen bool `json:"chosen"`
}

// The classes of latency.
const (
	latencyWarm = "warm"
	latencyCold = "cold"
)

// trafficWeeks is how much of the past a month's traffic is told from.
const trafficWeeks = 4

// traffic is a month's chats and what they use, in tokens.
type traffic struct{ chats, in, out int64 }

// plan lists all ways, the cheapest first and those that are forbidden behind them.
func (p *pricer) plan(ctx context.Context, c *tuneRun) ([]Offer, error) {
	month, err := p.traffic(ctx, c)
	if err != nil {
		return nil, err
	}
	var offers []Offer
	for _, base := range p.sameWeights(c) {
		for _, trainer := range trainers(p.vendors, base.Provider) {
			for _, place := range p.places(base.Provider) {
				o, err := p.offer(ctx, c, pair{base, trainer, place}, month)
				if err != nil {
					return nil, err
				}
				offers = append(offers, o)
			}
		}
	}
	if c.input.DryRun && c.input.Base == "" {
		if offers, err = p.addOthers(ctx, c, offers, month); err != nil {
			return nil, err
		}
	}
	sortOffers(offers)
	return offers, nil
}

// sortOffers puts the cheapest first, what is of other weights behind it, and what is forbidden last.
func sortOffers(offers []Offer) {
	slices.SortStableFunc(offers, func(x, y Offer) int {
		switch {
		case (x.Forbidden == "") != (y.Forbidden == ""):
			return cmp.Compare(len(x.Forbidden), len(y.Forbidden))
		case x.Other != y.Other:
			return one(x.Other) - one(y.Other)
		}
		return cmp.Compare(plus(int64(x.Training), int64(x.Hosting)), plus(int64(y.Training), int64(y.Hosting)))
	})
}

// maxOthers bounds how many bases of a place are asked for.
const maxOthers = 12

// addOthers adds, to a plan that is only looked at, the ways of each place that has none so far: of the first base
// that can be trained and served there.
func (p *pricer) addOthers(ctx context.Context, c *tuneRun, offers []Offer, month traffic) ([]Offer, error) {
	if p.bases == nil {
		return offers, nil
	}
	for _, place := range p.places(c.base.Provider) {
		if slices.ContainsFunc(offers, func(o Offer) bool { return o.Place == place && o.Forbidden == "" }) {
			continue
		}
		bases := p.bases(ctx, place)
		for _, base := range bases[:min(len(bases), maxOthers)] {
			found, err := p.ofOther(ctx, c, providers.Target{Provider: place, Model: base}, month)
			if err != nil {
				return nil, err
			}
			if offers = append(offers, found...); len(found) > 0 {
				break
			}
		}
	}
	return offers, nil
}

// ofOther are the ways of another base at its own vendor.
func (p *pricer) ofOther(ctx context.Context, c *tuneRun, base providers.Target, month traffic) (found []Offer, err error) {
	for _, trainer := range trainers(p.vendors, base.Provider) {
		if _, err := p.vendors.Trainer(trainer); err != nil || base == c.base {
			continue
		}
		o, err := p.offer(ctx, c, pair{base, trainer, base.Provider}, month)
		if err != nil {
			return nil, err
		}
		if o.Forbidden == "" {
			o.Other = true
			o.Note = joined("other weights: --base "+o.Base, o.Note)
			found = append(found, o)
		}
	}
	return found, nil
}

// joined are two notes as one.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// sameWeights are the tune's base and, where the client named none, the models of the same
// weights at the other vendors.
func (p *pricer) sameWeights(c *tuneRun) []providers.Target {
	bases := []providers.Target{c.base}
	if c.input.Base != "" || p.weights == nil {
		return bases
	}
	for _, other := range p.weights(c.base) {
		if _, err := p.vendors.Trainer(trainers(p.vendors, other.Provider)[0]); err == nil && other != c.base {
			bases = append(bases, other)
		}
	}
	return bases
}

// trainers are the vendors that can train a vendor's bases: itself, and those whose adapters it
// serves. Where there is none it stands for itself, so that the plan says what is missing.
func trainers(vendors Vendors, own string) []string {
	var names []string
	if _, err := vendors.Trainer(own); err == nil {
		names = append(names, own)
	}
	host, err := vendors.Host(own)
	for _, name := range vendors.Names() {
		if err != nil || name == own {
			continue
		}
		if trainer, fault := vendors.Trainer(name); fault == nil && takes(host, trainer) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return []string{own}
	}
	return names
}

// takes tells whether a host serves what a trainer leaves: an adapter, or whole weights in the host's
// own cloud.
func takes(host providers.Host, trainer providers.Trainer) bool {
	_, exports := trainer.(providers.Exporter)
	_, imports := host.(providers.Importer)
	_, merges := trainer.(providers.Merger)
	_, whole := host.(providers.WeightsImporter)
	return exports && imports || merges && whole
}

// pair is who trains a base, and who serves what was trained.
type pair struct {
	base           providers.Target
	trainer, place string
}

// places are the vendors that serve tuned models, that of the base first.
func (p *pricer) places(own string) []string {
	others := slices.DeleteFunc(hostsOf(p.vendors), func(name string) bool { return name == own })
	return append([]string{own}, others...)
}

// offer prices one way, or says what forbids it. An error is of the tune's own base alone:
// another vendor that can not be asked is not waited for.
func (p *pricer) offer(ctx context.Context, c *tuneRun, way pair, month traffic) (Offer, error) {
	base, place := way.base, way.place
	o := Offer{Trainer: way.trainer, Place: place, Base: base.Provider + "/" + base.Model, Latency: latencyWarm}
	if place != base.Provider {
		o.Forbidden = p.elsewhere(place, base.Provider)
		return o, nil
	}
	served, rate, refused, err := p.servable(ctx, way.trainer, base, c)
	if err != nil && base != c.base {
		refused, err = "refused: hosting: "+base.Provider+" can not be asked now", nil
	}
	if err != nil || refused != "" {
		o.Forbidden = refused
		return o, err
	}
	o.Weights, o.Rank = weightsAt(way.trainer, base.Provider, served), hyper.Fit(p.hyperOf(c), served.MaxRank).Rank
	if rate == 0 {
		rate, refused = p.prices.trainRate(providers.Target{Provider: way.trainer, Model: cmp.Or(o.Weights, base.Model)}, c.state.Method)
	}
	if refused != "" {
		o.Forbidden = refused
		return o, nil
	}
	o.Training = money.USD(trainingBound(c.state.Tokens, p.hyperOf(c).Epochs, rate))
	o.Forbidden = p.host(&o, base, served, month)
	return o, nil
}

// host prices what a place takes for serving, or says why that has no price.
func (p *pricer) host(o *Offer, base providers.Target, served providers.Hosting, month traffic) (refused string) {
	o.PerHour, o.PerToken, o.Hardware, o.Region = money.USD(served.NanoPerHour), served.PerToken, served.Hardware, served.Region
	if o.ColdSeconds = int64(served.Cold / time.Second); o.ColdSeconds > 0 {
		o.Latency = latencyCold
	}
	o.Hosting = money.USD(hosting.MonthBound(served, p.hostingHours, month.chats))
	o.Note = joined(hosting.Note(served, p.hostingHours), served.Doubt)
	if served.PerToken {
		tokens, refused := p.prices.tokens(base, month)
		o.Hosting = money.USD(plus(int64(o.Hosting), tokens))
		return refused
	}
	return ""
}

// elsewhere says why a place does not serve what is trained on another vendor's base.
func (p *pricer) elsewhere(place, own string) string {
	host, err := p.vendors.Host(place)
	if _, imports := host.(providers.Importer); err == nil && imports {
		return fmt.Sprintf("refused: hosting: %s serves adapters of its own bases, and the plan names none with the weights of %s's",
			place, own)
	}
	return fmt.Sprintf("refused: hosting: %s serves what it trained itself, not the weights of %s", place, own)
}

// weightsAt is the name by which a trainer knows the weights of a place's base, "" where it is the
// base's own.
func weightsAt(trainer, place string, h providers.Hosting) string {
	if trainer == place {
		return ""
	}
	return h.Weights
}

// tokens is what a month's tokens of a model cost, nano-dollars.
func (p priceList) tokens(base providers.Target, month traffic) (nano int64, refused string) {
	price, err := p.catalogue.Price(base.Provider, base.Model, p.now())
	if err != nil {
		return 0, fmt.Sprintf("refused: price: what tokens of %s cost is not known", base)
	}
	return price.Rates.Cost(providers.Usage{Input: month.in, Output: month.out}), ""
}

// traffic tells what the tenant's chats of the last weeks come to in a month of 30 days.
func (p *pricer) traffic(ctx context.Context, c *tuneRun) (traffic, error) {
	const days = 7 * trafficWeeks
	to := p.prices.now()
	spent, err := c.run.Store.Book().Spending(ctx, c.tune.Tenant, "purpose", to.AddDate(0, 0, -days), to)
	if err != nil {
		return traffic{}, fmt.Errorf("sum the traffic of the last weeks: %w", err)
	}
	for _, s := range spent {
		if s.Group == "chat" {
			return trafficOf(s, c.input.ChatsPerDay, days), nil
		}
	}
	return trafficOf(book.Spend{}, c.input.ChatsPerDay, days), nil
}

// A chat that is not known by others: tokens asked and answered.
const (
	usualAsked    = 500
	usualAnswered = 200
)

// trafficOf is a month of the chats of so many days or, where a number is given, of so many chats a day that
// are as long as those were.
func trafficOf(s book.Spend, chatsPerDay int, days int64) traffic {
	n := int64(chatsPerDay)
	switch {
	case n > 0 && s.Calls > 0:
		return traffic{n * 30, times(n*30, s.Input) / s.Calls, times(n*30, s.Output) / s.Calls}
	case n > 0:
		return traffic{n * 30, times(n, 30*usualAsked), times(n, 30*usualAnswered)}
	}
	return traffic{s.Calls * 30 / days, s.Input * 30 / days, s.Output * 30 / days}
}

// servable asks whether the base can be tuned and served, and for how much: a million trained tokens at a rate where
// the trainer tells it.
func (p *pricer) servable(ctx context.Context, by string, base providers.Target, c *tuneRun) (
	h providers.Hosting, rate int64, refused string, err error,
) {
	trainer, err := p.vendors.Trainer(by)
	if err != nil {
		return h, 0, "", handlers.Failure(err)
	}
	host, err := p.vendors.Host(base.Provider)
	if err != nil {
		return h, 0, "", handlers.Failure(err)
	}
	var limits providers.TuneLimits
	if by == base.Provider { // it knows the base by its own name
		limits, err = trainer.Tunable(ctx, base.Model)
	}
	if err == nil {
		h, err = host.Hosting(ctx, base.Model)
	}
	if err == nil && by != base.Provider {
		limits, err = trainer.Tunable(ctx, cmp.Or(weightsAt(by, base.Provider, h), base.Model))
	}
	var e *providers.Error
	switch {
	case errors.As(err, &e) && e.Kind == providers.KindModelGone:
		return h, 0, "refused: hosting: " + e.Message, nil
	case err != nil:
		return h, 0, "", handlers.Failure(err)
	}
	rate = limits.NanoPerMillion
	if limits.MaxRank > 0 && (h.MaxRank == 0 || limits.MaxRank < h.MaxRank) {
		h.MaxRank = limits.MaxRank // one adapter is trained and served
	}
	h.Doubt = joined(limits.Doubt, h.Doubt)
	asked := p.hyperOf(c)
	if why := beyond(asked, limits, h); why != "" {
		return h, rate, why, nil
	}
	if c.state.Method == tasks.MethodDPO {
		refused = beyondPairs(by, asked.Beta, limits.Pairs)
	}
	return h, rate, cmp.Or(refused, full(limits, h)), nil
}

// full says which quota of the account has no room for one more training, or for what serves it.
func full(limits providers.TuneLimits, h providers.Hosting) string {
	if why := joined(limits.Full, h.Full); why != "" {
		return "refused: quota: " + why
	}
	return ""
}

// beyond says which hyper-parameter the trainer or the place does not take. A rank is taken down to what they take, unless
// that is too small to learn by.
func beyond(asked tasks.Hyper, limits providers.TuneLimits, h providers.Hosting) string {
	if least := min(hyper.Least, asked.Rank); h.MaxRank > 0 && h.MaxRank < least {
		return fmt.Sprintf("refused: hosting: adapters have at most rank %d there, not %d", h.MaxRank, least)
	}
	if limits.MaxEpochs > 0 && asked.Epochs > limits.MaxEpochs {
		return fmt.Sprintf("refused: hosting: trainings have at most %d epochs there, not %d", limits.MaxEpochs, asked.Epochs)
	}
	return ""
}

// beyondPairs says why a trainer does not learn from preference pairs.
func beyondPairs(by string, beta float64, limits *providers.PairLimits) string {
	switch {
	case limits == nil:
		return fmt.Sprintf("refused: method: %s does not train this base on preference pairs (dpo): the method sft is left", by)
	case beta < limits.MinBeta || beta > limits.MaxBeta:
		return fmt.Sprintf("refused: method: beta is from %v to %v there, not %v", limits.MinBeta, limits.MaxBeta, beta)
	}
	return ""
}
