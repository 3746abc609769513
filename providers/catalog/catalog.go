// Package catalog is what Dream Lab knows of models without asking anybody:
// limits, abilities, prices with their dates, and what became of those that
// were shut down. It is data: one YAML file for each vendor is built in, and the
// operator's files in the same form change or extend it without a build, and while
// the program runs.
//
// It is no list of what a vendor serves at this moment; the vendor's own
// Models says that. Hosting is priced by the vendor on request; what training costs is
// a bound, until the vendor's own estimate.
package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"dreamlab/providers"
)

// Catalog answers for models. It is safe for concurrent use.
type Catalog struct {
	mu    sync.RWMutex
	facts facts             // what the files say
	own   map[key]Model     // registered by the program, before all files
	gone  map[key]time.Time // what vendors say that they do not serve, since when

	reloading sync.Mutex
	files     []string
	seen      []stamp // of the files; nil before they are read
}

func newCatalog(known facts) *Catalog {
	return &Catalog{facts: known, own: map[key]Model{}, gone: map[key]time.Time{}}
}

type key struct{ provider, id string }

// Any is the id of the entry that stands for all models of a vendor which
// have none of their own.
const Any = "*"

// Status is where a model is in its life.
type Status string

// The states of a model.
const (
	Active     Status = "active"
	Deprecated Status = "deprecated" // still served, with a day on which it ends
	Retired    Status = "retired"
)

// Model is what is known of one model at one vendor.
type Model struct {
	Provider    string
	ID          string // the vendor's own name
	Family      string // the weights, by one name at all vendors; empty where not known
	Status      Status
	ShutdownAt  time.Time // zero where no day is known
	GoneAt      time.Time // since when the vendor itself says that it has no such model; else zero
	Replacement string    // id at the same vendor; empty for none
	Context     int       // tokens; 0 where unknown
	MaxOutput   int       // tokens; 0 where unknown
	// Caps are tools, json_schema, json_object, vision, streaming, prefill, reasoning,
	// embeddings, tunable and hourly, of which the machines are paid and not the tokens; nil
	// where they are not known.
	Caps       []string
	Dimensions int // of its vectors; 0 where it makes none
	Prices     []providers.Price
	Source     string    // the URL where prices and limits were read
	Checked    time.Time // the day on which they were read; zero where not known
	Note       string    // what is not sure about them
}

// Can tells whether the model has an ability.
func (m Model) Can(ability string) bool { return slices.Contains(m.Caps, ability) }

// Since returns the day from which on the model has a price, which is the earliest that
// is known of it; zero where none is.
func (m Model) Since() time.Time {
	var since time.Time
	for _, price := range m.Prices {
		if since.IsZero() || price.From.Before(since) {
			since = price.From
		}
	}
	return since
}

// Free returns the entry that says that all models of a vendor cost nothing,
// as a server of one's own does.
func Free(provider string) Model {
	return Model{
		Provider: provider, ID: Any, Status: Active,
		Prices: []providers.Price{{Batch: &providers.Rates{}, Train: new(int64)}}, Source: "the operator's own server",
	}
}

// Find returns what is known of a model.
func (c *Catalog) Find(provider, model string) (Model, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	at := key{provider, model}
	m, ok := c.at(at)
	if !ok {
		m, ok = c.at(key{provider, Any})
		m.ID = model
	}
	return c.marked(at, m), ok
}

// at returns an entry. The caller holds the lock.
func (c *Catalog) at(k key) (Model, bool) {
	if m, ok := c.own[k]; ok {
		return m, true
	}
	m, ok := c.facts.models[k]
	return m, ok
}

// marked adds to a model what its vendor says. The caller holds the lock.
func (c *Catalog) marked(k key, m Model) Model {
	if since, gone := c.gone[k]; gone {
		m.GoneAt = since
	}
	return m
}

// Register adds or replaces a model, such as a tuned one from the store.
func (c *Catalog) Register(m Model) {
	m.Prices = slices.Clone(m.Prices)
	sortPrices(m.Prices)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own[key{m.Provider, m.ID}] = m
}

// Models lists everything that is known, by vendor and name, the entries for
// "any model" left out.
func (c *Catalog) Models() []Model {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := maps.Clone(c.facts.models)
	maps.Copy(all, c.own)
	models := make([]Model, 0, len(all))
	for k, m := range all {
		if m.ID != Any {
			models = append(models, c.marked(k, m))
		}
	}
	slices.SortFunc(models, func(a, b Model) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.ID, b.ID))
	})
	return models
}

// Price returns the price that is in force at a time. A model that is over, and never had
// a price here, costs what its successor does.
func (c *Catalog) Price(provider, model string, at time.Time) (providers.Price, error) {
	m, ok := c.Find(provider, model)
	if !ok {
		return providers.Price{}, unknown(provider, model, "it is not in the catalogue")
	}
	for _, price := range slices.Backward(m.Prices) {
		if !price.From.After(at) {
			return price, nil
		}
	}
	if next, ok := c.Successor(provider, model, at); ok && len(m.Prices) == 0 {
		return c.Price(provider, next, at)
	}
	return providers.Price{}, unknown(provider, model, "it has no price yet on "+at.UTC().Format(time.DateOnly))
}

func unknown(provider, model, why string) error {
	return fmt.Errorf("price %s/%s: %s: add its price to a file that catalog names in dreamlab.yaml", provider, model, why)
}

// Quote returns what is reserved for the request, in nano-dollars.
func (c *Catalog) Quote(
	provider, model string, req *providers.Request, at time.Time,
) (int64, error) {
	price, err := c.Price(provider, model, at)
	if err != nil {
		return 0, err
	}
	m, _ := c.Find(provider, model)
	return price.Most(providers.ServiceOf(req)).Cost(m.Bound(req)), nil
}

// Bound returns the tokens that a request is reserved for at the model: its input counted
// generously, and as much output as it asks for, or providers.TypicalAnswer.
func (m Model) Bound(req *providers.Request) providers.Usage {
	output := req.MaxTokens
	if output <= 0 {
		output = min(providers.TypicalAnswer, cmp.Or(m.MaxOutput, m.Context, providers.TypicalAnswer))
	}
	if req.N != nil && *req.N > 1 {
		output *= *req.N
	}
	if len(req.Inputs) > 0 {
		output = 0 // vectors are billed by their input
	}
	return providers.Usage{Input: providers.InputBound(req), Output: int64(output)}
}

// Context returns how many tokens the model takes; 0 where that is not known.
func (c *Catalog) Context(provider, model string) int {
	m, _ := c.Find(provider, model)
	return m.Context
}

// Caps returns what the model can; nil where that is not known.
func (c *Catalog) Caps(provider, model string) []string {
	m, _ := c.Find(provider, model)
	return m.Caps
}

func sortPrices(prices []providers.Price) {
	slices.SortStableFunc(prices, func(a, b providers.Price) int { return a.From.Compare(b.From) })
}
