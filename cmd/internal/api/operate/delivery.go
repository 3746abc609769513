package operate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Deliveries are what webhooks were told, or are being told: each is a job.
type Deliveries struct {
	store *store.Store
	gate  *gate.Gate
}

type deliveryView struct {
	ID       string     `json:"id"`
	Object   string     `json:"object"`
	Event    string     `json:"event"` // the webhook-id that it is sent with
	Type     string     `json:"type"`
	Webhook  *string    `json:"webhook"` // null: the job's own webhook_url
	Job      *string    `json:"job"`     // whose end is told
	Status   string     `json:"status"`
	Attempts int        `json:"attempts"`
	Answered *int       `json:"response_status"` // of the try that was taken
	Error    *job.Error `json:"error"`           // of the last try
	NextAt   *int64     `json:"next_attempt_at"`
	Created  *int64     `json:"created_at"`
	Finished *int64     `json:"finished_at"`
}

// inputOf reads what a delivery tells.
func inputOf(j job.Job) (in job.Delivery, err error) {
	if err = json.Unmarshal(j.Input, &in); err != nil {
		err = fmt.Errorf("read delivery %s: %w", j.ID, err)
	}
	return in, err
}

func viewDelivery(j job.Job, last *job.Error) (deliveryView, error) {
	in, err := inputOf(j)
	if err != nil {
		return deliveryView{}, err
	}
	view := deliveryView{
		ID: j.ID, Object: "webhook.delivery", Event: cmp.Or(in.Event, j.ID), Type: cmp.Or(in.Type, "job."+string(in.Status)),
		Webhook: wire.OrNull(in.Webhook), Job: wire.OrNull(in.Job), Status: string(j.State), Attempts: j.Tries(),
		Error: j.Error, Created: wire.Seconds(j.Created), Finished: wire.Seconds(j.Finished),
	}
	if j.State == job.StateDispatched {
		view.Status = string(job.StateQueued)
	}
	if !j.State.Ended() {
		view.Error, view.NextAt = last, wire.Seconds(j.RunAt)
	}
	var taken struct {
		Status *int `json:"status"`
	}
	if len(j.Result) > 0 {
		if err := json.Unmarshal(j.Result, &taken); err != nil {
			return view, fmt.Errorf("read the result of delivery %s: %w", j.ID, err)
		}
	}
	view.Answered = taken.Status
	return view, nil
}

// List shows the deliveries.
func (h Deliveries) List(w http.ResponseWriter, c *wire.Call) error {
	page, err := gate.Paged(c, "job_", gate.Known(h.store.Job))
	if err != nil {
		return err
	}
	filter := job.Filter{Noun: "webhook", Status: c.URL.Query().Get("status")}
	if err := JobFilter("", filter.Status); err != nil {
		return err
	}
	jobs, more, err := h.store.Jobs(c.Context(), c.Tenant, filter, page)
	if err != nil {
		return err
	}
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID
	}
	last, err := h.store.LastErrors(c.Context(), ids)
	if err != nil {
		return err
	}
	views := make([]deliveryView, len(jobs))
	for i, j := range jobs {
		var fault *job.Error
		if e, failed := last[j.ID]; failed {
			fault = &e
		}
		if views[i], err = viewDelivery(j, fault); err != nil {
			return err
		}
	}
	same := func(v deliveryView) deliveryView { return v }
	return wire.WriteList(w, views, more, same, func(v deliveryView) string { return v.ID })
}

// Redeliver sends an event again, whatever became of it before, as a delivery of its own with
// the same webhook-id.
func (h Deliveries) Redeliver(w http.ResponseWriter, c *wire.Call) error {
	if err := wire.NoBody(c); err != nil {
		return err
	}
	j, err := h.store.Job(c.Context(), c.Tenant, c.PathValue("id"))
	if err == nil && j.Kind != job.DeliveryKind {
		err = db.ErrNotFound
	}
	if err != nil {
		return gate.OrMissing(err, "delivery")
	}
	in, err := inputOf(j)
	if err != nil {
		return err
	}
	if in.Event == "" {
		in.Event, in.Made = j.ID, j.Created.Unix()
	}
	again, _, err := h.gate.Accept(c, gate.Asked{Hash: gate.HashOf(c, nil), Job: job.NewDelivery(c.Tenant, in)})
	if err != nil {
		return err
	}
	view, err := viewDelivery(again, nil)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusAccepted, view)
}
