package nights

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"dreamlab/handlers/tune/hosting"
	"dreamlab/store/book"
	"dreamlab/store/money"
)

// Bill is what a month came to by the books, beside the plan.
type Bill struct {
	Month   string     `json:"month"` // 2026-12
	Days    int        `json:"days"`
	Chats   int        `json:"chats"`
	Dreams  int        `json:"dreams"`
	Tunes   []string   `json:"tunes"` // how each was decided
	Lines   []BillLine `json:"lines"`
	Served  money.USD  `json:"served_usd"` // what of the tuning served tuned models
	Total   money.USD  `json:"total_usd"`
	Plan    money.USD  `json:"plan_usd"` // the upper ends of its lines
	Savings []Saving   `json:"savings"`
}

// BillLine is a line of the plan with what was spent on it.
type BillLine struct {
	Line  string    `json:"line"`
	Spent money.USD `json:"spent_usd"`
	Low   money.USD `json:"plan_low_usd"`
	High  money.USD `json:"plan_high_usd"`
	// Assumed says that the books do not know the line: all that the plan has for it counts as spent.
	Assumed bool `json:"assumed"`
}

// Saving is what a part of Dream Lab saved.
type Saving struct {
	By  string    `json:"by"`
	USD money.USD `json:"usd"`
	How string    `json:"how"` // it was computed
}

// Met tells whether the month stayed within the plan.
func (b Bill) Met() bool { return b.Total <= b.Plan }

// sum reads the books at the end of the month.
func (m *month) sum(ctx context.Context) (Bill, error) {
	b := Bill{Days: m.Days, Chats: m.Days * m.Chats, Dreams: len(m.dreams), Tunes: m.tunes}
	raw, err := m.client.Raw(ctx, "/v1/usage?group_by=purpose")
	if err != nil {
		return b, err
	}
	var usage struct {
		Projection struct {
			Month string
			Lines []struct {
				Line  string
				Low   money.USD  `json:"plan_low_usd"`
				High  money.USD  `json:"plan_high_usd"`
				Spent *money.USD `json:"spent_usd"`
			}
		}
	}
	if err := json.Unmarshal(raw, &usage); err != nil {
		return b, fmt.Errorf("read the usage: %w", err)
	}
	b.Month = usage.Projection.Month
	for _, l := range usage.Projection.Lines {
		line := BillLine{Line: l.Line, Spent: l.High, Low: l.Low, High: l.High, Assumed: l.Spent == nil}
		if l.Spent != nil {
			line.Spent = *l.Spent
		}
		b.Lines = append(b.Lines, line)
		b.Total, b.Plan = b.Total+line.Spent, b.Plan+line.High
	}
	sums, err := m.spent(ctx, "purpose", m.begin)
	if err != nil {
		return b, err
	}
	b.Served = money.USD(sums[hosting.Purpose].Settled)
	for _, saving := range []func(context.Context) (Saving, error){m.batches, m.cached, m.tiers, m.ladder} {
		s, err := saving(ctx)
		if err != nil {
			return b, err
		}
		b.Savings = append(b.Savings, s)
	}
	return b, nil
}

// batches compares what the dreams cost with the same calls at live prices.
func (m *month) batches(context.Context) (Saving, error) {
	var cost, live money.USD
	for _, d := range m.dreams {
		paid, err := money.Parse(d.CostUSD.String())
		if err != nil {
			return Saving{}, fmt.Errorf("read the cost of %s: %w", d.ID, err)
		}
		alive, err := money.Parse(d.LiveCostUSD.String())
		if err != nil {
			return Saving{}, fmt.Errorf("read the live cost of %s: %w", d.ID, err)
		}
		cost, live = cost+paid, live+alive
	}
	return Saving{"batch", live - cost, fmt.Sprintf("the calls of %d dreams would have cost $%s live, and cost $%s", len(m.dreams),
		live, cost)}, nil
}

// cached reads what the API counted of the answers from its cache.
func (m *month) cached(context.Context) (Saving, error) {
	families, err := m.place.stack.Metrics.Gather()
	if err != nil {
		return Saving{}, fmt.Errorf("read the counts of the cache: %w", err)
	}
	counted := map[string]float64{}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "dreamlab_cache_") && len(f.GetMetric()) == 1 {
			counted[f.GetName()] = f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	saved := money.USD(math.Round(counted["dreamlab_cache_saved_dollars_total"] * float64(money.Dollar)))
	return Saving{"cache", saved, fmt.Sprintf("%.0f of %d chats were answered from it; their answers cost $%s when they were first "+
		"asked for", counted["dreamlab_cache_hits_total"], m.Days*m.Chats, saved)}, nil
}

// tiers looks for models in the books that have a cheaper tier than the one they were asked in.
func (m *month) tiers(ctx context.Context) (Saving, error) {
	sums, err := m.spent(ctx, "model", m.begin)
	if err != nil {
		return Saving{}, err
	}
	var slower []string
	for name := range sums {
		provider, model, _ := strings.Cut(name, "/")
		price, err := m.place.stack.Catalog.Price(provider, model, m.clock.now())
		if err == nil && price.Flex != nil && price.Flex.Out < price.Out {
			slower = append(slower, name)
		}
	}
	how := "not measured, since the sums of the books keep no tier: none of the models asked has a slower one that costs less"
	if len(slower) > 0 {
		how = "not measured, since the sums of the books keep no tier: a slower one would cost less at " + strings.Join(slower, ", ")
	}
	return Saving{"tiers (flex)", 0, how}, nil
}

// ladder compares the hours that were booked, and the chats that others answered meanwhile, with all hours.
func (m *month) ladder(ctx context.Context) (Saving, error) {
	if len(m.serving) == 0 {
		return Saving{"ladder", 0, "no tuned model was promoted"}, nil
	}
	var always int64
	for i, s := range m.serving {
		until := m.clock.now()
		if i+1 < len(m.serving) {
			until = m.serving[i+1].since
		}
		always += int64(until.Sub(s.since)/time.Hour) * s.model.NanoPerHour
	}
	sums, err := m.spent(ctx, "purpose", m.serving[0].since)
	if err != nil {
		return Saving{}, err
	}
	hosted, chats := sums[hosting.Purpose].Settled, sums["chat"].Settled
	return Saving{"ladder", money.USD(always - hosted - chats), fmt.Sprintf("serving at all hours since the first promotion would "+
		"have cost $%s; hosting was booked at $%s and the chats meanwhile at $%s", money.USD(always), money.USD(hosted),
		money.USD(chats))}, nil
}

// spent sums the books since some time by group.
func (m *month) spent(ctx context.Context, by string, since time.Time) (map[string]book.Spend, error) {
	list, err := m.place.stack.Store.Spending(ctx, m.place.tenant, by, since, m.clock.now().Add(time.Second))
	if err != nil {
		return nil, fmt.Errorf("sum the books: %w", err)
	}
	sums := map[string]book.Spend{}
	for _, s := range list {
		sums[s.Group] = s
	}
	return sums, nil
}

// Write prints the bill as a table.
func (b Bill) Write(out io.Writer) error {
	fmt.Fprintf(out, "%s: %d days, %d chats, %d dreams, %d tunes\n\n", b.Month, b.Days, b.Chats, b.Dreams, len(b.Tunes))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LINE\tSPENT\tPLAN\t")
	for _, l := range b.Lines {
		note := ""
		switch {
		case l.Assumed:
			note = "not in the books: counted as the plan has it"
		case l.Line == "tuning":
			note = fmt.Sprintf("of it $%s to serve tuned models", b.Served)
		}
		fmt.Fprintf(table, "%s\t$%s\t$%s to $%s\t%s\n", l.Line, l.Spent, l.Low, l.High, note)
	}
	verdict := "within the plan"
	if !b.Met() {
		verdict = "OVER THE PLAN"
	}
	fmt.Fprintf(table, "total\t$%s\tat most $%s\t%s\n", b.Total, b.Plan, verdict)
	fmt.Fprintln(table, "\t\t\t\nSAVED BY\tDOLLARS\t\tCOMPUTED FROM")
	for _, s := range b.Savings {
		fmt.Fprintf(table, "%s\t$%s\t\t%s\n", s.By, s.USD, s.How)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i, t := range b.Tunes {
		fmt.Fprintf(out, "\ntune %d: %s", i+1, t)
	}
	_, err := fmt.Fprintln(out)
	return err
}
