package api

import (
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/tasks"
)

// Models is what the API needs of the catalogue. It is safe for concurrent use.
type Models interface {
	// List returns every model that can be asked for.
	List() []Model
	// Find returns a model by the name provider/model.
	Find(name string) (Model, bool)
	// TakesOption tells whether any vendor takes a parameter that OpenAI does not have.
	TakesOption(name string) bool
}

// Model is a vendor's model as the catalogue knows it.
type Model struct {
	Name        string // provider/model
	Context     int    // tokens; 0 where it is not known
	MostOutput  int    // tokens; 0 where it is not known
	Dimensions  int    // of its vectors; 0 where it makes none
	Can         []string
	Price       *ModelPrice
	State       string    // active, retiring, retired, or gone: its vendor has it no more
	Shutdown    time.Time // zero: none is announced
	Replacement string    // provider/model
	Released    time.Time
}

// ModelRates are in nano-dollars per million tokens.
type ModelRates struct{ Input, CachedInput, Output int64 }

// ModelPrice is what a model costs live, and in other ways that its vendor offers.
type ModelPrice struct {
	ModelRates
	Batch, Flex, Priority *ModelRates // nil where there is none
	From                  time.Time   // zero where the day is not known
}

type models struct {
	store   *store.Store
	catalog Models
	reap    reaping
	sandbox bool
}

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
	Dimensions    *int                `json:"dimensions,omitempty"`
	Can           []string            `json:"capabilities"`
	Price         *modelPriceView     `json:"price"`
	Lifecycle     modelLife           `json:"lifecycle"`
	Targets       []learn.RouteTarget `json:"targets,omitempty"`
	Base          *string             `json:"base,omitempty"`
	Tune          *string             `json:"tune,omitempty"`
	HostingUSD    *money.USD          `json:"hosting_usd_per_hour,omitempty"`
	Sandbox       bool                `json:"sandbox"`
}

type modelRatesView struct {
	InputUSD       money.USD `json:"input_usd_per_million"`
	CachedInputUSD money.USD `json:"cached_input_usd_per_million"`
	OutputUSD      money.USD `json:"output_usd_per_million"`
}

type modelPriceView struct {
	modelRatesView
	Batch    *modelRatesView `json:"batch"`
	Flex     *modelRatesView `json:"flex"`
	Priority *modelRatesView `json:"priority"`
	From     *int64          `json:"from"`
}

type modelLife struct {
	// State is active, retiring, retired or gone; of a tuned model trained,
	// candidate, serving or stopped.
	State       string  `json:"state"`
	ShutdownAt  *int64  `json:"shutdown_at"`
	Replacement *string `json:"replacement"`
	// TaintedAt is when a conversation was forgotten that a tuned model learned from.
	TaintedAt *int64 `json:"tainted_at,omitempty"`
	// AgedAt is when a conversation was deleted for its age that a tuned model learned from.
	AgedAt *int64 `json:"aged_at,omitempty"`
}

func counted(n int) *int {
	if n <= 0 {
		return nil
	}
	return &n
}

func viewRates(r *ModelRates) *modelRatesView {
	if r == nil {
		return nil
	}
	return &modelRatesView{money.USD(r.Input), money.USD(r.CachedInput), money.USD(r.Output)}
}

func viewPrice(p *ModelPrice) *modelPriceView {
	if p == nil {
		return nil
	}
	return &modelPriceView{
		modelRatesView: *viewRates(&p.ModelRates), Batch: viewRates(p.Batch), Flex: viewRates(p.Flex),
		Priority: viewRates(p.Priority), From: wire.Seconds(p.From),
	}
}

// show adds what the catalogue knows of the model that answers.
func (o *modelOurs) show(m Model) {
	o.ContextWindow, o.MostOutput, o.Dimensions = counted(m.Context), counted(m.MostOutput), counted(m.Dimensions)
	o.Can, o.Price = wire.Some(m.Can), viewPrice(m.Price)
}

func (h models) viewCatalogue(m Model) modelView {
	provider, _, _ := strings.Cut(m.Name, "/")
	life := modelLife{State: m.State, ShutdownAt: wire.Seconds(m.Shutdown), Replacement: wire.OrNull(m.Replacement)}
	view := modelView{ID: m.Name, Object: "model", OwnedBy: provider,
		Ours: modelOurs{Kind: "catalogue", Lifecycle: life, Sandbox: h.sandbox}}
	view.Ours.show(m)
	if !m.Released.IsZero() {
		view.Created = m.Released.Unix()
	}
	return view
}

// viewAlias shows an alias with what holds for the target that is asked first.
func (h models) viewAlias(r learn.Route) modelView {
	view := modelView{ID: r.Alias, Object: "model", Created: r.Created.Unix(), OwnedBy: "dreamlab",
		Ours: modelOurs{
			Kind: "alias", Lifecycle: modelLife{State: "active"}, Targets: wire.Some(r.Targets), Can: []string{}, Sandbox: h.sandbox,
		}}
	if m, ok := h.firstTarget(r); ok {
		view.Ours.show(m)
	}
	return view
}

func (h models) firstTarget(r learn.Route) (Model, bool) {
	primary, found := r.Primary()
	if !found {
		return Model{}, false
	}
	return h.catalog.Find(primary.Model)
}

func (h models) viewTuned(m learn.Model) modelView {
	view := modelView{ID: m.Name, Object: "model", Created: m.Created.Unix(), OwnedBy: m.Provider,
		Ours: modelOurs{
			Kind: "tuned", Can: []string{},
			Lifecycle: modelLife{State: m.State, TaintedAt: wire.Seconds(m.Tainted), AgedAt: wire.Seconds(m.Aged)},
			Base:      wire.OrNull(m.Base), Tune: wire.OrNull(m.Tune),
			HostingUSD: new(money.USD(m.NanoPerHour)), Sandbox: h.sandbox,
		}}
	if priced, ok := h.catalog.Find(m.Provider + "/" + m.Priced); ok {
		view.Ours.show(priced)
	}
	if m.NanoPerHour > 0 {
		view.Ours.Price = viewPrice(&ModelPrice{}) // its hours are billed, not its tokens
	}
	return view
}

// maxTuned bounds the tuned models in the list, which OpenAI's clients expect
// to be whole.
const maxTuned = 1000

// all returns aliases first, then tuned models, then the catalogue.
func (h models) all(c *wire.Call) ([]modelView, error) {
	routes, err := h.store.Routes(c.Context(), c.Tenant)
	if err != nil {
		return nil, err
	}
	views := make([]modelView, 0, len(routes))
	for _, r := range routes {
		views = append(views, h.viewAlias(r))
	}
	tuned, err := h.tuned(c)
	if err != nil {
		return nil, err
	}
	listed := h.catalog.List()
	sort.Slice(listed, func(i, j int) bool { return listed[i].Name < listed[j].Name })
	for _, m := range tuned {
		views = append(views, h.viewTuned(m))
	}
	for _, m := range listed {
		views = append(views, h.viewCatalogue(m))
	}
	return views, nil
}

func (h models) tuned(c *wire.Call) ([]learn.Model, error) {
	var all []learn.Model
	page := db.Page{Limit: wire.MaxPerPage, Ascending: true}
	for len(all) < maxTuned {
		some, more, err := h.store.Models(c.Context(), c.Tenant, page)
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

func (h models) list(w http.ResponseWriter, c *wire.Call) error {
	views, err := h.all(c)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, wire.ListOf(views, false, func(v modelView) string { return v.ID }))
}

func (h models) get(w http.ResponseWriter, c *wire.Call) error {
	id := c.PathValue("id")
	if m, ok := h.catalog.Find(id); ok {
		return wire.WriteJSON(w, http.StatusOK, h.viewCatalogue(m))
	}
	if r, err := h.store.Route(c.Context(), c.Tenant, id); err == nil {
		return wire.WriteJSON(w, http.StatusOK, h.viewAlias(r))
	}
	m, err := h.store.Model(c.Context(), c.Tenant, id)
	if err != nil {
		return gate.OrNoModel(err, id)
	}
	return wire.WriteJSON(w, http.StatusOK, h.viewTuned(m))
}

// delete withdraws a tuned model of the tenant's, and has it served no more.
func (h models) delete(w http.ResponseWriter, c *wire.Call) error {
	id := c.PathValue("id")
	if _, err := h.store.Model(c.Context(), c.Tenant, id); err != nil {
		return h.notTuned(c, id, err)
	}
	if err := h.checkReplaced(c, id); err != nil {
		return err
	}
	if err := h.store.WithdrawModel(c.Context(), c.Tenant, id); err != nil {
		return gate.OrNoModel(err, id)
	}
	h.reap.now(c.Context(), tasks.ReapInput{})
	return wire.WriteJSON(w, http.StatusOK, deletedView{ID: id, Object: "model", Deleted: true})
}

// notTuned tells a name that stands for something else from one that is not known.
func (h models) notTuned(c *wire.Call, id string, err error) error {
	_, listed := h.catalog.Find(id)
	_, unrouted := h.store.Route(c.Context(), c.Tenant, id)
	if listed || unrouted == nil {
		return &wire.Fault{Status: http.StatusForbidden, Code: "forbidden", Param: "model",
			Message: "Only a tuned model can be deleted, by its own name."}
	}
	return gate.OrNoModel(err, id)
}

// checkReplaced keeps an alias from being left without any model.
func (h models) checkReplaced(c *wire.Call, id string) error {
	routes, err := h.store.Routes(c.Context(), c.Tenant)
	if err != nil {
		return err
	}
	for _, r := range routes {
		other := func(t learn.RouteTarget) bool { return t.Model != id }
		if !slices.ContainsFunc(r.Targets, other) {
			return &wire.Fault{Status: http.StatusConflict, Code: "invalid_request", Param: "model",
				Message: "The alias " + r.Alias + " has no other model: change its route first, by PUT /v1/routes/" + r.Alias + "."}
		}
	}
	return nil
}
