package emulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// billRows is how many rows a page of a bill has: few, so that clients have to turn pages.
const billRows = 2

// costAsk is what Cost Management is asked
// (https://learn.microsoft.com/rest/api/cost-management/query/usage).
type costAsk struct {
	Type       string `json:"type"`
	Timeframe  string `json:"timeframe"`
	TimePeriod struct {
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
	} `json:"timePeriod"`
	Dataset struct {
		Granularity string `json:"granularity"`
	} `json:"dataset"`
}

// bills is the route of Cost Management for the one group of resources there is.
func (e *emulator) bills(mux *http.ServeMux) {
	const route = "POST /subscriptions/sandbox/resourceGroups/sandbox/providers/Microsoft.CostManagement/query"
	mux.HandleFunc(route, versioned(lab.Take(e.vendor, e.billed)))
}

// billed answers with a page of what was paid, by day and meter.
func (e *emulator) billed(r *http.Request, ask *costAsk) (any, *lab.Failure) {
	if ask.Timeframe != "Custom" || ask.Dataset.Granularity != "Daily" || !ask.TimePeriod.From.Before(ask.TimePeriod.To) {
		return nil, &lab.Failure{Status: http.StatusBadRequest, Code: "BadRequest", Message: "Invalid query definition."}
	}
	skip, err := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
	if err != nil {
		skip = 0
	}
	first, last := ask.TimePeriod.From.UTC().Format(time.DateOnly), ask.TimePeriod.To.UTC().Format(time.DateOnly)
	rows := []any{}
	var next any
	for _, p := range e.lab.Bill(name) {
		switch {
		case p.Day < first || p.Day > last:
		case skip > 0:
			skip--
		case len(rows) == billRows:
			next = e.nextBill(r, billRows)
		default:
			day := json.Number(strings.ReplaceAll(p.Day, "-", ""))
			rows = append(rows, []any{float64(p.NanoUSD) / 1e9, day, strings.ReplaceAll(p.Model, "-", " ") + " glbl Tokens", "USD"})
		}
	}
	columns := []any{}
	for _, column := range []string{"CostUSD", "UsageDate", "Meter", "Currency"} {
		columns = append(columns, map[string]string{"name": column})
	}
	return map[string]any{"properties": map[string]any{"nextLink": next, "columns": columns, "rows": rows}}, nil
}

// nextBill is the address of the page behind the one that was asked for.
func (e *emulator) nextBill(r *http.Request, rows int) string {
	query := r.URL.Query()
	before, err := strconv.Atoi(query.Get("$skiptoken"))
	if err != nil {
		before = 0
	}
	query.Set("$skiptoken", strconv.Itoa(before+rows))
	return "http://" + r.Host + r.URL.Path + "?" + query.Encode()
}
