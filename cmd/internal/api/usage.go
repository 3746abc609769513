package api

import (
	"net/http"
	"strconv"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/money"
)

type usage struct{ store *store.Store }

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
	Group        string    `json:"group"`
	Calls        int64     `json:"calls"`
	Reserved     money.USD `json:"reserved"`
	Settled      money.USD `json:"settled"`
	InputTokens  int64     `json:"input_tokens"`
	OutputTokens int64     `json:"output_tokens"`
	Lost         int64     `json:"lost"` // tries whose outcome is not known
}

func viewSpend(s book.Spend) spending {
	return spending{
		Group: s.Group, Calls: s.Calls, Reserved: money.USD(s.Reserved), Settled: money.USD(s.Settled),
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

// get sums the spend of the last 30 days, or of [start_time, end_time).
func (h usage) get(w http.ResponseWriter, c *wire.Call) error {
	by := c.URL.Query().Get("group_by")
	if by == "" {
		by = "day"
	}
	if !book.SpendGroup(by) {
		return wire.Invalid("group_by", "group_by is day, purpose, provider, model, key or job.")
	}
	to, err := instant(c, "end_time", time.Now().Add(time.Second))
	if err != nil {
		return err
	}
	from, err := instant(c, "start_time", to.AddDate(0, 0, -30))
	if err != nil {
		return err
	}
	if !from.Before(to) {
		return wire.Invalid("start_time", "start_time has to be before end_time.")
	}
	sums, err := h.store.Spending(c.Context(), c.Tenant, by, from, to)
	if err != nil {
		return err
	}
	view := usageView{Object: "usage", GroupBy: by, StartTime: from.Unix(), EndTime: to.Unix(),
		Data: []spending{}}
	for _, sum := range sums {
		view.Data = append(view.Data, viewSpend(sum))
		view.Total.add(viewSpend(sum))
	}
	return wire.WriteJSON(w, http.StatusOK, view)
}

func instant(c *wire.Call, name string, otherwise time.Time) (time.Time, error) {
	text := c.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return otherwise, wire.Invalid(name, "%s is a time in unix seconds.", name)
	}
	return time.Unix(n, 0), nil
}
