package api

import (
	"context"
	"errors"
	"net/http"

	"dreamlab/store"
	"dreamlab/tasks"
)

type tuneView struct {
	ID            string          `json:"id"`
	Object        string          `json:"object"`
	Job           string          `json:"job"`
	Status        string          `json:"status"`
	Error         *store.JobError `json:"error"`
	Alias         string          `json:"alias"`
	Base          string          `json:"base"`
	Stage         string          `json:"stage"`
	Dataset       *string         `json:"dataset"`
	FineTuningJob *string         `json:"fine_tuning_job"`
	Evaluation    *string         `json:"evaluation"`
	Decision      *store.Decision `json:"decision"`
	CostUSD       usd             `json:"cost_usd"`
	CreatedAt     *int64          `json:"created_at"`
	FinishedAt    *int64          `json:"finished_at"`
}

func viewTune(t store.Tune, cost int64) tuneView {
	return tuneView{
		ID: t.ID, Object: "tune", Job: t.Job, Status: statusOf(t.Status), Error: t.Error, Alias: t.Alias,
		Base:  t.Base,
		Stage: t.Stage, Dataset: orNull(t.Dataset), FineTuningJob: orNull(t.Training),
		Evaluation: orNull(t.Evaluation),
		Decision:   t.Decision, CostUSD: usd(cost), CreatedAt: seconds(t.Created), FinishedAt: seconds(t.Finished),
	}
}

func (s *Server) showTune(ctx context.Context, job store.Job) (any, error) {
	tune, err := s.Store.Tune(ctx, job.Tenant, job.Subject)
	if err != nil {
		return nil, orMissing(err, "tune")
	}
	spent, err := s.spent(ctx, job)
	return viewTune(tune, spent), err
}

// askTune asks for a tune and the row that holds it.
func (s *Server) askTune(c *call, body []byte) (asked, error) {
	input, err := tasks.ParseTune(body)
	if err != nil {
		return asked{}, err
	}
	if input.Base == "" {
		input.Base = s.Base
	}
	job := store.NewJob{ID: store.NewID("job_"), Kind: string(tasks.TuneCurate), Subject: store.NewID("tun_"),
		Input: encoded(input)}
	tune := store.Tune{
		ID: job.Subject, Tenant: c.key.Tenant, Alias: input.Alias, Base: input.Base, Job: job.ID,
		Stage: "curate", State: []byte("{}"),
	}
	write := func(ctx context.Context, q *store.Queries) error {
		err := q.AddTune(ctx, tune)
		if errors.Is(err, store.ErrConflict) {
			return &fault{
				Status: http.StatusConflict, Code: "invalid_request", Param: "alias",
				Message: "A tune of this alias is running: wait for it, or cancel it first.",
			}
		}
		return err
	}
	return asked{job: job, hash: hashOf(c, body), write: write}, nil
}

func (s *Server) createTune(w http.ResponseWriter, c *call) error {
	body, err := objectBody(c)
	if err != nil {
		return err
	}
	a, err := s.askTune(c, body)
	if err != nil {
		return err
	}
	job, _, err := s.accept(c, a)
	if err != nil {
		return err
	}
	return s.background(w, c, job, "/v1/tunes/"+job.Subject, s.showTune)
}

func jobOfTune(t store.Tune) string { return t.Job }

func (s *Server) listTunes(w http.ResponseWriter, c *call) error {
	page, err := paged(c)
	if err != nil {
		return err
	}
	tunes, more, err := s.Store.Tunes(c.Context(), c.key.Tenant, page)
	if err != nil {
		return err
	}
	spent, err := spentBy(c.Context(), s, tunes, jobOfTune)
	if err != nil {
		return err
	}
	view := func(t store.Tune) tuneView { return viewTune(t, spent[t.Job].Settled) }
	return writeList(w, tunes, more, view, func(v tuneView) string { return v.ID })
}

func (s *Server) getTune(w http.ResponseWriter, c *call) error {
	tune, err := s.Store.Tune(c.Context(), c.key.Tenant, c.PathValue("id"))
	if err != nil {
		return orMissing(err, "tune")
	}
	return s.answerSubject(w, c, tune.Job, s.showTune)
}

func (s *Server) cancelTune(w http.ResponseWriter, c *call) error {
	tune, err := s.Store.Tune(c.Context(), c.key.Tenant, c.PathValue("id"))
	if err != nil {
		return orMissing(err, "tune")
	}
	if _, err := s.Engine.Cancel(c.Context(), c.key.Tenant, tune.Job); err != nil {
		return err
	}
	return s.answerSubject(w, c, tune.Job, s.showTune)
}
