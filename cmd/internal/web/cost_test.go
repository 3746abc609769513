package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/money"
)

// The costs of each day have a row even where nothing was spent; the dearest groups have a column, the
// rest share one, and what is reserved stands last. A day of 25 hours is a day.
func TestSeriesOfCosts(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	day := time.Date(2026, 10, 24, 0, 0, 0, 0, berlin)
	s := &seriesView{Interval: "day"}
	sums := []spendView{{Group: "host", Start: day.Unix(), Settled: 9 * money.Dollar, Reserved: 2 * money.Dollar}}
	for i, group := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		sums = append(sums, spendView{Group: group, Start: day.AddDate(0, 0, 2).Unix(), Settled: money.USD(7-i) * money.Cent})
	}
	s.fill(sums, day, day.AddDate(0, 0, 2).Add(5*time.Hour))
	if got := strings.Join(s.Names, " "); got != "host a b c d e others reserved" {
		t.Errorf("the columns are %s", got)
	}
	if len(s.Rows) != 3 || s.Rows[1].Name != "2026-10-25" || s.Rows[2].Name != "2026-10-26" {
		t.Fatalf("the rows are %+v", s.Rows)
	}
	if first, idle, last := s.Rows[0].Cells, s.Rows[1].Cells, s.Rows[2].Cells; first[0] != 9*money.Dollar || first[7] != 2*money.Dollar ||
		idle[0] != 0 || last[1] != 7*money.Cent || last[6] != 3*money.Cent {
		t.Errorf("the rows are %+v", s.Rows)
	}
	if s.Most != 11*money.Dollar {
		t.Errorf("the plot is %s high", s.Most)
	}
}

// The plot of costs says how many dollars it is high and from when to when it goes, and has its numbers in a table.
func TestPlotOfCosts(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	_, secret := s.key(store.ScopeView)
	s.send("/app/signin", url.Values{"key": {secret}})
	before := time.Now().UTC().AddDate(0, 0, -2)
	s.asked = func(r *http.Request) {
		if got := r.URL.Query().Get("interval"); got != "" && (got != "day" || r.URL.Query().Get("group_by") != "model") {
			t.Errorf("asked %s", r.URL)
		}
	}
	start := since(before, 1)
	s.says = map[string]string{"/v1/usage": `{"zone":"UTC","data":[{"group":"<b>m","start":` + start + `,"settled":5.5,"reserved":0,"calls":2}],
		"total":{},"projection":{"month":"2026-11","spent_usd":5.5,"projected_usd":6,"lines":[]}}`}
	s.shows("/app/cost?group_by=model", ">$5.50</text>", ">"+before.AddDate(0, 0, -27).Format(time.DateOnly)+"</text>", ">"+before.AddDate(0, 0, 1).Format(time.DateOnly)+"</td>",
		`data-usd="5.5"`, `<tr data-at="`+start+`">`, "Settled each day, by model", "&lt;b&gt;m</li>", "/uplot.js")
}
