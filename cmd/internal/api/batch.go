package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/lines"
)

// batches are files of requests that are answered later.
type batches struct {
	store *store.Store
	gate  *gate.Gate
	wait  waits
}

// batchView is OpenAI's batch
// (https://platform.openai.com/docs/api-reference/batch/object).
type batchView struct {
	ID           string          `json:"id"`
	Object       string          `json:"object"`
	Endpoint     string          `json:"endpoint"`
	Errors       *batchFaults    `json:"errors"`
	InputFile    string          `json:"input_file_id"`
	Window       string          `json:"completion_window"`
	Status       string          `json:"status"`
	OutputFile   *string         `json:"output_file_id"`
	ErrorFile    *string         `json:"error_file_id"`
	CreatedAt    *int64          `json:"created_at"`
	InProgressAt *int64          `json:"in_progress_at"`
	ExpiresAt    *int64          `json:"expires_at"`
	FinalizingAt *int64          `json:"finalizing_at"`
	CompletedAt  *int64          `json:"completed_at"`
	FailedAt     *int64          `json:"failed_at"`
	ExpiredAt    *int64          `json:"expired_at"`
	CancellingAt *int64          `json:"cancelling_at"`
	CancelledAt  *int64          `json:"cancelled_at"`
	Counts       batchCounts     `json:"request_counts"`
	Metadata     json.RawMessage `json:"metadata"`
	Ours         batchOurs       `json:"dreamlab"`
}

type batchFaults struct {
	Object string          `json:"object"`
	Data   json.RawMessage `json:"data"`
}

type batchCounts struct {
	Total     int `json:"total"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
}

type batchOurs struct {
	Job string `json:"job"`
	// ServedBy is "vendor" where a vendor takes the batch for less, "queue" where each
	// request is asked live in the off-peak window; null until that is known.
	ServedBy    *string   `json:"served_by"`
	Model       *string   `json:"model"`
	VendorID    *string   `json:"vendor_id"`
	CostUSD     money.USD `json:"cost_usd"`
	LiveCostUSD money.USD `json:"live_cost_usd"`
}

func viewBatch(b batch.Batch, cost int64) (batchView, error) {
	var spec batch.Spec
	if err := json.Unmarshal(b.Spec, &spec); err != nil {
		return batchView{}, fmt.Errorf("read the state of %s: %w", b.ID, err)
	}
	v := batchView{
		ID: b.ID, Object: "batch", Endpoint: b.Endpoint, InputFile: b.File, Window: windowOf(b.Window), Status: b.Shown(),
		OutputFile: wire.OrNull(b.Output), ErrorFile: wire.OrNull(b.Errors), CreatedAt: wire.Seconds(b.Created),
		InProgressAt: wire.Seconds(b.Started), ExpiresAt: wire.Seconds(b.Created.Add(b.Window)),
		FinalizingAt: wire.Seconds(b.Finalizing), CancellingAt: wire.Seconds(b.Cancelling),
		Counts: batchCounts{b.Total, b.Completed, b.Failed}, Metadata: wire.RawOr(b.Metadata, "null"),
		Ours: batchOurs{
			Job: b.Job, ServedBy: servedBy(spec), Model: modelOf(spec), VendorID: wire.OrNull(spec.VendorID),
			CostUSD: money.USD(cost), LiveCostUSD: money.USD(b.Live),
		},
	}
	if len(b.Faults) > 0 {
		v.Errors = &batchFaults{Object: "list", Data: b.Faults}
	}
	ended := map[string]**int64{
		batch.Completed: &v.CompletedAt, batch.Failed: &v.FailedAt, batch.Expired: &v.ExpiredAt, batch.Cancelled: &v.CancelledAt,
	}
	if at, over := ended[v.Status]; over {
		*at = wire.Seconds(b.Finished)
	}
	return v, nil
}

func servedBy(spec batch.Spec) *string {
	switch {
	case spec.Provider != "":
		return wire.OrNull("vendor")
	case spec.Phase == batch.PhaseLive || spec.Phase == batch.PhaseWrite:
		return wire.OrNull("queue")
	}
	return nil
}

// modelOf is who answers: the vendor's model, or else what the lines name.
func modelOf(spec batch.Spec) *string {
	if spec.Provider != "" {
		return wire.OrNull(spec.Provider + "/" + spec.Target)
	}
	return wire.OrNull(spec.Model)
}

// windows are the words of a completion_window, OpenAI's first.
func windows() []string { return []string{"24h", "2d", "3d", "4d", "5d", "6d", "7d"} }

const day = 24 * time.Hour

func windowOf(window time.Duration) string {
	if window <= day {
		return "24h"
	}
	return fmt.Sprintf("%dd", window/day)
}

// maxPairs bounds a batch's metadata: OpenAI's.
const maxPairs = 16

// batchRequest is the body of POST /v1/batches
// (https://platform.openai.com/docs/api-reference/batch/create).
type batchRequest struct {
	File     string            `json:"input_file_id"`
	Endpoint string            `json:"endpoint"`
	Window   string            `json:"completion_window"`
	Metadata map[string]string `json:"metadata"`
}

func (r *batchRequest) check() error {
	switch {
	case r.File == "":
		return wire.Invalid("input_file_id", "Name the file of requests: upload one with the purpose batch.")
	case r.Endpoint != lines.Endpoint:
		return wire.Invalid("endpoint", "The endpoint has to be %s: no other takes batches here.", lines.Endpoint)
	case r.Window == "":
		r.Window = windows()[0]
	case !slices.Contains(windows(), r.Window):
		return wire.Invalid("completion_window", "completion_window is one of %v.", windows())
	}
	if len(r.Metadata) > maxPairs {
		return wire.Invalid("metadata", "metadata has at most %d pairs.", maxPairs)
	}
	return nil
}

// create makes a batch. OpenAI's clients expect 200 here.
func (h batches) create(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	var r batchRequest
	if err := wire.Decode(body, &r); err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	a, err := h.ask(c, r)
	if err != nil {
		return err
	}
	a.Hash = gate.HashOf(c, body)
	made, _, err := h.gate.Accept(c, a)
	if err != nil {
		return err
	}
	return h.wait.shown(w, c, made.ID, h.show)
}

func (h batches) ask(c *wire.Call, r batchRequest) (gate.Asked, error) {
	file, err := h.store.File(c.Context(), c.Tenant, r.File)
	if err != nil {
		f := gate.FaultOf(gate.OrMissing(err, "file"))
		f.Param = "input_file_id"
		return gate.Asked{}, f
	}
	if file.Purpose != "batch" {
		return gate.Asked{}, wire.Invalid("input_file_id", "The purpose of %s is %s: upload it with the purpose batch.",
			file.ID, file.Purpose)
	}
	row := batch.Batch{
		ID: db.NewID("batch_"), Tenant: c.Tenant, File: file.ID, Endpoint: r.Endpoint, Window: day,
		Status: batch.Validating, Spec: plainjson.Of(batch.Spec{Phase: batch.PhaseRead}),
	}
	if at := slices.Index(windows(), r.Window); at > 0 {
		row.Window = time.Duration(at+1) * day
	}
	own := job.NewJob{
		ID: db.NewID("job_"), Kind: string(tasks.BatchRun), Subject: row.ID,
		Input: plainjson.Of(lines.BatchInput{Batch: row.ID}),
	}
	if len(r.Metadata) > 0 {
		row.Metadata = plainjson.Of(r.Metadata)
		own.Metadata = row.Metadata
	}
	row.Job = own.ID
	write := func(ctx context.Context, q *store.Queries) error { return q.AddBatch(ctx, row) }
	return gate.Asked{Job: own, Write: write}, nil
}

func (h batches) show(ctx context.Context, own job.Job) (any, error) {
	b, err := h.store.Batch(ctx, own.Tenant, own.Subject)
	if err != nil {
		return nil, gate.OrMissing(err, "batch")
	}
	cost, err := spent(ctx, h.store, own)
	if err != nil {
		return nil, err
	}
	return viewBatch(b, cost)
}

func (h batches) list(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "batch_", gate.Known(h.store.Batch), batch.Statuses()...)
	if err != nil {
		return err
	}
	rows, more, err := h.store.Batches(c.Context(), c.Tenant, f, page)
	if err != nil {
		return err
	}
	costs, err := spentBy(c.Context(), h.store, rows, func(b batch.Batch) string { return b.Job })
	if err != nil {
		return err
	}
	views := make([]batchView, len(rows))
	for i, row := range rows {
		if views[i], err = viewBatch(row, costs[row.Job].Settled); err != nil {
			return err
		}
	}
	return wire.WriteJSON(w, http.StatusOK, wire.ListOf(views, more, func(v batchView) string { return v.ID }))
}

// own finds the batch of the path.
func (h batches) own(c *wire.Call) (batch.Batch, error) {
	b, err := h.store.Batch(c.Context(), c.Tenant, c.PathValue("id"))
	c.Job = b.Job
	return b, gate.OrMissing(err, "batch")
}

func (h batches) get(w http.ResponseWriter, c *wire.Call) error {
	b, err := h.own(c)
	if err != nil {
		return err
	}
	spend, err := h.store.JobSpend(c.Context(), b.Job)
	if err != nil {
		return err
	}
	view, err := viewBatch(b, spend.Settled)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, view)
}

// cancel asks for the end. The batch's own job ends it: what was answered by then is
// billed, and kept.
func (h batches) cancel(w http.ResponseWriter, c *wire.Call) error {
	if err := wire.NoBody(c); err != nil {
		return err
	}
	b, err := h.own(c)
	if err != nil {
		return err
	}
	open, err := h.store.CancelBatch(c.Context(), c.Tenant, b.ID)
	if err != nil {
		return err
	}
	if !open {
		return &wire.Fault{
			Status: http.StatusConflict, Code: "invalid_request",
			Message: fmt.Sprintf("The batch is %s: it can not be cancelled any more.", b.Shown()),
		}
	}
	return h.get(w, c)
}
