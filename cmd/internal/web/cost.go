package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/cmd/internal/web/draw"
	"dreamlab/cmd/internal/web/say"
	"dreamlab/store/money"
)

// usageView is spend by a group.
type usageView struct {
	Data       []spendView `json:"data"`
	Total      spendView   `json:"total"`
	Projection monthView   `json:"projection"`
	Zone       string      `json:"zone"`
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
	Start        int64     `json:"start"` // where it is of an interval
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
	Series  *seriesView
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
	if body.Series, err = seriesOver(v, body.By, body.Days); err != nil {
		return err
	}
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

// seriesView is what was spent over time: a row an hour or a day, a column a group, the last of which
// is what is reserved.
type seriesView struct {
	Interval, By, Zone string
	Names              []string
	Rows               []seriesRow
	Plot               draw.Bars
	Most               money.USD // of a row
}

type seriesRow struct {
	At    int64
	Name  string
	Cells []money.USD
}

// mostGroups are plotted by themselves, those that cost the most; the rest are summed.
const mostGroups = 6

// seriesOver returns what was spent in the last days, by purpose where they are not to be told by
// another group.
func seriesOver(v *visit, by string, days int) (*seriesView, error) {
	s := &seriesView{By: by, Interval: "day"}
	if by == "day" {
		s.By = "purpose"
	}
	if days == 1 {
		s.Interval = "hour"
	}
	now := time.Now().UTC()
	var found usageView
	err := v.get("/v1/usage", url.Values{"group_by": {s.By}, "interval": {s.Interval}, "start_time": {since(now, days)}}, &found)
	if err != nil || len(found.Data) == 0 {
		return nil, err
	}
	s.Zone = found.Zone
	zone, err := time.LoadLocation(found.Zone)
	if err != nil {
		return nil, fmt.Errorf("read the API's answer: %w", err)
	}
	first := now.AddDate(0, 0, 1-days).In(zone)
	s.fill(found.Data, time.Date(first.Year(), first.Month(), first.Day(), 0, 0, 0, 0, zone), now)
	return s, nil
}

// fill puts the sums into rows from a time to another, each with all columns.
func (s *seriesView) fill(sums []spendView, first, last time.Time) {
	column := s.columns(sums)
	cells := map[int64][]money.USD{}
	for _, sum := range sums {
		if cells[sum.Start] == nil {
			cells[sum.Start] = make([]money.USD, len(s.Names))
		}
		cells[sum.Start][column(sum.Group)] += sum.Settled
		cells[sum.Start][len(s.Names)-1] += sum.Reserved
	}
	for at := first; !at.After(last); at = s.next(at) {
		row := seriesRow{at.Unix(), at.Format(map[string]string{"hour": "15:04", "day": time.DateOnly}[s.Interval]), cells[at.Unix()]}
		if row.Cells == nil {
			row.Cells = make([]money.USD, len(s.Names))
		}
		s.Rows = append(s.Rows, row)
	}
	s.plot()
}

// Step is how many seconds a row is.
func (s *seriesView) Step() int {
	if s.Interval == "hour" {
		return 60 * 60
	}
	return 24 * 60 * 60
}

func (s *seriesView) next(at time.Time) time.Time {
	if s.Interval == "hour" {
		return at.Add(time.Hour)
	}
	return at.AddDate(0, 0, 1)
}

// columns names the columns, and returns the one of a group.
func (s *seriesView) columns(sums []spendView) func(group string) int {
	costs := map[string]money.USD{}
	for _, sum := range sums {
		costs[sum.Group] += sum.Settled
	}
	groups := slices.SortedFunc(maps.Keys(costs), func(a, b string) int {
		return cmp.Or(cmp.Compare(costs[b], costs[a]), cmp.Compare(a, b))
	})
	own := groups[:min(len(groups), mostGroups)]
	for _, group := range own {
		s.Names = append(s.Names, cmp.Or(say.Brief(group), "none"))
	}
	if len(groups) > mostGroups {
		s.Names = append(s.Names, "others")
	}
	s.Names = append(s.Names, "reserved")
	return func(group string) int {
		if at := slices.Index(own, group); at >= 0 {
			return at
		}
		return mostGroups
	}
}

func (s *seriesView) plot() {
	bars := make([]draw.Bar, len(s.Rows))
	for i, row := range s.Rows {
		bars[i].Name = row.Name
		for class, cell := range row.Cells {
			bars[i].Parts = append(bars[i].Parts, draw.Part{Name: s.Names[class], Value: float64(cell), Class: class})
		}
	}
	s.Plot = draw.NewBars(bars)
	s.Most = money.USD(s.Plot.Most)
}
