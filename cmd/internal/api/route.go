package api

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"dreamlab/store"
)

type routeView struct {
	ID        string              `json:"id"` // the alias
	Object    string              `json:"object"`
	Alias     string              `json:"alias"`
	Version   int64               `json:"version"`
	Targets   []store.RouteTarget `json:"targets"`
	Canary    *canaryView         `json:"canary"`
	Reason    string              `json:"reason"`
	Author    string              `json:"author"`
	CreatedAt *int64              `json:"created_at"`
	History   []routeView         `json:"history,omitempty"`
}

// canaryView is a target that shares the first tier's traffic with another
// that has more of it.
type canaryView struct {
	Model string `json:"model"`
	Share share  `json:"share"`
}

func viewRoute(r store.Route) routeView {
	return routeView{
		ID: r.Alias, Object: "route", Alias: r.Alias, Version: r.Version, Targets: some(r.Targets),
		Canary: canaryOf(r),
		Reason: r.Reason, Author: r.Author, CreatedAt: seconds(r.Created),
	}
}

func canaryOf(r store.Route) *canaryView {
	least, part, found := r.Canary()
	if !found {
		return nil
	}
	return &canaryView{Model: least.Model, Share: share(part)}
}

func (s *Server) listRoutes(w http.ResponseWriter, c *call) error {
	if err := only(c.URL.Query()); err != nil {
		return err
	}
	rows, err := s.Store.Routes(c.Context(), c.key.Tenant)
	if err != nil {
		return err
	}
	return writeList(w, rows, false, viewRoute, func(v routeView) string { return v.ID })
}

const shownHistory = 20

func (s *Server) getRoute(w http.ResponseWriter, c *call) error {
	r, err := s.Store.Route(c.Context(), c.key.Tenant, c.PathValue("alias"))
	if err != nil {
		return orMissing(err, "route")
	}
	history, err := s.Store.RouteHistory(c.Context(), c.key.Tenant, r.Alias, shownHistory)
	if err != nil {
		return err
	}
	view := viewRoute(r)
	for _, h := range history {
		view.History = append(view.History, viewRoute(h))
	}
	w.Header().Set("ETag", etag(r.Version))
	return writeJSON(w, http.StatusOK, view)
}

func etag(version int64) string { return fmt.Sprintf(`"%d"`, version) }

// newRoute is the body of PUT /v1/routes/{alias}.
type newRoute struct {
	Targets []store.RouteTarget `json:"targets"`
	Reason  string              `json:"reason"`
	Version *int64              `json:"version"` // the one that the client saw, as If-Match
}

var aliasName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func (s *Server) putRoute(w http.ResponseWriter, c *call) error {
	alias := c.PathValue("alias")
	if !aliasName.MatchString(alias) {
		return invalid("alias", "An alias has at most 64 small letters, digits, dots, dashes and underscores.")
	}
	body, err := jsonBody(c)
	if err != nil {
		return err
	}
	var n newRoute
	if err := decode(body, &n); err != nil {
		return err
	}
	if err := s.checkTargets(c, n.Targets); err != nil {
		return err
	}
	seen, err := s.seenVersion(c, alias, n.Version)
	if err != nil {
		return err
	}
	if n.Reason == "" {
		n.Reason = "set by hand"
	}
	return s.setRoute(w, c, store.Route{Alias: alias, Version: seen, Targets: n.Targets, Reason: n.Reason})
}

const mostTargets = 32

func (s *Server) checkTargets(c *call, targets []store.RouteTarget) error {
	if len(targets) == 0 || len(targets) > mostTargets {
		return invalid("targets", "targets is a list of 1 to %d models.", mostTargets)
	}
	first := 0
	for i, t := range targets {
		param := fmt.Sprintf("targets[%d]", i)
		switch {
		case t.Weight < 0 || t.Weight > 1_000_000:
			return invalid(param+".weight", "weight is a number from 0 to 1,000,000.")
		case t.Tier < 0 || t.Tier > 9:
			return invalid(param+".tier", "tier is a number from 0, which is tried first, to 9.")
		}
		if err := s.checkModel(c, t.Model); err != nil {
			f := faultOf(err)
			f.Param = param + ".model"
			return f
		}
		if t.Tier == 0 {
			first += t.Weight
		}
	}
	if first == 0 {
		return invalid("targets", "One target of tier 0 needs a weight above 0.")
	}
	return nil
}

// checkModel makes sure that a name stands for a model of the catalogue or a
// tuned one of the tenant's.
func (s *Server) checkModel(c *call, name string) error {
	if _, ok := s.Models.Find(name); ok {
		return nil
	}
	_, err := s.Store.Model(c.Context(), c.key.Tenant, name)
	return orNoModel(err, name)
}

func orNoModel(err error, name string) error {
	if errors.Is(err, store.ErrNotFound) {
		return coded("model_not_found", fmt.Sprintf("There is no model %.100q: GET /v1/models lists those "+
			"that can be asked for.", name))
	}
	return err
}

// seenVersion returns the version that the client saw; without one it is the
// version in force.
func (s *Server) seenVersion(c *call, alias string, given *int64) (int64, error) {
	if match := c.Header.Get("If-Match"); match != "" && match != "*" {
		version, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(match, "W/"), `"`), 10, 64)
		if err != nil {
			return 0, invalid("If-Match", "If-Match is the route's version, as ETag gave it.")
		}
		return version, nil
	}
	if given != nil {
		return *given, nil
	}
	r, err := s.Store.Route(c.Context(), c.key.Tenant, alias)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return r.Version, err
}

// setRoute puts a version in force, unless another did since.
func (s *Server) setRoute(w http.ResponseWriter, c *call, r store.Route) error {
	r.Tenant, r.Author = c.key.Tenant, c.key.ID
	set, err := s.Store.SetRoute(c.Context(), r)
	if errors.Is(err, store.ErrConflict) {
		return &fault{
			Status: http.StatusPreconditionFailed, Code: "invalid_request", Param: "version", err: err,
			Message: "The route was changed since that version: read it again, then decide.",
		}
	}
	if err != nil {
		return err
	}
	if set, err = s.Store.Route(c.Context(), c.key.Tenant, set.Alias); err != nil {
		return err
	}
	w.Header().Set("ETag", etag(set.Version))
	return writeJSON(w, http.StatusOK, viewRoute(set))
}

// newRollback is the body of POST /v1/routes/{alias}/rollback.
type newRollback struct {
	Version *int64 `json:"version"` // to go back to. Defaults to the one before.
}

// rollBackRoute puts an earlier version's targets in force again, as a new version.
func (s *Server) rollBackRoute(w http.ResponseWriter, c *call) error {
	body, err := objectBody(c)
	if err != nil {
		return err
	}
	var n newRollback
	if err := decode(body, &n); err != nil {
		return err
	}
	alias := c.PathValue("alias")
	history, err := s.Store.RouteHistory(c.Context(), c.key.Tenant, alias, mostPerPage)
	if err != nil {
		return err
	}
	if len(history) == 0 {
		return missing("route")
	}
	earlier, err := pickVersion(history, n.Version)
	if err != nil {
		return err
	}
	return s.setRoute(w, c, store.Route{
		Alias: alias, Version: history[0].Version, Targets: earlier.Targets,
		Reason: fmt.Sprintf("rolled back to version %d", earlier.Version),
	})
}

func pickVersion(history []store.Route, version *int64) (store.Route, error) {
	for _, r := range history[1:] {
		if version == nil || r.Version == *version {
			return r, nil
		}
	}
	return store.Route{}, invalid("version", "There is no such earlier version: GET the route to see its "+
		"history.")
}
