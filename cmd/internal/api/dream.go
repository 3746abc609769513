package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/operate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/kept"
)

type dreams struct {
	store  *store.Store
	engine Engine
	gate   *gate.Gate
	wait   waits
	kept   Kept
}

type dreamView struct {
	ID          string            `json:"id"`
	Object      string            `json:"object"`
	Job         string            `json:"job"`
	Status      string            `json:"status"`
	Error       *job.Error        `json:"error"`
	Mode        string            `json:"mode"`
	DryRun      bool              `json:"dry_run"`
	Stage       string            `json:"stage"`
	Counts      learn.DreamCounts `json:"counts"`
	BudgetUSD   *money.USD        `json:"budget_usd"`
	CostUSD     money.USD         `json:"cost_usd"`
	LiveCostUSD money.USD         `json:"live_cost_usd"`
	Stopped     *string           `json:"stopped"` // why it ended early
	// Anticipation is null where the dream was not to anticipate.
	Anticipation *operate.Anticipated `json:"anticipation"`
	Result       json.RawMessage      `json:"result"`
	CreatedAt    *int64               `json:"created_at"`
	FinishedAt   *int64               `json:"finished_at"`
	UndoneAt     *int64               `json:"undone_at"`
	// Models learned from what was withdrawn, and Serving are those of them that serve. Told where a dream
	// is undone.
	Models  []string `json:"models,omitzero"`
	Serving []string `json:"serving,omitzero"`
}

func viewDream(d learn.Dream, cost int64) dreamView {
	if d.Counts.Rejected == nil {
		d.Counts.Rejected = map[string]int{}
	}
	return dreamView{
		ID: d.ID, Object: "dream", Job: d.Job, Status: statusOf(d.Status), Error: d.Error, Mode: d.Mode, DryRun: d.Dry,
		Stage: d.Stage, Stopped: wire.OrNull(d.Stopped), Anticipation: operate.ViewAnticipated(d.Ahead),
		Counts: d.Counts, BudgetUSD: (*money.USD)(d.Budget), CostUSD: money.USD(cost), LiveCostUSD: money.USD(d.LiveCost),
		Result: json.RawMessage("null"), CreatedAt: wire.Seconds(d.Created), FinishedAt: wire.Seconds(d.Finished),
		UndoneAt: wire.Seconds(d.Undone),
	}
}

// show shows the dream of a job, with what the job answered: a dry run
// says there what it would cost.
func (h dreams) show(ctx context.Context, job job.Job) (any, error) {
	dream, err := h.store.Dream(ctx, job.Tenant, job.Subject)
	if err != nil {
		return nil, gate.OrMissing(err, "dream")
	}
	spent, err := spent(ctx, h.store, job)
	if err != nil {
		return nil, err
	}
	view := viewDream(dream, spent)
	view.Result = wire.RawOr(job.Result, "null")
	return view, nil
}

// ask asks for a dream and the row that holds it.
func (h dreams) ask(c *wire.Call, body []byte) (gate.Asked, error) {
	input, err := tasks.ParseDream(body)
	if err != nil {
		return gate.Asked{}, err
	}
	job := job.NewJob{ID: db.NewID("job_"), Kind: string(tasks.DreamPlan), Subject: db.NewID("drm_"),
		Input: plainjson.Of(input)}
	dream := learn.Dream{
		ID: job.Subject, Tenant: c.Tenant, Job: job.ID, Mode: input.Mode, Dry: input.DryRun, Stage: "seal",
		Budget: (*int64)(input.BudgetUSD),
	}
	write := func(ctx context.Context, q *store.Queries) error {
		err := q.AddDream(ctx, dream)
		if errors.Is(err, db.ErrConflict) {
			return &wire.Fault{
				Status: http.StatusConflict, Code: "dream_running",
				Message: "A dream of this tenant is running: wait for it, or cancel it first.",
			}
		}
		return err
	}
	return gate.Asked{Job: job, Hash: gate.HashOf(c, body), Write: write}, nil
}

func (h dreams) create(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.ObjectBody(c)
	if err != nil {
		return err
	}
	a, err := h.ask(c, body)
	if err != nil {
		return err
	}
	job, _, err := h.gate.Accept(c, a)
	if err != nil {
		return err
	}
	return h.wait.accepted(w, c, job, "/v1/dreams/"+job.Subject, h.show)
}

// list leaves dry runs out, or lists them alone where that is asked.
func (h dreams) list(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "drm_", gate.Known(h.store.Dream), operate.JobStatuses()...)
	if err != nil {
		return err
	}
	dry := c.URL.Query().Get("dry_run")
	if err := wire.OneOf("dry_run", dry, "true", "false"); err != nil {
		return err
	}
	find := h.store.Dreams
	if dry == "true" {
		find = h.store.DryRuns
	}
	dreams, more, err := find(c.Context(), c.Tenant, f, page)
	if err != nil {
		return err
	}
	spent, err := spentBy(c.Context(), h.store, dreams, func(d learn.Dream) string { return d.Job })
	if err != nil {
		return err
	}
	view := func(d learn.Dream) dreamView { return viewDream(d, spent[d.Job].Settled) }
	return wire.WriteList(w, dreams, more, view, func(v dreamView) string { return v.ID })
}

func (h dreams) get(w http.ResponseWriter, c *wire.Call) error {
	dream, err := h.store.Dream(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "dream")
	}
	return h.wait.shown(w, c, dream.Job, h.show)
}

func (h dreams) cancel(w http.ResponseWriter, c *wire.Call) error {
	if err := wire.NoBody(c); err != nil {
		return err
	}
	dream, err := h.store.Dream(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "dream")
	}
	if _, err := h.engine.Cancel(c.Context(), c.Tenant, dream.Job); err != nil {
		return err
	}
	return h.wait.shown(w, c, dream.Job, h.show)
}

// undoPreview is what undoing a dream would change.
type undoPreview struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Preview bool   `json:"preview"`
	learn.Withdrawal
}

// undo withdraws what a dream taught; with preview=true it only says what would go. Repeating it
// is harmless.
func (h dreams) undo(w http.ResponseWriter, c *wire.Call) error {
	if err := wire.NoBody(c); err != nil {
		return err
	}
	preview, err := gate.Preview(c)
	if err != nil {
		return err
	}
	dream, err := h.store.Dream(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "dream")
	}
	if dream.Finished.IsZero() {
		return &wire.Fault{
			Status: http.StatusConflict, Code: "dream_running",
			Message: "The dream is still running: cancel it, then undo it.",
		}
	}
	if preview {
		goes, err := h.store.Withdrawal(c.Context(), c.Tenant, dream.ID)
		if err != nil {
			return err
		}
		return wire.WriteJSON(w, http.StatusOK, undoPreview{dream.ID, "dream", true, goes})
	}
	if err := h.dropAnswers(c.Context(), dream); err != nil {
		return err
	}
	err = h.store.Tx(c.Context(), db.Synced, func(q *store.Queries) error {
		return q.UndoDream(c.Context(), c.Tenant, dream.ID)
	})
	if err != nil {
		return err
	}
	return h.wait.shown(w, c, dream.Job, h.showUndone)
}

// dropAnswers takes what a dream anticipated out of the cache, before anything else is withdrawn.
func (h dreams) dropAnswers(ctx context.Context, d learn.Dream) error {
	may := d.Ahead.Answers > 0 || d.Stage == stageAnticipate // a dream that was cancelled there tells no number
	if h.kept == nil || !may {
		return nil
	}
	if err := h.kept.Drop(ctx, kept.Names(d.ID)); err != nil {
		return &wire.Fault{
			Status: http.StatusServiceUnavailable, Code: "queue_unavailable", Err: err,
			Message: "What the dream put into the cache can not be removed just now: undo it again in a few seconds.",
		}
	}
	return nil
}

// stageAnticipate is the stage in which a dream puts answers into the cache.
const stageAnticipate = "anticipate"

// showUndone names the models that hold what was withdrawn: they stay as they are.
func (h dreams) showUndone(ctx context.Context, j job.Job) (any, error) {
	shown, err := h.show(ctx, j)
	view, ok := shown.(dreamView)
	if err != nil || !ok {
		return shown, err
	}
	view.Models, view.Serving, err = h.store.ModelsOfDream(ctx, j.Tenant, j.Subject)
	return view, err
}
