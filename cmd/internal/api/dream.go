package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"dreamlab/store"
	"dreamlab/tasks"
)

type dreamView struct {
	ID          string            `json:"id"`
	Object      string            `json:"object"`
	Job         string            `json:"job"`
	Status      string            `json:"status"`
	Error       *store.JobError   `json:"error"`
	Mode        string            `json:"mode"`
	Stage       string            `json:"stage"`
	Counts      store.DreamCounts `json:"counts"`
	BudgetUSD   *usd              `json:"budget_usd"`
	CostUSD     usd               `json:"cost_usd"`
	LiveCostUSD usd               `json:"live_cost_usd"`
	Result      json.RawMessage   `json:"result"`
	CreatedAt   *int64            `json:"created_at"`
	FinishedAt  *int64            `json:"finished_at"`
	UndoneAt    *int64            `json:"undone_at"`
}

func viewDream(d store.Dream, cost int64) dreamView {
	if d.Counts.Rejected == nil {
		d.Counts.Rejected = map[string]int{}
	}
	return dreamView{
		ID: d.ID, Object: "dream", Job: d.Job, Status: statusOf(d.Status), Error: d.Error, Mode: d.Mode,
		Stage:  d.Stage,
		Counts: d.Counts, BudgetUSD: (*usd)(d.Budget), CostUSD: usd(cost), LiveCostUSD: usd(d.LiveCost),
		Result: json.RawMessage("null"), CreatedAt: seconds(d.Created), FinishedAt: seconds(d.Finished),
		UndoneAt: seconds(d.Undone),
	}
}

// showDream shows the dream of a job, with what the job answered: a dry run
// says there what it would cost.
func (s *Server) showDream(ctx context.Context, job store.Job) (any, error) {
	dream, err := s.Store.Dream(ctx, job.Tenant, job.Subject)
	if err != nil {
		return nil, orMissing(err, "dream")
	}
	spent, err := s.spent(ctx, job)
	if err != nil {
		return nil, err
	}
	view := viewDream(dream, spent)
	view.Result = rawOr(job.Result, "null")
	return view, nil
}

// askDream asks for a dream and the row that holds it.
func (s *Server) askDream(c *call, body []byte) (asked, error) {
	input, err := tasks.ParseDream(body)
	if err != nil {
		return asked{}, err
	}
	budget, err := budgetOf(input)
	if err != nil {
		return asked{}, err
	}
	job := store.NewJob{ID: store.NewID("job_"), Kind: string(tasks.DreamPlan), Subject: store.NewID("drm_"),
		Input: encoded(input)}
	dream := store.Dream{
		ID: job.Subject, Tenant: c.key.Tenant, Job: job.ID, Mode: input.Mode, Stage: "seal", Budget: budget,
	}
	write := func(ctx context.Context, q *store.Queries) error {
		err := q.AddDream(ctx, dream)
		if errors.Is(err, store.ErrConflict) {
			return &fault{
				Status: http.StatusConflict, Code: "dream_running",
				Message: "A dream of this tenant is running: wait for it, or cancel it first.",
			}
		}
		return err
	}
	return asked{job: job, hash: hashOf(c, body), write: write}, nil
}

// budgetOf returns nano-dollars, nil where the tenant's own budget holds.
func budgetOf(input *tasks.DreamInput) (*int64, error) {
	nano, given, err := input.Budget()
	if err != nil || !given {
		return nil, err
	}
	return &nano, nil
}

// encoded turns one of our own inputs into JSON.
func encoded(input any) json.RawMessage {
	text, err := plainJSON(input)
	if err != nil {
		panic(err) // inputs are plain structs, which always marshal
	}
	return text
}

func (s *Server) createDream(w http.ResponseWriter, c *call) error {
	body, err := objectBody(c)
	if err != nil {
		return err
	}
	a, err := s.askDream(c, body)
	if err != nil {
		return err
	}
	job, _, err := s.accept(c, a)
	if err != nil {
		return err
	}
	return s.background(w, c, job, "/v1/dreams/"+job.Subject, s.showDream)
}

func (s *Server) listDreams(w http.ResponseWriter, c *call) error {
	page, err := paged(c)
	if err != nil {
		return err
	}
	dreams, more, err := s.Store.Dreams(c.Context(), c.key.Tenant, page)
	if err != nil {
		return err
	}
	spent, err := spentBy(c.Context(), s, dreams, func(d store.Dream) string { return d.Job })
	if err != nil {
		return err
	}
	view := func(d store.Dream) dreamView { return viewDream(d, spent[d.Job].Settled) }
	return writeList(w, dreams, more, view, func(v dreamView) string { return v.ID })
}

func (s *Server) getDream(w http.ResponseWriter, c *call) error {
	dream, err := s.Store.Dream(c.Context(), c.key.Tenant, c.PathValue("id"))
	if err != nil {
		return orMissing(err, "dream")
	}
	return s.answerSubject(w, c, dream.Job, s.showDream)
}

// answerSubject shows a noun by the job that works for it.
func (s *Server) answerSubject(w http.ResponseWriter, c *call, id string,
	show func(context.Context, store.Job) (any, error),
) error {
	c.job = id
	job, err := s.Store.Job(c.Context(), c.key.Tenant, id)
	if err != nil {
		return err
	}
	if job, _, err = s.awaited(w, c, job); err != nil {
		return err
	}
	view, err := show(c.Context(), job)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, view)
}

func (s *Server) cancelDream(w http.ResponseWriter, c *call) error {
	dream, err := s.Store.Dream(c.Context(), c.key.Tenant, c.PathValue("id"))
	if err != nil {
		return orMissing(err, "dream")
	}
	if _, err := s.Engine.Cancel(c.Context(), c.key.Tenant, dream.Job); err != nil {
		return err
	}
	return s.answerSubject(w, c, dream.Job, s.showDream)
}

// undoDream withdraws what a dream taught. Repeating it is harmless.
func (s *Server) undoDream(w http.ResponseWriter, c *call) error {
	dream, err := s.Store.Dream(c.Context(), c.key.Tenant, c.PathValue("id"))
	if err != nil {
		return orMissing(err, "dream")
	}
	if dream.Finished.IsZero() {
		return &fault{
			Status: http.StatusConflict, Code: "dream_running",
			Message: "The dream is still running: cancel it, then undo it.",
		}
	}
	err = s.Store.Tx(c.Context(), store.Synced, func(q *store.Queries) error {
		return q.UndoDream(c.Context(), c.key.Tenant, dream.ID)
	})
	if err != nil {
		return err
	}
	return s.answerSubject(w, c, dream.Job, s.showDream)
}
