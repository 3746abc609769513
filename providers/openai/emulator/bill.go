package emulator

import (
	"net/http"
	"strconv"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// bills are the routes that tell an organization what it was billed
// (https://platform.openai.com/docs/api-reference/usage).
func (e *emulator) bills(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/organization/costs", e.dialect.Vendor.Answer(e.billed(180, costOf)))
	mux.HandleFunc("GET /v1/organization/usage/completions", e.dialect.Vendor.Answer(e.billed(31, usageOf(false))))
	mux.HandleFunc("GET /v1/organization/usage/embeddings", e.dialect.Vendor.Answer(e.billed(31, usageOf(true))))
}

// costOf is what a day's use of a model costs, as one line.
func costOf(p lab.Payment) map[string]any {
	return map[string]any{
		"object": "organization.costs.result", "line_item": p.Model + ", tokens", "project_id": nil,
		"amount": map[string]any{"value": float64(p.NanoUSD) / 1e9, "currency": "usd"},
	}
}

// usageOf is a day's use of a model that embeds, or of one that does not.
func usageOf(embeds bool) func(lab.Payment) map[string]any {
	return func(p lab.Payment) map[string]any {
		if embeds != (p.Model == embedder) {
			return nil
		}
		return map[string]any{
			"object": "organization.usage.result", "model": p.Model, "num_model_requests": p.Calls,
			"input_tokens": p.TokensIn, "output_tokens": p.TokensOut,
		}
	}
}

// billed answers with a page of days, at most so many, each with a result for each model.
func (e *emulator) billed(most int, result func(lab.Payment) map[string]any) lab.Route {
	return func(r *http.Request) (any, *lab.Failure) {
		query := r.URL.Query()
		from, err := strconv.ParseInt(query.Get("start_time"), 10, 64)
		if err != nil {
			return nil, lab.Invalid("start_time", "Missing required parameter: 'start_time'.")
		}
		days, err := strconv.Atoi(query.Get("limit"))
		if err != nil || days < 1 || days > most {
			return nil, lab.Invalid("limit", "Invalid 'limit': expected an integer between 1 and %d.", most)
		}
		if page := query.Get("page"); page != "" {
			if from, err = strconv.ParseInt(page, 10, 64); err != nil {
				return nil, lab.Invalid("page", "Invalid 'page'.")
			}
		}
		end, err := strconv.ParseInt(query.Get("end_time"), 10, 64)
		if err != nil {
			end = e.lab.Now().Unix()
		}
		return e.page(time.Unix(from, 0).UTC().Truncate(24*time.Hour), time.Unix(end, 0), days, result), nil
	}
}

func (e *emulator) page(day, end time.Time, days int, result func(lab.Payment) map[string]any) any {
	buckets := []any{}
	for ; day.Before(end) && len(buckets) < days; day = day.AddDate(0, 0, 1) {
		results := []any{}
		for _, p := range e.lab.Bill(name) {
			if line := result(p); line != nil && p.Day == day.Format(time.DateOnly) {
				results = append(results, line)
			}
		}
		buckets = append(buckets, map[string]any{
			"object": "bucket", "start_time": day.Unix(), "end_time": day.AddDate(0, 0, 1).Unix(), "results": results,
		})
	}
	answer := map[string]any{"object": "page", "data": buckets, "has_more": day.Before(end), "next_page": nil}
	if day.Before(end) {
		answer["next_page"] = strconv.FormatInt(day.Unix(), 10)
	}
	return answer
}
