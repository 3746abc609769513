package price

import (
	"cmp"
	"slices"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/choose"
	"dreamlab/store/money"
)

// Sheet adds up what requests cost at each of some models.
type Sheet struct {
	asked   int64
	columns []*column
}

// column is one model's sums.
type column struct {
	model             catalog.Model
	price             providers.Price
	taken             int64
	usage             providers.Usage
	live, batch, flex int64
}

// Row says what all requests cost at a model that can take them.
type Row struct {
	Vendor string `json:"vendor"`
	Model  string `json:"model"`
	Taken  int64  `json:"taken"`  // requests that the model can answer
	Input  int64  `json:"input"`  // tokens
	Output int64  `json:"output"` // tokens
	// Live, Batch and Flex are what those taken cost; null where the vendor does not
	// offer it, or its price is not known.
	Live  *money.USD `json:"live_usd"`
	Batch *money.USD `json:"batch_usd"`
	Flex  *money.USD `json:"flex_usd"`
	// PriceFrom is the day from which on the price holds.
	PriceFrom string `json:"price_from,omitempty"`
}

// NewSheet returns a sheet with the models that are served and priced at a time.
func NewSheet(known *catalog.Catalog, models []catalog.Model, at time.Time) *Sheet {
	s := &Sheet{}
	for _, m := range models {
		price, err := known.Price(m.Provider, m.ID, at)
		if err == nil && !m.RetiredAt(at) && m.GoneAt.IsZero() { // what has no price has no cost to show
			s.columns = append(s.columns, &column{model: m, price: price})
		}
	}
	return s
}

// Add adds a request.
func (s *Sheet) Add(ask Ask) error {
	s.asked++
	for _, c := range s.columns {
		if takes(c.model, &ask.Request) {
			c.add(ask)
		}
	}
	return nil
}

// Asked is how many requests were added.
func (s *Sheet) Asked() int64 { return s.asked }

// takes tells whether a model can answer a request: vectors come from models for them, and
// chats from all others.
func takes(m catalog.Model, req *providers.Request) bool {
	if vectors := len(req.Inputs) > 0; vectors || m.Can("embeddings") {
		return vectors && m.Can("embeddings")
	}
	return choose.Fits(req, m.Context, m.Caps)
}

// usageAt is what a request uses at a model.
func usageAt(m catalog.Model, ask *Ask) providers.Usage {
	usage := m.Bound(&ask.Request)
	if ask.Answer > 0 {
		usage.Output = ask.Answer
	}
	return usage
}

func (c *column) add(ask Ask) {
	usage := usageAt(c.model, &ask)
	c.taken++
	c.usage.Input, c.usage.Output = plus(c.usage.Input, usage.Input), plus(c.usage.Output, usage.Output)
	c.live = plus(c.live, c.price.Cost(usage))
	if c.price.Batch != nil {
		c.batch = plus(c.batch, c.price.Batch.Cost(usage))
	}
	if c.price.Flex != nil {
		c.flex = plus(c.flex, c.price.Flex.Cost(usage))
	}
}

// Rows returns the models that take any of the requests: those that take the most come
// first, and of those the cheapest.
func (s *Sheet) Rows() []Row {
	taking := slices.DeleteFunc(slices.Clone(s.columns), func(c *column) bool { return c.taken == 0 })
	slices.SortStableFunc(taking, func(a, b *column) int {
		return cmp.Or(cmp.Compare(b.taken, a.taken), cmp.Compare(a.live, b.live))
	})
	rows := make([]Row, len(taking))
	for i, c := range taking {
		rows[i] = c.row()
	}
	return rows
}

func (c *column) row() Row {
	r := Row{
		Vendor: c.model.Provider, Model: c.model.ID, Taken: c.taken, Input: c.usage.Input, Output: c.usage.Output,
		Live: new(money.USD(c.live)),
	}
	if c.price.Batch != nil {
		r.Batch = new(money.USD(c.batch))
	}
	if c.price.Flex != nil {
		r.Flex = new(money.USD(c.flex))
	}
	if !c.price.From.IsZero() {
		r.PriceFrom = c.price.From.UTC().Format(time.DateOnly)
	}
	return r
}
