package api

import (
	"net/http"
	"sort"
	"strings"
	"time"

	"dreamlab/store"
)

// Models is what the API needs of the catalogue. It is safe for concurrent use.
type Models interface {
	// List returns every model that can be asked for.
	List() []Model
	// Find returns a model by the name provider/model.
	Find(name string) (Model, bool)
}

// Model is a vendor's model as the catalogue knows it.
type Model struct {
	Name        string // provider/model
	Context     int    // tokens; 0 where it is not known
	MostOutput  int    // tokens; 0 where it is not known
	Price       *ModelPrice
	Shutdown    time.Time // zero: none is announced
	Replacement string    // provider/model
	Released    time.Time
}

// ModelPrice is in nano-dollars per million tokens.
type ModelPrice struct{ Input, CachedInput, Output int64 }

// modelView is OpenAI's model object, with ours under dreamlab.
type modelView struct {
	ID      string    `json:"id"`
	Object  string    `json:"object"`
	Created int64     `json:"created"`
	OwnedBy string    `json:"owned_by"`
	Ours    modelOurs `json:"dreamlab"`
}

// modelOurs tells what a model costs and how long it lives. Prices are dollars
// per million tokens, null where they are not known.
type modelOurs struct {
	Kind          string              `json:"kind"` // alias, catalogue, tuned
	ContextWindow *int                `json:"context_window"`
	MostOutput    *int                `json:"max_output"`
	Price         *modelPriceView     `json:"price"`
	Lifecycle     modelLife           `json:"lifecycle"`
	Targets       []store.RouteTarget `json:"targets,omitempty"`
	Base          *string             `json:"base,omitempty"`
	Tune          *string             `json:"tune,omitempty"`
	HostingUSD    *usd                `json:"hosting_usd_per_hour,omitempty"`
	Sandbox       bool                `json:"sandbox"`
}

type modelPriceView struct {
	InputUSD       usd `json:"input_usd_per_million"`
	CachedInputUSD usd `json:"cached_input_usd_per_million"`
	OutputUSD      usd `json:"output_usd_per_million"`
}

type modelLife struct {
	// State is active, retiring or retired; of a tuned model candidate, serving or stopped.
	State       string  `json:"state"`
	ShutdownAt  *int64  `json:"shutdown_at"`
	Replacement *string `json:"replacement"`
}

func known(n int) *int {
	if n <= 0 {
		return nil
	}
	return &n
}

func viewPrice(p *ModelPrice) *modelPriceView {
	if p == nil {
		return nil
	}
	return &modelPriceView{usd(p.Input), usd(p.CachedInput), usd(p.Output)}
}

func lifeOf(m Model, now time.Time) modelLife {
	life := modelLife{State: "active", ShutdownAt: seconds(m.Shutdown), Replacement: orNull(m.Replacement)}
	switch {
	case m.Shutdown.IsZero():
	case m.Shutdown.After(now):
		life.State = "retiring"
	default:
		life.State = "retired"
	}
	return life
}

func (s *Server) viewCatalogue(m Model) modelView {
	provider, _, _ := strings.Cut(m.Name, "/")
	view := modelView{ID: m.Name, Object: "model", OwnedBy: provider, Ours: modelOurs{
		Kind: "catalogue", ContextWindow: known(m.Context), MostOutput: known(m.MostOutput),
		Price: viewPrice(m.Price), Lifecycle: lifeOf(m, time.Now()), Sandbox: s.Sandbox,
	}}
	if !m.Released.IsZero() {
		view.Created = m.Released.Unix()
	}
	return view
}

// viewAlias shows an alias with what holds for the target that is asked first.
func (s *Server) viewAlias(r store.Route) modelView {
	view := modelView{ID: r.Alias, Object: "model", Created: r.Created.Unix(), OwnedBy: "dreamlab",
		Ours: modelOurs{
			Kind: "alias", Lifecycle: modelLife{State: "active"}, Targets: some(r.Targets), Sandbox: s.Sandbox,
		}}
	if m, ok := s.firstTarget(r); ok {
		view.Ours.ContextWindow, view.Ours.MostOutput = known(m.Context), known(m.MostOutput)
		view.Ours.Price = viewPrice(m.Price)
	}
	return view
}

func (s *Server) firstTarget(r store.Route) (Model, bool) {
	primary, found := r.Primary()
	if !found {
		return Model{}, false
	}
	return s.Models.Find(primary.Model)
}

func (s *Server) viewTuned(m store.Model) modelView {
	view := modelView{ID: m.Name, Object: "model", Created: m.Created.Unix(), OwnedBy: m.Provider,
		Ours: modelOurs{
			Kind: "tuned", Lifecycle: modelLife{State: m.State}, Base: orNull(m.Base), Tune: orNull(m.Tune),
			HostingUSD: new(usd(m.NanoPerHour)), Sandbox: s.Sandbox,
		}}
	if priced, ok := s.Models.Find(m.Provider + "/" + m.Priced); ok {
		view.Ours.ContextWindow, view.Ours.MostOutput = known(priced.Context), known(priced.MostOutput)
		view.Ours.Price = viewPrice(priced.Price)
	}
	return view
}

// mostTuned bounds the tuned models in the list, which OpenAI's clients expect
// to be whole.
const mostTuned = 1000

// allModels returns aliases first, then tuned models, then the catalogue.
func (s *Server) allModels(c *call) ([]modelView, error) {
	routes, err := s.Store.Routes(c.Context(), c.key.Tenant)
	if err != nil {
		return nil, err
	}
	views := make([]modelView, 0, len(routes))
	for _, r := range routes {
		views = append(views, s.viewAlias(r))
	}
	tuned, err := s.tunedModels(c)
	if err != nil {
		return nil, err
	}
	listed := s.Models.List()
	sort.Slice(listed, func(i, j int) bool { return listed[i].Name < listed[j].Name })
	for _, m := range tuned {
		views = append(views, s.viewTuned(m))
	}
	for _, m := range listed {
		views = append(views, s.viewCatalogue(m))
	}
	return views, nil
}

func (s *Server) tunedModels(c *call) ([]store.Model, error) {
	var all []store.Model
	page := store.Page{Limit: mostPerPage, Ascending: true}
	for len(all) < mostTuned {
		some, more, err := s.Store.Models(c.Context(), c.key.Tenant, page)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if !more {
			break
		}
		page.After = some[len(some)-1].Name
	}
	return all, nil
}

func (s *Server) listModels(w http.ResponseWriter, c *call) error {
	views, err := s.allModels(c)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, listOf(views, false, func(v modelView) string { return v.ID }))
}

func (s *Server) getModel(w http.ResponseWriter, c *call) error {
	id := c.PathValue("id")
	if m, ok := s.Models.Find(id); ok {
		return writeJSON(w, http.StatusOK, s.viewCatalogue(m))
	}
	if r, err := s.Store.Route(c.Context(), c.key.Tenant, id); err == nil {
		return writeJSON(w, http.StatusOK, s.viewAlias(r))
	}
	m, err := s.Store.Model(c.Context(), c.key.Tenant, id)
	if err != nil {
		return orNoModel(err, id)
	}
	return writeJSON(w, http.StatusOK, s.viewTuned(m))
}
