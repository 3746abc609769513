package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// routing is the table of aliases that traffic follows.
type routing struct {
	store  *store.Store
	models Models
}

type routeView struct {
	ID        string              `json:"id"` // the alias
	Object    string              `json:"object"`
	Alias     string              `json:"alias"`
	Version   int64               `json:"version"`
	Targets   []learn.RouteTarget `json:"targets"`
	Canary    *canaryView         `json:"canary"`
	Reason    string              `json:"reason"`
	Author    string              `json:"author"`
	CreatedAt *int64              `json:"created_at"`
	History   []routeView         `json:"history,omitempty"`
}

func viewRoute(r learn.Route) routeView {
	return routeView{
		ID: r.Alias, Object: "route", Alias: r.Alias, Version: r.Version, Targets: wire.Some(r.Targets),
		Canary: canaryOf(r),
		Reason: r.Reason, Author: r.Author, CreatedAt: wire.Seconds(r.Created),
	}
}

func (h routing) list(w http.ResponseWriter, c *wire.Call) error {
	rows, err := h.store.Routes(c.Context(), c.Tenant)
	if err != nil {
		return err
	}
	view, err := h.withCanaries(c.Context(), c.Tenant)
	if err != nil {
		return err
	}
	return wire.WriteList(w, rows, false, view, func(v routeView) string { return v.ID })
}

const shownHistory = 20

func (h routing) get(w http.ResponseWriter, c *wire.Call) error {
	r, err := h.store.Route(c.Context(), c.Tenant, c.PathValue("alias"))
	if err != nil {
		return gate.OrMissing(err, "route")
	}
	history, err := h.store.RouteHistory(c.Context(), c.Tenant, r.Alias, shownHistory)
	if err != nil {
		return err
	}
	shown, err := h.withCanaries(c.Context(), c.Tenant)
	if err != nil {
		return err
	}
	view := shown(r)
	for _, r := range history {
		view.History = append(view.History, viewRoute(r))
	}
	w.Header().Set("ETag", etag(r.Version))
	return wire.WriteJSON(w, http.StatusOK, view)
}

func etag(version int64) string { return fmt.Sprintf(`"%d"`, version) }

// newRoute is the body of PUT /v1/routes/{alias}.
type newRoute struct {
	Targets []learn.RouteTarget `json:"targets"`
	Reason  string              `json:"reason"`
	Version *int64              `json:"version"` // the one that the client saw, as If-Match
}

func (h routing) put(w http.ResponseWriter, c *wire.Call) error {
	alias := c.PathValue("alias")
	if !learn.ValidAlias(alias) {
		return wire.Invalid("alias", "An alias has at most 64 small letters, digits, dots, dashes and underscores.")
	}
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	var n newRoute
	if err := wire.Decode(body, &n); err != nil {
		return err
	}
	if err := h.checkTargets(c, n.Targets); err != nil {
		return err
	}
	seen, err := h.seenVersion(c, alias, n.Version)
	if err != nil {
		return err
	}
	if n.Reason == "" {
		n.Reason = "set by hand"
	}
	for i := range n.Targets {
		n.Targets[i].Canary = "" // a route that is set by hand has none
	}
	return h.set(w, c, learn.Route{Alias: alias, Version: seen, Targets: n.Targets, Reason: n.Reason})
}

// maxTargets bounds the models of a route: each call looks at all of them.
const maxTargets = 32

func (h routing) checkTargets(c *wire.Call, targets []learn.RouteTarget) error {
	if len(targets) == 0 || len(targets) > maxTargets {
		return wire.Invalid("targets", "targets is a list of 1 to %d models.", maxTargets)
	}
	first := 0
	for i, t := range targets {
		param := fmt.Sprintf("targets[%d]", i)
		switch {
		case t.Weight < 0 || t.Weight > 1_000_000:
			return wire.Invalid(param+".weight", "weight is a number from 0 to 1,000,000.")
		case t.Tier < 0 || t.Tier > 9:
			return wire.Invalid(param+".tier", "tier is a number from 0, which is tried first, to 9.")
		}
		if err := h.checkModel(c, t.Model); err != nil {
			f := gate.FaultOf(err)
			f.Param = param + ".model"
			return f
		}
		if t.Tier == 0 {
			first += t.Weight
		}
	}
	if first == 0 {
		return wire.Invalid("targets", "One target of tier 0 needs a weight above 0.")
	}
	return nil
}

// checkModel makes sure that a name stands for a model of the catalogue or a
// tuned one of the tenant's.
func (h routing) checkModel(c *wire.Call, name string) error {
	if _, ok := h.models.Find(name); ok {
		return nil
	}
	_, err := h.store.Model(c.Context(), c.Tenant, name)
	if !errors.Is(err, db.ErrNotFound) {
		return err
	}
	if _, aliasErr := h.store.Route(c.Context(), c.Tenant, name); aliasErr == nil {
		return wire.Invalid("", "%s is an alias: name the model itself, as GET /v1/routes/%s shows it.", name, name)
	}
	return gate.OrNoModel(err, name)
}

// seenVersion returns the version that the client saw; without one it is the
// version in force.
func (h routing) seenVersion(c *wire.Call, alias string, given *int64) (int64, error) {
	if match := c.Header.Get("If-Match"); match != "" && match != "*" {
		version, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(match, "W/"), `"`), 10, 64)
		if err != nil {
			return 0, wire.Invalid("If-Match", "If-Match is the route's version, as ETag gave it.")
		}
		return version, nil
	}
	if given != nil {
		return *given, nil
	}
	r, err := h.store.Route(c.Context(), c.Tenant, alias)
	if errors.Is(err, db.ErrNotFound) {
		return 0, nil
	}
	return r.Version, err
}

// set puts a version in force, unless another did since.
func (h routing) set(w http.ResponseWriter, c *wire.Call, r learn.Route) error {
	r.Tenant, r.Author = c.Tenant, c.Key
	set, err := h.store.SetRoute(c.Context(), r)
	if errors.Is(err, db.ErrConflict) {
		return &wire.Fault{
			Status: http.StatusPreconditionFailed, Code: "invalid_request", Param: "version", Err: err,
			Message: "The route was changed since that version: read it again, then decide.",
		}
	}
	var tainted *learn.TaintedError
	if errors.As(err, &tainted) {
		return &wire.Fault{
			Status: http.StatusConflict, Code: "invalid_request", Param: "targets", Err: err,
			Message: tainted.Error() + ".",
		}
	}
	if err != nil {
		return err
	}
	if set, err = h.store.Route(c.Context(), c.Tenant, set.Alias); err != nil {
		return err
	}
	w.Header().Set("ETag", etag(set.Version))
	return wire.WriteJSON(w, http.StatusOK, viewRoute(set))
}

// newRollback is the body of POST /v1/routes/{alias}/rollback.
type newRollback struct {
	Version json.RawMessage `json:"version"` // to go back to. Defaults to what served before.
}

// version reads the number; null is no version, and is not taken for the default.
func (n newRollback) version() (*int64, error) {
	if len(n.Version) == 0 {
		return nil, nil
	}
	version, err := strconv.ParseInt(string(n.Version), 10, 64)
	if err != nil {
		return nil, wire.Invalid("version", "version is a number, as GET shows it: leave it out for the one before.")
	}
	return &version, nil
}

// rollbackPreview is what a rollback would change.
type rollbackPreview struct {
	ID      string              `json:"id"`
	Object  string              `json:"object"`
	Preview bool                `json:"preview"`
	Version int64               `json:"version"` // whose targets would be in force again
	Targets []learn.RouteTarget `json:"targets"`
	Now     routeView           `json:"now"`
}

// rollBack puts an earlier version's targets in force again, as a new version; with preview=true
// it only says which.
func (h routing) rollBack(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.ObjectBody(c)
	if err != nil {
		return err
	}
	var n newRollback
	if err := wire.Decode(body, &n); err != nil {
		return err
	}
	preview, err := gate.Preview(c)
	if err != nil {
		return err
	}
	alias := c.PathValue("alias")
	history, err := h.store.RouteHistory(c.Context(), c.Tenant, alias, wire.MaxPerPage)
	if err != nil {
		return err
	}
	earlier, err := n.earlier(history)
	if err != nil {
		return err
	}
	if preview {
		return wire.WriteJSON(w, http.StatusOK, rollbackPreview{
			alias, "route", true, earlier.Version, wire.Some(earlier.Targets), viewRoute(history[0]),
		})
	}
	return h.set(w, c, learn.Route{
		Alias: alias, Version: history[0].Version, Targets: earlier.Targets, Origin: earlier.Origin,
		Reason: fmt.Sprintf("rolled back to version %d", earlier.Version),
	})
}

// earlier finds the version to go back to.
func (n newRollback) earlier(history []learn.Route) (learn.Route, error) {
	version, err := n.version()
	if err != nil {
		return learn.Route{}, err
	}
	if len(history) == 0 {
		return learn.Route{}, wire.Missing("route")
	}
	return pickVersion(history, version)
}

// pickVersion finds the version that was named, or the one that served before.
func pickVersion(history []learn.Route, version *int64) (learn.Route, error) {
	if version == nil {
		if r, ok := learn.Before(history); ok {
			return r, nil
		}
	}
	for _, r := range history[1:] {
		if version != nil && r.Version == *version {
			return r, nil
		}
	}
	return learn.Route{}, wire.Invalid("version", "There is no such earlier version: GET the route to see its "+
		"history.")
}
