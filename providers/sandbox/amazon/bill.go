package amazon

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/money"
)

// costTarget is the header's value of the one operation of Cost Explorer that there is.
const costTarget = "AWSInsightsIndexService.GetCostAndUsage"

// costRows is how many costs a page has: few, so that clients have to turn pages.
const costRows = 3

// Cost is what a payment is billed as.
type Cost struct {
	UsageType string // without the region
	Nano      int64  // nano-dollars
}

// Bills is as much of Cost Explorer as tells what a service cost by day and usage type
// (https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html).
type Bills struct {
	Lab     *lab.Lab
	Vendor  lab.Vendor
	Service string // "Amazon Bedrock"
	// Costs tells what a payment is billed as.
	Costs func(lab.Payment) []Cost
}

// Serve takes the requests to Cost Explorer, which are told by a header, and leaves the others to
// the next handler.
func (b Bills) Serve(next http.Handler) http.Handler {
	vendor := b.Vendor
	vendor.Admit = func(r *http.Request) *lab.Failure { return Admit(b.Lab, r, "ce") }
	vendor.Model = nil
	mine := b.Lab.Serve(vendor, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		lab.Take(vendor, b.costs)(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.Header.Get("X-Amz-Target") == costTarget {
			mine.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

type costAsk struct {
	TimePeriod  struct{ Start, End string }
	Granularity string
	Metrics     []string
	GroupBy     []struct{ Type, Key string }
	Filter      struct {
		Dimensions struct {
			Key    string
			Values []string
		}
	}
	Next string `json:"NextPageToken"`
}

// check says what is wrong with a request.
func (a costAsk) check() (start, end time.Time, skip int, refused *lab.Failure) {
	invalid := func(format string, args ...any) *lab.Failure {
		return &lab.Failure{Status: http.StatusBadRequest, Type: "ValidationException", Message: fmt.Sprintf(format, args...)}
	}
	start, err := time.Parse(time.DateOnly, a.TimePeriod.Start)
	if err != nil {
		return start, end, 0, invalid("Start time %s is invalid. Valid format is: yyyy-MM-dd.", a.TimePeriod.Start)
	}
	end, err = time.Parse(time.DateOnly, a.TimePeriod.End)
	switch {
	case err != nil:
		return start, end, 0, invalid("End time %s is invalid. Valid format is: yyyy-MM-dd.", a.TimePeriod.End)
	case !start.Before(end):
		return start, end, 0, invalid("Start date (and hour) should be before end date (and hour)")
	case a.Granularity != "DAILY" || !slices.Equal(a.Metrics, []string{"UnblendedCost"}):
		return start, end, 0, invalid("The sandbox knows UnblendedCost of DAILY granularity alone.")
	case len(a.GroupBy) != 1 || a.GroupBy[0].Type != "DIMENSION" || a.GroupBy[0].Key != "USAGE_TYPE":
		return start, end, 0, invalid("The sandbox groups by USAGE_TYPE alone.")
	case a.Filter.Dimensions.Key != "SERVICE":
		return start, end, 0, invalid("The sandbox filters by SERVICE alone.")
	case a.Next == "":
		return start, end, 0, nil
	}
	if skip, err = strconv.Atoi(a.Next); err != nil || skip < 1 {
		return start, end, 0, &lab.Failure{Status: http.StatusBadRequest, Type: "InvalidNextTokenException"}
	}
	return start, end, skip, nil
}

// costs answers with a page of what was paid, by day and usage type.
func (b Bills) costs(_ *http.Request, ask *costAsk) (any, *lab.Failure) {
	start, end, skip, refused := ask.check()
	if refused != nil {
		return nil, refused
	}
	var paid []lab.Payment
	if slices.Contains(ask.Filter.Dimensions.Values, b.Service) {
		paid = b.Lab.Bill(b.Vendor.Name)
	}
	days, seen := []any{}, 0
	for day := start; day.Before(end); day = day.AddDate(0, 0, 1) {
		groups := []any{}
		for _, cost := range b.of(paid, day) {
			if seen >= skip && seen < skip+costRows {
				groups = append(groups, cost)
			}
			seen++
		}
		days = append(days, map[string]any{
			"TimePeriod": map[string]string{"Start": day.Format(time.DateOnly), "End": day.AddDate(0, 0, 1).Format(time.DateOnly)},
			"Total":      map[string]any{}, "Groups": groups, "Estimated": true,
		})
	}
	answer := map[string]any{
		"ResultsByTime": days, "GroupDefinitions": ask.GroupBy, "DimensionValueAttributes": []any{},
	}
	if seen > skip+costRows {
		answer["NextPageToken"] = strconv.Itoa(skip + costRows)
	}
	return answer, nil
}

// of are the costs of a day.
func (b Bills) of(paid []lab.Payment, day time.Time) []any {
	var groups []any
	for _, p := range paid {
		if p.Day != day.Format(time.DateOnly) {
			continue
		}
		for _, cost := range b.Costs(p) {
			amount := map[string]string{"Amount": money.USD(cost.Nano).String(), "Unit": "USD"}
			groups = append(groups, map[string]any{
				"Keys": []string{"USE1-" + cost.UsageType}, "Metrics": map[string]any{"UnblendedCost": amount},
			})
		}
	}
	return groups
}
