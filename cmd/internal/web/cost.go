package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/cmd/internal/web/draw"
	"dreamlab/store/money"
)

// usageView is spend by a group.
type usageView struct {
	Data       []spendView `json:"data"`
	Total      spendView   `json:"total"`
	Projection monthView   `json:"projection"`
	Returns    []returned  `json:"returns"`
	Ahead      *aheadView  `json:"anticipation"`
}

// returned is what a source of examples cost and brought in exams.
type returned struct {
	Source   string      `json:"source"`
	Rows     int64       `json:"rows"`
	Tunes    int64       `json:"tunes"`
	CostUSD  money.USD   `json:"cost_usd"`
	Points   json.Number `json:"points"`
	PerPoint *money.USD  `json:"usd_per_point"`
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
	Dreams  savingView
}

// monthView is the month so far and, at the pace of its days, its end, beside the plan.
type monthView struct {
	Month     string     `json:"month"`
	Spent     money.USD  `json:"spent_usd"`
	Projected money.USD  `json:"projected_usd"`
	Lines     []planLine `json:"lines"`
}

// planLine is what was planned for a part of the costs, and what is spent on it.
type planLine struct {
	Line      string     `json:"line"`
	Low       money.USD  `json:"plan_low_usd"`
	High      money.USD  `json:"plan_high_usd"`
	Spent     *money.USD `json:"spent_usd"`
	Projected *money.USD `json:"projected_usd"`
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
	var err error
	if body.Usage, err = v.usage(body.By, body.Days); err != nil {
		return err
	}
	body.Plot = plotOf(body.Usage.Data)
	if body.Dreams, err = v.saved(); err != nil {
		return err
	}
	return v.show("cost", "Cost", body)
}

// usage sums the spend of the last days, today among them.
func (v *visit) usage(by string, days int) (usageView, error) {
	var found usageView
	err := v.get("/v1/usage", url.Values{"group_by": {by}, "start_time": {since(time.Now().UTC(), days)}}, &found)
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

// costTable sends the sums as the API's table.
func costTable(v *visit) error {
	by := v.r.URL.Query().Get("group_by")
	days, err := strconv.Atoi(v.r.URL.Query().Get("days"))
	if err != nil || !slices.Contains(costGroups, by) {
		return &refusal{Status: http.StatusBadRequest, Message: "Take the link from the page of costs."}
	}
	query := url.Values{"group_by": {by}, "format": {"csv"}, "start_time": {since(time.Now().UTC(), days)}}
	table, err := v.answer(http.MethodGet, "/v1/usage?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Disposition", `attachment; filename="dreamlab-cost-by-`+by+`.csv"`)
	return wire.Write(v.w, http.StatusOK, "text/csv; charset=utf-8", table)
}

// since returns the midnight with which the last days begin, as the API takes it.
func since(now time.Time, days int) string {
	return strconv.FormatInt(now.AddDate(0, 0, 1-days).Truncate(24*time.Hour).Unix(), 10)
}
