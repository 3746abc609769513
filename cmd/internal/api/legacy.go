package api

import (
	"errors"
	"net/http"

	"dreamlab/cmd/internal/api/learned"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// The routes in this file are those of the first Dream Lab, for clients that
// still call them. They show what /v1 shows, in fewer words.

type legacy struct {
	store    *store.Store
	datasets datasets
	sandbox  bool
}

type legacyStatusView struct {
	Status      string     `json:"status"` // dreaming, idle
	Dream       *dreamView `json:"dream"`  // the one that runs, else the last
	Undreamt    int        `json:"pending_experiences"`
	Sandbox     bool       `json:"sandbox"`
	NewExamples int        `json:"new_examples"`
	// TuneClock is what the clock that starts tunes says of each alias.
	TuneClock []clockView `json:"tune_clock"`
}

type clockView struct {
	Alias string `json:"alias"`
	Says  string `json:"says"`
	Since int64  `json:"since"`
}

// maxCounted bounds the counts that are shown, so that a status costs little.
const maxCounted = 10_000

func (h legacy) status(w http.ResponseWriter, c *wire.Call) error {
	view := legacyStatusView{Status: "idle", Sandbox: h.sandbox}
	var err error
	if view.Undreamt, err = h.store.FreshCount(c.Context(), c.Tenant, maxCounted); err != nil {
		return err
	}
	if view.NewExamples, err = h.store.NewExamples(c.Context(), c.Tenant, learn.DefaultAlias,
		maxCounted); err != nil {
		return err
	}
	notes, err := h.store.ClockNotes(c.Context(), c.Tenant)
	if err != nil {
		return err
	}
	view.TuneClock = make([]clockView, len(notes))
	for i, n := range notes {
		view.TuneClock[i] = clockView{n.Alias, n.Says, n.Since.Unix()}
	}
	dreams, _, err := h.store.Dreams(c.Context(), c.Tenant, db.Filter{}, db.Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(dreams) > 0 {
		spent, err := h.store.JobSpend(c.Context(), dreams[0].Job)
		if err != nil {
			return err
		}
		view.Dream = new(viewDream(dreams[0], spent.Settled))
		if dreams[0].Finished.IsZero() {
			view.Status = "dreaming"
		}
	}
	return wire.WriteJSON(w, http.StatusOK, view)
}

type legacyMemoriesView struct {
	Memories []learned.Lesson `json:"memories"`
	Count    int              `json:"count"`
}

func (h legacy) memories(w http.ResponseWriter, c *wire.Call) error {
	m, err := h.store.Memory(c.Context(), c.Tenant)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return err
	}
	lessons := learned.ViewLessons(m)
	return wire.WriteJSON(w, http.StatusOK, legacyMemoriesView{Memories: lessons, Count: len(lessons)})
}

type legacyStatsView struct {
	NewExamples int              `json:"new_examples"`
	Datasets    []datasetView    `json:"datasets"`
	Tunes       []tuneView       `json:"tunes"`
	Evaluations []evaluationView `json:"evaluations"`
}

// newest is how many of each are shown.
const newest = 5

func (h legacy) stats(w http.ResponseWriter, c *wire.Call) error {
	ctx, tenant, page := c.Context(), c.Tenant, db.Page{Limit: newest}
	view := legacyStatsView{Datasets: []datasetView{}, Tunes: []tuneView{}, Evaluations: []evaluationView{}}
	var err error
	if view.NewExamples, err = h.store.NewExamples(ctx, tenant, learn.DefaultAlias, maxCounted); err != nil {
		return err
	}
	datasets, _, err := h.store.Datasets(ctx, tenant, db.Filter{}, page)
	if err != nil {
		return err
	}
	for _, d := range datasets {
		shown, err := h.datasets.view(ctx, d)
		if err != nil {
			return err
		}
		view.Datasets = append(view.Datasets, shown)
	}
	if err := h.addTunes(c, &view, page); err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, view)
}

func (h legacy) addTunes(c *wire.Call, view *legacyStatsView, page db.Page) error {
	tunes, _, err := h.store.Tunes(c.Context(), c.Tenant, db.Filter{}, page)
	if err != nil {
		return err
	}
	spent, err := spentBy(c.Context(), h.store, tunes, jobOfTune)
	if err != nil {
		return err
	}
	for _, t := range tunes {
		view.Tunes = append(view.Tunes, viewTune(t, spent[t.Job].Settled))
	}
	evaluations, _, err := h.store.Evaluations(c.Context(), c.Tenant, db.Filter{}, page)
	for _, e := range evaluations {
		view.Evaluations = append(view.Evaluations, viewEvaluation(e))
	}
	return err
}
