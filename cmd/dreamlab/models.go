package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/cli/show"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/store/money"
)

// choice is how models are chosen.
type choice struct {
	Vendor []string `placeholder:"VENDORS" help:"the VENDORS to take, with commas between; the configured ones without it"`
	All    bool     `help:"take all vendors, and models that are retired or gone"`
}

// modelsVerb lists models, or compares vendors' lists with the catalogue.
type modelsVerb struct {
	List    modelsListVerb    `cmd:"" default:"1" help:"list and compare models"`
	Refresh modelsRefreshVerb `cmd:"" help:"ask the vendors for their lists"`
}

// modelsListVerb lists models.
type modelsListVerb struct {
	settings
	listing
	choice
	Can  []string `placeholder:"ABILITIES" help:"the ABILITIES that a model has, with commas between: tools, json_schema, vision ..."`
	Sort string   `default:"name" enum:"name,input,cached,output,batch,context" placeholder:"COLUMN" help:"the COLUMN to sort by"`
}

// Help tells what the prices are.
func (*modelsListVerb) Help() string {
	return `Prices are dollars for a million tokens as the catalogue has them, with the day from
which they hold; a price that is not known is shown as -. The catalogue is built in, and
the files that catalog names in ` + "`dreamlab.yaml`" + ` add to it and override it.`
}

// modelLine is a model as `models --json` prints it. Prices are dollars for a million
// tokens, null where they are not known or not offered.
type modelLine struct {
	Name        string     `json:"model"` // vendor/model
	Family      string     `json:"family,omitempty"`
	Context     int        `json:"context_window,omitempty"`
	MaxOutput   int        `json:"max_output,omitempty"`
	Dimensions  int        `json:"dimensions,omitempty"`
	Can         []string   `json:"capabilities"`
	Price       *priceLine `json:"price"`
	State       string     `json:"state"` // active, retiring, retired, gone
	ShutdownAt  string     `json:"shutdown_at,omitempty"`
	Replacement string     `json:"replacement,omitempty"`
	Source      string     `json:"source,omitempty"`
	Checked     string     `json:"checked,omitempty"`
	Note        string     `json:"note,omitempty"`
}

type priceLine struct {
	From     string     `json:"from,omitempty"`
	Input    money.USD  `json:"input_usd"`
	Cached   money.USD  `json:"cached_input_usd"`
	Output   money.USD  `json:"output_usd"`
	Batch    *ratesLine `json:"batch"`
	Flex     *ratesLine `json:"flex"`
	Priority *ratesLine `json:"priority"`
}

type ratesLine struct {
	Input  money.USD `json:"input_usd"`
	Cached money.USD `json:"cached_input_usd"`
	Output money.USD `json:"output_usd"`
}

// Run lists the models that are chosen and can what is asked.
func (v *modelsListVerb) Run(_ context.Context, sh shell) error {
	c, err := v.load(sh)
	if err != nil {
		return err
	}
	catalogue, err := boot.OpenCatalog(c)
	if err != nil {
		return err
	}
	now := time.Now()
	lines := []modelLine{}
	for _, m := range v.choose(catalogue, boot.OpenVendors(c), now) {
		if canAll(m, v.Can) {
			lines = append(lines, lineOf(catalogue, m, now))
		}
	}
	slices.SortStableFunc(lines, modelOrders()[v.Sort])
	return show.Write(v.sink(sh), map[string]any{"models": lines}, lines, modelColumns())
}

// choose returns the models of the vendors that are asked for.
func (o *choice) choose(known *catalog.Catalog, vendors []string, now time.Time) []catalog.Model {
	if len(o.Vendor) > 0 {
		vendors = o.Vendor
	}
	return slices.DeleteFunc(known.Models(), func(m catalog.Model) bool {
		served := m.GoneAt.IsZero() && !m.RetiredAt(now)
		listed := slices.Contains(vendors, m.Provider) || len(o.Vendor) == 0 && o.All
		return !listed || !served && !o.All
	})
}

func canAll(m catalog.Model, abilities []string) bool {
	for _, ability := range abilities {
		if ability = strings.TrimSpace(ability); ability != "" && !m.Can(ability) {
			return false
		}
	}
	return true
}

func lineOf(known *catalog.Catalog, m catalog.Model, now time.Time) modelLine {
	line := modelLine{
		Name: m.Provider + "/" + m.ID, Family: m.Family, Context: m.Context, MaxOutput: m.MaxOutput, Dimensions: m.Dimensions,
		Can: append([]string{}, m.Caps...), State: m.State(now), ShutdownAt: dayText(m.ShutdownAt), Replacement: m.Replacement,
		Source: m.Source, Checked: dayText(m.Checked), Note: m.Note,
	}
	if price, err := known.Price(m.Provider, m.ID, now); err == nil { // else it is shown as not known
		line.Price = &priceLine{
			From: dayText(price.From), Input: money.USD(price.In), Cached: money.USD(price.CachedIn), Output: money.USD(price.Out),
			Batch: ratesOf(price.Batch), Flex: ratesOf(price.Flex), Priority: ratesOf(price.Priority),
		}
	}
	return line
}

func ratesOf(r *providers.Rates) *ratesLine {
	if r == nil {
		return nil
	}
	return &ratesLine{money.USD(r.In), money.USD(r.CachedIn), money.USD(r.Out)}
}

func dayText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.DateOnly)
}

// modelOrders are the orders of --sort. Models without the price come last.
func modelOrders() map[string]func(a, b modelLine) int {
	by := func(rate func(*priceLine) *money.USD) func(a, b modelLine) int {
		of := func(m modelLine) money.USD {
			if m.Price != nil {
				if usd := rate(m.Price); usd != nil {
					return *usd
				}
			}
			return 1<<63 - 1
		}
		return func(a, b modelLine) int { return cmp.Compare(of(a), of(b)) }
	}
	return map[string]func(a, b modelLine) int{
		"name":    func(a, b modelLine) int { return cmp.Compare(a.Name, b.Name) },
		"context": func(a, b modelLine) int { return cmp.Compare(b.Context, a.Context) },
		"input":   by(func(p *priceLine) *money.USD { return &p.Input }),
		"cached":  by(func(p *priceLine) *money.USD { return &p.Cached }),
		"output":  by(func(p *priceLine) *money.USD { return &p.Output }),
		"batch": by(func(p *priceLine) *money.USD {
			if p.Batch == nil {
				return nil
			}
			return &p.Batch.Input
		}),
	}
}

func modelColumns() []show.Column[modelLine] {
	price := func(of func(*priceLine) string) func(modelLine) string {
		return func(m modelLine) string {
			if m.Price == nil {
				return ""
			}
			return of(m.Price)
		}
	}
	return []show.Column[modelLine]{
		{Head: "MODEL", Of: func(m modelLine) string { return m.Name }},
		{Head: "CONTEXT", Of: func(m modelLine) string { return countOr(m.Context) }},
		{Head: "INPUT", Of: price(func(p *priceLine) string { return p.Input.String() })},
		{Head: "CACHED", Of: price(func(p *priceLine) string { return p.Cached.String() })},
		{Head: "OUTPUT", Of: price(func(p *priceLine) string { return p.Output.String() })},
		{Head: "BATCH", Of: price(func(p *priceLine) string { return p.Batch.String() })},
		{Head: "FLEX", Of: price(func(p *priceLine) string { return p.Flex.String() })},
		{Head: "SINCE", Of: price(func(p *priceLine) string { return p.From })},
		{Head: "STATE", Of: modelLine.life},
		{Head: "CAN", Of: func(m modelLine) string { return strings.Join(m.Can, " ") }},
	}
}

func countOr(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// String returns input and output, as in 0.075/0.3.
func (r *ratesLine) String() string {
	if r == nil {
		return ""
	}
	return r.Input.String() + "/" + r.Output.String()
}

func (m modelLine) life() string {
	text := m.State
	if m.ShutdownAt != "" {
		text += " " + m.ShutdownAt
	}
	if m.Replacement != "" && m.State != "active" {
		text += " → " + m.Replacement
	}
	return text
}
