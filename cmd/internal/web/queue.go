package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dreamlab/cmd/internal/status"
	"dreamlab/cmd/internal/web/prom"
	"dreamlab/cmd/internal/web/say"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// queuesView is the page of the lanes.
type queuesView struct {
	Lanes   []laneView
	Blind   string       // why the lanes can not be shown
	Work    *status.Work // of all tenants, for operators
	Shares  []shareView
	Waits   list[jobView]
	Failed  list[jobView]
	Choices []field
	Bulk    *bulkView
	MayAct  bool
}

// laneView is one queue.
type laneView struct {
	Name       string
	Queued     int
	Dispatched int
	Running    int
	Waiting    int
	Oldest     float64 // seconds
	Half, Most float64 // seconds from due to claimed: the median and the 99th percentile; 0: nothing was claimed
}

// shareView is what a tenant has in a lane: the visitor's own, or all others together, whose names
// are not the visitor's business.
type shareView struct {
	Whose                  string
	Lane                   string
	Queued, Running, Waits int
}

// sharesOf returns the lanes' shares, the visitor's own before that of the others.
func sharesOf(queues []job.Queue, own string) (shares []shareView) {
	for _, lane := range tasks.Lanes() {
		mine, others := shareView{Whose: "this tenant", Lane: string(lane)}, shareView{Lane: string(lane)}
		tenants := 0
		for _, q := range queues {
			side := &others
			switch {
			case q.Lane != string(lane):
				continue
			case q.Tenant == own:
				side = &mine
			default:
				tenants++
			}
			side.Queued, side.Running, side.Waits = side.Queued+q.Queued, side.Running+q.Held, side.Waits+q.Waits
		}
		if mine.Queued+mine.Running+mine.Waits > 0 {
			shares = append(shares, mine)
		}
		if others.Whose = say.Count(tenants, "other tenant"); tenants > 0 {
			shares = append(shares, others)
		}
	}
	return shares
}

func queuesPage(v *visit) error {
	body, err := v.queues()
	if err != nil {
		return err
	}
	return v.show("queues", "Queues", body)
}

func (v *visit) queues() (*queuesView, error) {
	body := &queuesView{MayAct: v.key.Has("use"), Choices: []field{
		newField("kind", "Kind", "", jobKinds...), newField("status", "Status", "failed", jobStatuses...),
	}}
	var told string
	if err := v.ask(http.MethodGet, "/metrics", nil, &told); err != nil {
		body.Blind = err.Error()
	} else {
		body.Lanes = lanesOf(told)
	}
	if err := addWork(v, body); err != nil {
		return nil, err
	}
	if err := v.get("/v1/jobs", url.Values{"status": {"queued"}, "limit": {"10"}, "order": {"asc"}}, &body.Waits); err != nil {
		return nil, err
	}
	return body, v.get("/v1/jobs", url.Values{"status": {"failed"}, "limit": {"10"}}, &body.Failed)
}

// addWork reads who does the work, for operators.
func addWork(v *visit, body *queuesView) (err error) {
	if v.Standing == nil || !v.key.Has("admin") {
		return nil
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), askWithin)
	defer cancel()
	if body.Work, err = v.Standing.Work(ctx); err == nil {
		body.Shares = sharesOf(body.Work.Tenants, v.key.Tenant)
	}
	return err
}

// lanesOf reads the lanes out of the metrics.
func lanesOf(told string) []laneView {
	m := prom.Read(told)
	lanes := make([]laneView, 0, len(tasks.Lanes()))
	for _, lane := range tasks.Lanes() {
		name := string(lane)
		open := func(state string) int {
			return int(m.Sum("dreamlab_jobs_open", map[string]string{"lane": name, "state": state}))
		}
		of := map[string]string{"lane": name}
		lanes = append(lanes, laneView{
			Name: name, Queued: open("queued"), Dispatched: open("dispatched"), Running: open("running"),
			Waiting: open("waiting"), Oldest: m.Sum("dreamlab_jobs_oldest_seconds", of),
			Half: m.Quantile("dreamlab_jobs_pickup_seconds_bucket", of, 0.5),
			Most: m.Quantile("dreamlab_jobs_pickup_seconds_bucket", of, 0.99),
		})
	}
	return lanes
}

// bulkView is what a bulk action would do.
type bulkView struct {
	Action string
	By     []choiceMade
	Some   list[jobView]
}

// choiceMade is a filter with its value.
type choiceMade struct{ Name, Value string }

// Count says how many jobs match: exactly up to a hundred.
func (b bulkView) Count() string {
	if b.Some.HasMore {
		return "More than " + say.Count(len(b.Some.Data), "request")
	}
	return say.Count(len(b.Some.Data), "request")
}

// madeBy returns the filters that are set, in the order of the page of requests.
func madeBy(values url.Values) (made []choiceMade) {
	for _, name := range append(slices.Clone(jobFilters), "created_after", "created_before") {
		if value := values.Get(name); value != "" {
			made = append(made, choiceMade{name, value})
		}
	}
	return made
}

// bulkOf returns what a bulk action is asked of the API. A filter that can not be read is refused: left
// out, it would let the action go over more than was chosen.
func bulkOf(values url.Values) (action string, filter map[string]any, err error) {
	filter = map[string]any{}
	for _, by := range madeBy(values) {
		filter[by.Name] = by.Value
		if !strings.HasPrefix(by.Name, "created_") {
			continue
		}
		at, known := instant(by.Value)
		if !known {
			return "", nil, &refusal{Status: http.StatusBadRequest, Message: "The time is not one: " + by.Value + "."}
		}
		filter[by.Name] = at.Unix()
	}
	action = values.Get("action")
	if !slices.Contains([]string{"retry", "cancel"}, action) || len(filter) == 0 {
		err = &refusal{Status: http.StatusBadRequest, Message: "Choose retry or cancel, and a filter: never all at once."}
	}
	return action, filter, err
}

// askBulk says what a bulk action takes in, and asks whether it should be done.
func askBulk(v *visit) error {
	body, err := v.queues()
	if err != nil {
		return err
	}
	query := v.r.URL.Query()
	action, filter, err := bulkOf(query)
	if err != nil {
		return err
	}
	by := url.Values{"limit": {"100"}}
	for name, value := range filter {
		by.Set(name, fmt.Sprint(value))
	}
	body.Bulk = &bulkView{Action: action, By: madeBy(query)}
	if err := v.get("/v1/jobs", by, &body.Bulk.Some); err != nil {
		return err
	}
	return v.show("queues", "Queues", body)
}

func doBulk(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return &refusal{Status: http.StatusBadRequest, Message: "The form can not be read: go back and send it again."}
	}
	action, filter, err := bulkOf(v.r.PostForm)
	if err != nil {
		return err
	}
	var made jobView
	ask := map[string]any{"action": action, "filter": filter}
	if err := v.ask(http.MethodPost, "/v1/jobs/bulk", ask, &made); err != nil {
		return err
	}
	return v.done("requests/"+made.ID, "bulk")
}
