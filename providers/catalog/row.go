package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"dreamlab/providers"
	"dreamlab/store/money"
)

// document is a file of the catalogue.
type document struct {
	// Vendor is the vendor of the rows that name none.
	Vendor string `yaml:"vendor"`
	// WholeList says that the vendor's list names every model that it serves, so
	// that one which is missing there is gone. Defaults to false.
	WholeList bool  `yaml:"whole_list,omitempty"`
	Models    []row `yaml:"models"`
}

// row is a model as a file has it. Days are UTC; prices are dollars for a million
// tokens, in decimals.
type row struct {
	Vendor       string     `yaml:"vendor,omitempty"`
	ID           string     `yaml:"id"`
	Family       string     `yaml:"family,omitempty"`
	Status       Status     `yaml:"status,omitempty"`
	Shutdown     string     `yaml:"shutdown,omitempty"`
	Gone         string     `yaml:"gone,omitempty"`
	Replacement  string     `yaml:"replacement,omitempty"`
	Context      int        `yaml:"context,omitempty"`
	MaxOutput    int        `yaml:"max_output,omitempty"`
	Capabilities []string   `yaml:"capabilities,flow,omitempty"`
	Dimensions   int        `yaml:"dimensions,omitempty"`
	Prices       []priceRow `yaml:"prices,omitempty"`
	Source       string     `yaml:"source,omitempty"`
	Checked      string     `yaml:"checked,omitempty"`
	Note         string     `yaml:"note,omitempty"`
}

type priceRow struct {
	From     string   `yaml:"from,omitempty"`
	Input    string   `yaml:"input"`
	Cached   string   `yaml:"cached,omitempty"`      // defaults to input
	Write    string   `yaml:"cache_write,omitempty"` // defaults to input
	Output   string   `yaml:"output"`
	Batch    *tierRow `yaml:"batch,omitempty"`
	Flex     *tierRow `yaml:"flex,omitempty"`
	Priority *tierRow `yaml:"priority,omitempty"`
	Reserved *tierRow `yaml:"reserved,omitempty"`
	Train    string   `yaml:"train,omitempty"`     // a million tokens of fine-tuning
	TrainDPO string   `yaml:"train_dpo,omitempty"` // the same on preference pairs. Defaults to train
}

// tierRow holds the rates of a way to be served: rates of its own, or a part of the live
// ones, as in "0.5".
type tierRow struct {
	Part   string `yaml:"part,omitempty"`
	Input  string `yaml:"input,omitempty"`
	Cached string `yaml:"cached,omitempty"`
	Write  string `yaml:"cache_write,omitempty"`
	Output string `yaml:"output,omitempty"`
}

func (r row) model() (Model, error) {
	m := Model{
		Provider: r.Vendor, ID: r.ID, Family: r.Family, Status: cmp.Or(r.Status, Active), Replacement: r.Replacement,
		Context: r.Context, MaxOutput: r.MaxOutput, Caps: r.Capabilities, Dimensions: r.Dimensions,
		Source: r.Source, Note: r.Note,
	}
	if r.Vendor == "" || r.ID == "" {
		return m, errors.New("vendor and id are required")
	}
	if !slices.Contains([]Status{Active, Deprecated, Retired}, m.Status) {
		return m, fmt.Errorf("status %q: use active, deprecated or retired", m.Status)
	}
	if r.Context < 0 || r.MaxOutput < 0 || r.Dimensions < 0 {
		return m, errors.New("context, max_output and dimensions are not negative")
	}
	if err := r.readDays(&m); err != nil {
		return m, err
	}
	for _, p := range r.Prices {
		price, err := p.price()
		if err != nil {
			return m, err
		}
		m.Prices = append(m.Prices, price)
	}
	sortPrices(m.Prices)
	return m, nil
}

func (r row) readDays(m *Model) (err error) {
	for _, day := range []struct {
		name, text string
		to         *time.Time
	}{{"shutdown", r.Shutdown, &m.ShutdownAt}, {"gone", r.Gone, &m.GoneAt}, {"checked", r.Checked, &m.Checked}} {
		if *day.to, err = parseDay(day.text); err != nil {
			return fmt.Errorf("%s: %w", day.name, err)
		}
	}
	return nil
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

// trained reads what a million tokens of training cost; nil where nothing is written.
func trained(text string) (*int64, error) {
	if text == "" {
		return nil, nil
	}
	nano, err := money.ParsePrice(text, money.Dollar)
	return &nano, err
}

func (p priceRow) price() (price providers.Price, err error) {
	if price.From, err = parseDay(p.From); err != nil {
		return price, fmt.Errorf("from: %w", err)
	}
	if p.Input == "" || p.Output == "" {
		return price, errors.New(`a price needs input and output: write "0" for what is free`)
	}
	price.Rates, err = tierRow{Input: p.Input, Cached: p.Cached, Write: p.Write, Output: p.Output}.own()
	if err != nil {
		return price, err
	}
	if price.Train, err = trained(p.Train); err != nil {
		return price, fmt.Errorf("train: %w", err)
	}
	if price.TrainPairs, err = trained(p.TrainDPO); err != nil {
		return price, fmt.Errorf("train_dpo: %w", err)
	}
	for _, tier := range []struct {
		name string
		row  *tierRow
		to   **providers.Rates
	}{
		{"batch", p.Batch, &price.Batch}, {"flex", p.Flex, &price.Flex},
		{"priority", p.Priority, &price.Priority}, {"reserved", p.Reserved, &price.Reserved},
	} {
		if *tier.to, err = tier.row.rates(price.Rates, tier.name == "batch"); err != nil {
			return price, fmt.Errorf("%s: %w", tier.name, err)
		}
	}
	return price, nil
}

// rates returns the tier's rates, nil where there is no such tier. What is cached costs
// as much as other input where the tier has no rate for it; a part of the live rates holds
// for cached input, too, but not in a batch, where no vendor gives a second discount.
func (t *tierRow) rates(live providers.Rates, batch bool) (*providers.Rates, error) {
	if t == nil {
		return nil, nil
	}
	if t.Part == "" {
		if t.Input == "" || t.Output == "" {
			return nil, errors.New("input and output go together, or part alone")
		}
		own, err := t.own()
		return &own, err
	}
	if t.Input != "" || t.Output != "" || t.Cached != "" || t.Write != "" {
		return nil, errors.New("part stands alone, or input and output together")
	}
	if batch {
		live.CachedIn = live.In
	}
	var own providers.Rates
	for _, rate := range []struct {
		of int64
		to *int64
	}{{live.In, &own.In}, {live.CachedIn, &own.CachedIn}, {live.CacheWrite, &own.CacheWrite}, {live.Out, &own.Out}} {
		nano, err := money.ParsePrice(t.Part, rate.of)
		if err != nil {
			return nil, fmt.Errorf("part: %w", err)
		}
		*rate.to = nano
	}
	return &own, nil
}

// own reads rates that are no part of others.
func (t tierRow) own() (r providers.Rates, err error) {
	for _, part := range []struct {
		text string
		to   *int64
	}{{t.Input, &r.In}, {cmp.Or(t.Cached, t.Input), &r.CachedIn}, {cmp.Or(t.Write, "0"), &r.CacheWrite}, {t.Output, &r.Out}} {
		nano, fault := money.ParsePrice(part.text, money.Dollar)
		*part.to = nano
		err = errors.Join(err, fault)
	}
	return r, err
}
