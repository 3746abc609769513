package api

import (
	"net/http"
	"strconv"
	"time"

	"dreamlab/store"
)

// usageView shows money in dollars: settled is paid by the vendor's own count,
// reserved is the upper bound of what is open or whose outcome was lost.
type usageView struct {
	Object    string     `json:"object"`
	GroupBy   string     `json:"group_by"`
	StartTime int64      `json:"start_time"`
	EndTime   int64      `json:"end_time"`
	Data      []spending `json:"data"`
	Total     spending   `json:"total"`
}

type spending struct {
	Group        string `json:"group"`
	Calls        int64  `json:"calls"`
	Reserved     usd    `json:"reserved"`
	Settled      usd    `json:"settled"`
	InputTokens  int64  `json:"input_tokens"`
	OutputTokens int64  `json:"output_tokens"`
	Lost         int64  `json:"lost"` // tries whose outcome is not known
}

func viewSpend(s store.Spend) spending {
	return spending{
		Group: s.Group, Calls: s.Calls, Reserved: usd(s.Reserved), Settled: usd(s.Settled),
		InputTokens: s.Input, OutputTokens: s.Output, Lost: s.Repaid,
	}
}

func (t *spending) add(s spending) {
	t.Calls += s.Calls
	t.Reserved += s.Reserved
	t.Settled += s.Settled
	t.InputTokens += s.InputTokens
	t.OutputTokens += s.OutputTokens
	t.Lost += s.Lost
}

// getUsage sums the spend of the last 30 days, or of [start_time, end_time).
func (s *Server) getUsage(w http.ResponseWriter, c *call) error {
	if err := only(c.URL.Query(), "group_by", "start_time", "end_time"); err != nil {
		return err
	}
	by := c.URL.Query().Get("group_by")
	if by == "" {
		by = "day"
	}
	if !store.SpendGroup(by) {
		return invalid("group_by", "group_by is day, purpose, provider, model, key or job.")
	}
	to, err := instant(c, "end_time", time.Now().Add(time.Second))
	if err != nil {
		return err
	}
	from, err := instant(c, "start_time", to.AddDate(0, 0, -30))
	if err != nil {
		return err
	}
	sums, err := s.Store.Spending(c.Context(), c.key.Tenant, by, from, to)
	if err != nil {
		return err
	}
	view := usageView{Object: "usage", GroupBy: by, StartTime: from.Unix(), EndTime: to.Unix(),
		Data: []spending{}}
	for _, sum := range sums {
		view.Data = append(view.Data, viewSpend(sum))
		view.Total.add(viewSpend(sum))
	}
	return writeJSON(w, http.StatusOK, view)
}

func instant(c *call, name string, otherwise time.Time) (time.Time, error) {
	text := c.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return otherwise, invalid(name, "%s is a time in unix seconds.", name)
	}
	return time.Unix(n, 0), nil
}
