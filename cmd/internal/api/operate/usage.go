package operate

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/learn"
	"dreamlab/store/money"
)

// Usage is what was spent.
type Usage struct {
	store *store.Store
	plan  []PlanLine
	now   func() time.Time
}

// usageView shows money in dollars: settled is paid by the vendor's own count,
// reserved is the upper bound of what is open or whose outcome was lost.
type usageView struct {
	Object     string      `json:"object"`
	GroupBy    string      `json:"group_by"`
	Interval   *string     `json:"interval"`
	Zone       string      `json:"zone"`
	StartTime  int64       `json:"start_time"`
	EndTime    int64       `json:"end_time"`
	Data       []spending  `json:"data"`
	Total      spending    `json:"total"`
	Projection *projection `json:"projection"`
	Returns    []returned  `json:"returns"`
	// Anticipation is null where no dream has anticipated.
	Anticipation *Anticipated `json:"anticipation"`
}

// Anticipated is what dreams answered before it was asked, and what that was worth.
type Anticipated struct {
	Answers   int64       `json:"answers"` // put into the cache
	Hits      int64       `json:"hits"`    // chats that were answered from them
	PerAnswer json.Number `json:"hits_per_answer"`
	CostUSD   money.USD   `json:"cost_usd"`
	SavedUSD  money.USD   `json:"saved_usd"` // what these chats would have cost
	Note      *string     `json:"note"`      // why a dream anticipated no more
}

// ViewAnticipated shows it, nil where nothing was tried.
func ViewAnticipated(a learn.Anticipation) *Anticipated {
	if a == (learn.Anticipation{}) {
		return nil
	}
	each := float64(a.Hits) / float64(max(a.Answers, 1))
	return &Anticipated{
		Answers: a.Answers, Hits: a.Hits, PerAnswer: json.Number(strconv.FormatFloat(each, 'f', 2, 64)),
		CostUSD: money.USD(a.Cost), SavedUSD: money.USD(a.Saved), Note: wire.OrNull(a.Note),
	}
}

// returned is what a source of examples cost and brought, over all time.
type returned struct {
	Source   string      `json:"source"`
	Rows     int         `json:"rows"`
	Tunes    int         `json:"tunes"`
	CostUSD  money.USD   `json:"cost_usd"`
	Points   json.Number `json:"points"`
	PerPoint *money.USD  `json:"usd_per_point"` // null where there is no point
}

func viewReturn(r store.Return) returned {
	view := returned{
		Source: r.Source, Rows: r.Rows, Tunes: r.Tunes, CostUSD: money.USD(r.Nano),
		Points: json.Number(fmt.Sprintf("%d.%02d", r.Points/100, r.Points%100)),
	}
	if nano, ok := r.PerPoint(); ok {
		view.PerPoint = (*money.USD)(&nano)
	}
	return view
}

type spending struct {
	Group        string    `json:"group"`
	Start        *int64    `json:"start,omitempty"` // of the interval
	Calls        int64     `json:"calls"`
	Reserved     money.USD `json:"reserved"`
	Settled      money.USD `json:"settled"`
	InputTokens  int64     `json:"input_tokens"`
	OutputTokens int64     `json:"output_tokens"`
	Lost         int64     `json:"lost"` // tries whose outcome is not known
}

func viewSpend(s book.Spend) spending {
	return spending{
		Group: s.Group, Start: wire.Seconds(s.Start), Calls: s.Calls, Reserved: money.USD(s.Reserved),
		Settled: money.USD(s.Settled), InputTokens: s.Input, OutputTokens: s.Output, Lost: s.Repaid,
	}
}

// Get sums the spend of the last 30 days, or of [from, to).
func (h Usage) Get(w http.ResponseWriter, c *wire.Call) error {
	_, zone, err := h.store.Budgets(c.Context(), c.Tenant)
	if err != nil {
		return err
	}
	span, err := h.span(c, zone)
	if err != nil {
		return err
	}
	csv, err := wantsCSV(c)
	if err != nil {
		return err
	}
	sums, err := h.store.SpendingIn(c.Context(), span)
	if errors.Is(err, book.ErrManySpends) {
		return wire.Invalid("interval", "There are %v.", err)
	}
	if err != nil {
		return err
	}
	if csv {
		return wire.Write(w, http.StatusOK, "text/csv; charset=utf-8", spendingCSV(sums, span))
	}
	view := usageView{
		Object: "usage", GroupBy: span.By, Interval: wire.OrNull(span.Interval), Zone: zone.String(),
		StartTime: span.From.Unix(), EndTime: span.To.Unix(), Data: make([]spending, len(sums)),
	}
	var total book.Spend
	for i, sum := range sums {
		view.Data[i] = viewSpend(sum)
		total.Add(sum)
	}
	view.Total = viewSpend(total)
	if view.Projection, err = h.project(c, zone); err != nil {
		return err
	}
	returns, err := h.store.Returns(c.Context(), c.Tenant)
	if err != nil {
		return err
	}
	view.Returns = make([]returned, len(returns))
	for i, r := range returns {
		view.Returns[i] = viewReturn(r)
	}
	ahead, err := h.store.Anticipated(c.Context(), c.Tenant, 0, 0)
	if err != nil {
		return err
	}
	view.Anticipation = ViewAnticipated(ahead)
	return wire.WriteJSON(w, http.StatusOK, view)
}

// span reads what is asked for.
func (h Usage) span(c *wire.Call, zone *time.Location) (book.Span, error) {
	query := c.URL.Query()
	span := book.Span{Tenant: c.Tenant, By: cmp.Or(query.Get("group_by"), "day"), Interval: query.Get("interval"), Zone: zone}
	if span.By == "vendor" {
		span.By = "provider"
	}
	if !book.SpendGroup(span.By) {
		return span, wire.Invalid("group_by", "group_by is day, purpose, provider, model, key or job.")
	}
	if err := wire.OneOf("interval", span.Interval, book.Hourly, book.Daily, book.Monthly); err != nil {
		return span, err
	}
	var err error
	if span.To, err = instant(query.Get, zone, h.now().Add(time.Second), "to", "end_time"); err != nil {
		return span, err
	}
	if span.From, err = instant(query.Get, zone, span.To.AddDate(0, 0, -30), "from", "start_time"); err != nil {
		return span, err
	}
	if !span.From.Before(span.To) {
		name := "from"
		if query.Get(name) == "" {
			name = "start_time"
		}
		return span, wire.Invalid(name, "%s has to be before the end.", name)
	}
	if byCall := span.By == "job" || span.Interval == book.Hourly; byCall && span.To.Sub(span.From) > maxByCall {
		return span, wire.Invalid("from", "Usage by job or by hour is summed from single calls, of at most 31 days at once: "+
			"narrow from and to, or ask by day.")
	}
	return span, nil
}

// maxByCall bounds the time of which the calls themselves are read: the sums of days know neither jobs nor
// hours. It is a month of the tenant's zone, one day of which may have 25 hours.
const maxByCall = 31*24*time.Hour + time.Hour

// instant reads the first of the parameters that is given: unix seconds, or a day of the
// tenant's zone such as 2026-01-31, which is its beginning.
func instant(get func(string) string, zone *time.Location, otherwise time.Time, names ...string) (time.Time, error) {
	for _, name := range names {
		text := get(name)
		if text == "" {
			continue
		}
		if day, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
			return day, nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > 1<<33 {
			return otherwise, wire.Invalid(name, "%s is a time in unix seconds, or a day such as 2026-01-31.", name)
		}
		return time.Unix(n, 0), nil
	}
	return otherwise, nil
}

// wantsCSV reads format, and without it what the client accepts.
func wantsCSV(c *wire.Call) (bool, error) {
	format := c.URL.Query().Get("format")
	if format == "" {
		accepted, _, _ := strings.Cut(c.Header.Get("Accept"), ",")
		kind, _, _ := strings.Cut(accepted, ";")
		return strings.TrimSpace(kind) == "text/csv", nil
	}
	return format == "csv", wire.OneOf("format", format, "csv", "json")
}

// spendingCSV is a table with a line for each sum (RFC 4180).
func spendingCSV(sums []book.Spend, span book.Span) []byte {
	out := []byte("start," + span.By + ",calls,settled_usd,reserved_usd,input_tokens,output_tokens,lost\r\n")
	for _, s := range sums {
		start := ""
		if !s.Start.IsZero() {
			start = s.Start.Format(time.RFC3339)
		}
		fields := []string{start, quoted(s.Group), strconv.FormatInt(s.Calls, 10), money.USD(s.Settled).String(),
			money.USD(s.Reserved).String(), strconv.FormatInt(s.Input, 10), strconv.FormatInt(s.Output, 10),
			strconv.FormatInt(s.Repaid, 10)}
		out = append(append(out, strings.Join(fields, ",")...), '\r', '\n')
	}
	return out
}

// quoted is a field of a table. A spreadsheet takes what begins with = + - @ for a formula: an
// apostrophe keeps it a text.
func quoted(field string) string {
	if field != "" && strings.ContainsRune("=+-@\t\r", rune(field[0])) {
		field = "'" + field
	}
	if strings.ContainsAny(field, ",\"\r\n") {
		return `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
	}
	return field
}
