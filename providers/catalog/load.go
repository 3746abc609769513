package catalog

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"dreamlab/providers"
	"dreamlab/store/money"
)

//go:embed models.json
var builtin []byte

// maxFile bounds an operator's file, in bytes.
const maxFile = 4 << 20

// entry is a model as the file writes it. Days are UTC; prices are dollars for
// a million tokens, written as decimal strings.
type entry struct {
	Provider    string       `json:"provider"`
	ID          string       `json:"id"`
	Status      Status       `json:"status"`
	ShutdownAt  string       `json:"shutdown_at"`
	Replacement string       `json:"replacement"`
	Context     int          `json:"context"`
	MaxOutput   int          `json:"max_out"`
	Caps        []string     `json:"caps"`
	Prices      []priceEntry `json:"prices"`
	Source      string       `json:"source"`
}

type priceEntry struct {
	From      string  `json:"effective_from"`
	In        *string `json:"in"`
	Out       *string `json:"out"`
	Cached    *string `json:"cached"`     // defaults to in
	BatchIn   *string `json:"batch_in"`   // no batch without it
	BatchOut  *string `json:"batch_out"`  // goes with batch_in
	BatchPart string  `json:"batch_part"` // instead: the batch costs this part of each, as in "0.5"
	Train     *string `json:"train"`      // a million tokens of fine-tuning; unknown without it
}

// Load reads the built-in data and then the override, whose entries replace
// those of the same provider and id. The override may be nil. All its faults
// are reported at once.
func Load(override io.Reader) (*Catalog, error) {
	c := &Catalog{models: map[key]Model{}}
	if err := c.add(bytes.NewReader(builtin)); err != nil {
		return nil, fmt.Errorf("read the built-in catalogue: %w", err)
	}
	if override == nil {
		return c, nil
	}
	if err := c.add(override); err != nil {
		return nil, fmt.Errorf("read the file of models and prices: %w", err)
	}
	return c, nil
}

func (c *Catalog) add(file io.Reader) error {
	var parsed struct {
		Models []entry `json:"models"`
	}
	decoder := json.NewDecoder(io.LimitReader(file, maxFile))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&parsed); err != nil {
		return err
	}
	var faults []error
	for _, e := range parsed.Models {
		m, err := e.model()
		if err != nil {
			faults = append(faults, fmt.Errorf("%s/%s: %w", e.Provider, e.ID, err))
			continue
		}
		c.Register(m)
	}
	return errors.Join(faults...)
}

func (e entry) model() (Model, error) {
	m := Model{
		Provider: e.Provider, ID: e.ID, Status: cmp.Or(e.Status, Active), Replacement: e.Replacement,
		Context: e.Context, MaxOutput: e.MaxOutput, Caps: e.Caps, Source: e.Source,
	}
	if e.Provider == "" || e.ID == "" {
		return m, errors.New("provider and id are required")
	}
	if !slices.Contains([]Status{Active, Deprecated, Retired}, m.Status) {
		return m, fmt.Errorf("status %q: use active, deprecated or retired", m.Status)
	}
	day, err := parseDay(e.ShutdownAt)
	if err != nil {
		return m, fmt.Errorf("shutdown_at: %w", err)
	}
	m.ShutdownAt = day
	for _, p := range e.Prices {
		price, err := p.price()
		if err != nil {
			return m, err
		}
		m.Prices = append(m.Prices, price)
	}
	return m, nil
}

func parseDay(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, time.UTC)
	if err != nil {
		return day, fmt.Errorf("%q is no day: write it as 2026-12-31", text)
	}
	return day, nil
}

func (p priceEntry) price() (providers.Price, error) {
	var price providers.Price
	day, err := parseDay(p.From)
	if err != nil {
		return price, fmt.Errorf("effective_from: %w", err)
	}
	price.From = day
	if p.In == nil || p.Out == nil {
		return price, errors.New(`a price needs "in" and "out": write "0" for what is free`)
	}
	price.Rates, err = rates(*p.In, deref(p.Cached, *p.In), *p.Out)
	if err != nil {
		return price, err
	}
	if p.Train != nil {
		nano, err := money.ParsePrice(*p.Train, money.Dollar)
		if err != nil {
			return price, fmt.Errorf("train: %w", err)
		}
		price.Train = &nano
	}
	if p.BatchIn == nil && p.BatchOut == nil && p.BatchPart == "" {
		return price, nil
	}
	batch, err := p.batch(price.Rates)
	price.Batch = &batch
	return price, err
}

// batch returns the rates of the vendor's batches. What is cached gets no second
// discount there.
func (p priceEntry) batch(live providers.Rates) (providers.Rates, error) {
	switch {
	case p.BatchIn != nil && p.BatchOut != nil:
		return rates(*p.BatchIn, *p.BatchIn, *p.BatchOut)
	case p.BatchIn != nil || p.BatchOut != nil:
		return providers.Rates{}, errors.New("batch_in and batch_out go together")
	}
	in, err := money.ParsePrice(p.BatchPart, live.In)
	if err != nil {
		return providers.Rates{}, fmt.Errorf("batch_part: %w", err)
	}
	out, err := money.ParsePrice(p.BatchPart, live.Out)
	return providers.Rates{In: in, CachedIn: in, Out: out}, err
}

func rates(in, cached, out string) (r providers.Rates, err error) {
	for _, part := range []struct {
		text string
		to   *int64
	}{{in, &r.In}, {cached, &r.CachedIn}, {out, &r.Out}} {
		nano, fault := money.ParsePrice(part.text, money.Dollar)
		*part.to = nano
		err = errors.Join(err, fault)
	}
	return r, err
}

func deref(text *string, otherwise string) string {
	if text == nil {
		return otherwise
	}
	return *text
}
