package api

import (
	"errors"
	"net/http"

	"dreamlab/store"
)

// The routes in this file are those of the first Dream Lab, for those who
// still call them. They show what /v1 shows, in fewer words.

type legacyStatusView struct {
	Status      string     `json:"status"` // dreaming, idle
	Dream       *dreamView `json:"dream"`  // the one that runs, else the last
	Undreamt    int        `json:"pending_experiences"`
	Sandbox     bool       `json:"sandbox"`
	NewExamples int        `json:"new_examples"`
}

// mostCounted bounds the counts that are shown.
const mostCounted = 10_000

func (s *Server) legacyStatus(w http.ResponseWriter, c *call) error {
	view := legacyStatusView{Status: "idle", Sandbox: s.Sandbox}
	var err error
	if view.Undreamt, err = s.Store.FreshCount(c.Context(), c.key.Tenant, mostCounted); err != nil {
		return err
	}
	if view.NewExamples, err = s.Store.NewExamples(c.Context(), c.key.Tenant, store.DefaultAlias,
		mostCounted); err != nil {
		return err
	}
	dreams, _, err := s.Store.Dreams(c.Context(), c.key.Tenant, store.Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(dreams) > 0 {
		spent, err := s.Store.JobSpend(c.Context(), dreams[0].Job)
		if err != nil {
			return err
		}
		view.Dream = new(viewDream(dreams[0], spent.Settled))
		if dreams[0].Finished.IsZero() {
			view.Status = "dreaming"
		}
	}
	return writeJSON(w, http.StatusOK, view)
}

type legacyMemoriesView struct {
	Memories []lessonView `json:"memories"`
	Count    int          `json:"count"`
}

func (s *Server) legacyMemories(w http.ResponseWriter, c *call) error {
	m, err := s.Store.Memory(c.Context(), c.key.Tenant)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	lessons := viewMemory(m).Lessons
	return writeJSON(w, http.StatusOK, legacyMemoriesView{Memories: lessons, Count: len(lessons)})
}

type legacyStatsView struct {
	NewExamples int              `json:"new_examples"`
	Datasets    []datasetView    `json:"datasets"`
	Tunes       []tuneView       `json:"tunes"`
	Evaluations []evaluationView `json:"evaluations"`
}

// newest is how many of each are shown.
const newest = 5

func (s *Server) legacyStats(w http.ResponseWriter, c *call) error {
	ctx, tenant, page := c.Context(), c.key.Tenant, store.Page{Limit: newest}
	view := legacyStatsView{Datasets: []datasetView{}, Tunes: []tuneView{}, Evaluations: []evaluationView{}}
	var err error
	if view.NewExamples, err = s.Store.NewExamples(ctx, tenant, store.DefaultAlias, mostCounted); err != nil {
		return err
	}
	datasets, _, err := s.Store.Datasets(ctx, tenant, page)
	if err != nil {
		return err
	}
	for _, d := range datasets {
		shown, err := s.viewDataset(ctx, d)
		if err != nil {
			return err
		}
		view.Datasets = append(view.Datasets, shown)
	}
	if err := s.addTunes(c, &view, page); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, view)
}

func (s *Server) addTunes(c *call, view *legacyStatsView, page store.Page) error {
	tunes, _, err := s.Store.Tunes(c.Context(), c.key.Tenant, page)
	if err != nil {
		return err
	}
	spent, err := spentBy(c.Context(), s, tunes, jobOfTune)
	if err != nil {
		return err
	}
	for _, t := range tunes {
		view.Tunes = append(view.Tunes, viewTune(t, spent[t.Job].Settled))
	}
	evaluations, _, err := s.Store.Evaluations(c.Context(), c.key.Tenant, page)
	for _, e := range evaluations {
		view.Evaluations = append(view.Evaluations, viewEvaluation(e))
	}
	return err
}
