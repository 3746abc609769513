package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"dreamlab/providers/bill"
	"dreamlab/providers/openai"
)

// costVersion is the api-version of Cost Management
// (https://learn.microsoft.com/rest/api/cost-management/query/usage).
const costVersion = "2023-11-01"

// billPages bounds the pages of a bill, of at most a thousand rows each.
const billPages = 1000

var _ bill.Biller = hostDriver{}

var (
	errBillPages  = errors.New("the bill has more pages than it can have: ask for fewer days")
	errBillPlace  = errors.New("the next page of the bill is at another host")
	errBillColumn = errors.New("the bill lacks the columns CostUSD, UsageDate and Meter")
)

// Bill hands over what the resource cost, as [bill.Biller] says: it tells no calls. Azure bills by
// meters, such as "gpt 5 nano Inp glbl Tokens": a meter of a model that is deployed under one name
// counts as that deployment's, any other stands under its own name.
func (d hostDriver) Bill(ctx context.Context, from, to time.Time, each func(bill.Line) error) error {
	root, id := d.parts()
	group, _, _ := strings.Cut(id, "/providers/")
	url := root + group + "/providers/Microsoft.CostManagement/query?api-version=" + costVersion
	ask := costQuery(id, from, to)
	for range billPages {
		var page costPage
		if err := d.manage(ctx, openai.Call{Method: http.MethodPost, URL: url, In: ask, Out: &page}); err != nil {
			return err
		}
		if err := page.lines(d.billedAs, each); err != nil {
			return err
		}
		next := page.Properties.NextLink
		if next == "" || next == url {
			return nil
		}
		if !strings.HasPrefix(next, root+"/") { // it would be given the token
			return d.manager.Refused("", errBillPlace)
		}
		url = next
	}
	return d.manager.Refused("", errBillPages)
}

// parts are the address of Azure Resource Manager, and the id of the resource there.
func (d hostDriver) parts() (root, id string) {
	at := strings.Index(d.resource, "/subscriptions/")
	return d.resource[:at], d.resource[at:]
}

// costQuery asks for the costs of each day and meter of a resource.
func costQuery(id string, from, to time.Time) map[string]any {
	return map[string]any{
		"type": "ActualCost", "timeframe": "Custom",
		"timePeriod": map[string]string{
			"from": from.Format(time.RFC3339), "to": to.Add(-time.Second).Format(time.RFC3339), // its last day is billed, too
		},
		"dataset": map[string]any{
			"granularity": "Daily",
			"aggregation": map[string]any{"totalCost": map[string]string{"name": "CostUSD", "function": "Sum"}},
			"grouping":    []any{map[string]string{"type": "Dimension", "name": "Meter"}},
			"filter": map[string]any{
				"dimensions": map[string]any{"name": "ResourceId", "operator": "In", "values": []string{id}},
			},
		},
	}
}

// costPage is a table whose columns come in any order.
type costPage struct {
	Properties struct {
		NextLink string `json:"nextLink"`
		Columns  []struct {
			Name string `json:"name"`
		} `json:"columns"`
		Rows [][]json.RawMessage `json:"rows"`
	} `json:"properties"`
}

func (p costPage) lines(model func(meter string) string, each func(bill.Line) error) error {
	at := map[string]int{}
	for i, column := range p.Properties.Columns {
		at[column.Name] = i
	}
	cost, hasCost := at["CostUSD"]
	day, hasDay := at["UsageDate"]
	meter, hasMeter := at["Meter"]
	if !hasCost || !hasDay || !hasMeter {
		return errBillColumn
	}
	for _, row := range p.Properties.Rows {
		if len(row) != len(p.Properties.Columns) {
			return errBillColumn
		}
		date, err := time.Parse("20060102", string(row[day]))
		if err != nil {
			return fmt.Errorf("read the bill: %.20q is no day", row[day])
		}
		var name string
		if err := json.Unmarshal(row[meter], &name); err != nil {
			return fmt.Errorf("read the bill: read a meter: %w", err)
		}
		nano, err := bill.Nano(row[cost], "usd")
		if err != nil {
			return err
		}
		if err := each(bill.Line{Day: date, Model: model(name), Nano: nano}); err != nil {
			return err
		}
	}
	return nil
}

// billedAs finds the deployment whose model a meter is of: the longest name that it begins with.
func (d hostDriver) billedAs(meter string) string {
	var fits []string
	longest := 0
	for deployment, model := range d.deployed {
		name := squeezed(model)
		switch {
		case !strings.HasPrefix(squeezed(meter), name) || len(name) < longest:
		case len(name) > longest:
			fits, longest = []string{deployment}, len(name)
		default:
			fits = append(fits, deployment)
		}
	}
	if len(fits) != 1 { // two deployments of one model have one meter
		return meter
	}
	return fits[0]
}

// squeezed leaves small letters and digits, in which models and meters agree.
func squeezed(name string) string {
	return string(slices.DeleteFunc([]byte(strings.ToLower(name)), func(c byte) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9')
	}))
}
