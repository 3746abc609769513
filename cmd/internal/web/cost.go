package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"dreamlab/cmd/internal/web/draw"
	"dreamlab/store/money"
)

// usageView is spend by a group.
type usageView struct {
	Data  []spendView `json:"data"`
	Total spendView   `json:"total"`
}

type spendView struct {
	Group        string    `json:"group"`
	Calls        int64     `json:"calls"`
	Reserved     money.USD `json:"reserved"`
	Settled      money.USD `json:"settled"`
	InputTokens  int64     `json:"input_tokens"`
	OutputTokens int64     `json:"output_tokens"`
	Lost         int64     `json:"lost"`
}

// costView is the page of costs.
type costView struct {
	By      string
	Days    int
	Choices []field
	Usage   usageView
	Plot    draw.Bars
	Month   monthView
	Dreams  savingView
}

// monthView is the month so far and, at the pace of its days, its end.
type monthView struct {
	Settled  money.USD
	Expected money.USD
	Day      int
	Of       int
}

// savingView is what dreams cost, and what live calls would have.
type savingView struct {
	Count      int
	Cost, Live money.USD
}

// Saved returns the difference.
func (s savingView) Saved() money.USD { return max(s.Live-s.Cost, 0) }

var (
	costGroups = []string{"day", "purpose", "provider", "model", "key"}
	costSpans  = []string{"1", "7", "30", "90"}
)

func costPage(v *visit) error {
	query := v.r.URL.Query()
	body := costView{By: "day", Days: 30}
	if by := query.Get("group_by"); slices.Contains(costGroups, by) {
		body.By = by
	}
	if n, err := strconv.Atoi(query.Get("days")); err == nil && slices.Contains(costSpans, query.Get("days")) {
		body.Days = n
	}
	body.Choices = []field{newField("group_by", "By", body.By, costGroups...),
		newField("days", "Days", strconv.Itoa(body.Days), costSpans...)}
	now := time.Now().UTC()
	var err error
	if body.Usage, err = v.usage(body.By, now.AddDate(0, 0, 1-body.Days).Truncate(24*time.Hour)); err != nil {
		return err
	}
	body.Plot = plotOf(body.Usage.Data)
	if body.Month, err = v.month(now); err != nil {
		return err
	}
	if body.Dreams, err = v.saved(); err != nil {
		return err
	}
	return v.show("cost", "Cost", body)
}

func (v *visit) usage(by string, from time.Time) (usageView, error) {
	var found usageView
	err := v.get("/v1/usage", url.Values{"group_by": {by}, "start_time": {strconv.FormatInt(from.Unix(), 10)}}, &found)
	return found, err
}

func plotOf(groups []spendView) draw.Bars {
	bars := make([]draw.Bar, len(groups))
	for i, g := range groups {
		bars[i] = draw.Bar{Name: g.Group, Parts: []draw.Part{
			{Name: "settled", Value: float64(g.Settled)}, {Name: "reserved", Value: float64(g.Reserved), Class: 1},
		}}
	}
	return draw.NewBars(bars)
}

// month sums the month, and expects its days to come to cost what those before did.
func (v *visit) month(now time.Time) (monthView, error) {
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	found, err := v.usage("purpose", first)
	m := monthView{Settled: found.Total.Settled, Day: now.Day(), Of: first.AddDate(0, 1, -1).Day()}
	m.Expected = m.Settled / money.USD(m.Day) * money.USD(m.Of)
	return m, err
}

// saved sums the last dreams.
func (v *visit) saved() (savingView, error) {
	var dreams list[dreamView]
	if err := v.get("/v1/dreams", url.Values{"limit": {"100"}}, &dreams); err != nil {
		return savingView{}, err
	}
	s := savingView{Count: len(dreams.Data)}
	for _, d := range dreams.Data {
		s.Cost += d.CostUSD
		s.Live += d.LiveCostUSD
	}
	return s, nil
}

// costTable sends the sums as CSV.
func costTable(v *visit) error {
	by := v.r.URL.Query().Get("group_by")
	days, err := strconv.Atoi(v.r.URL.Query().Get("days"))
	if err != nil || !slices.Contains(costGroups, by) {
		return &refusal{Status: 400, Message: "Take the link from the page of costs."}
	}
	found, err := v.usage(by, time.Now().UTC().AddDate(0, 0, 1-days).Truncate(24*time.Hour))
	if err != nil {
		return err
	}
	return v.table("dreamlab-cost-by-"+by+".csv", func(write func(...string) error) error {
		if err := write(by, "calls", "settled_usd", "reserved_usd", "input_tokens", "output_tokens", "lost"); err != nil {
			return err
		}
		for _, s := range found.Data {
			err := write(s.Group, fmt.Sprint(s.Calls), s.Settled.String(), s.Reserved.String(), fmt.Sprint(s.InputTokens),
				fmt.Sprint(s.OutputTokens), fmt.Sprint(s.Lost))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
