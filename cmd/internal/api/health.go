package api

import (
	"context"
	_ "embed" // the document of the routes
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/flight"
)

//go:embed openapi.yaml
var openAPI []byte

// Document returns openapi.yaml, which describes the routes.
func Document() []byte { return openAPI }

func (h health) document(w http.ResponseWriter, _ *wire.Call) error {
	return wire.Write(w, http.StatusOK, "application/yaml", openAPI)
}

// health reports the state of the process and of its dependencies.
type health struct {
	store   *store.Store
	engine  Engine
	bucket  blob.Bucket
	gather  prometheus.Gatherer
	sandbox bool
	// mayLook tells whether a request is shown the state of the dependencies.
	mayLook func(*http.Request) bool
	// looks lets concurrent requests share one answer.
	looks *flight.Reads[struct{}, readyView]
}

type healthView struct {
	Status string `json:"status"`
}

func (h health) alive(w http.ResponseWriter, _ *wire.Call) error {
	return wire.WriteJSON(w, http.StatusOK, healthView{Status: "ok"})
}

type readyView struct {
	Status       string                    `json:"status"` // ready, degraded, unready
	Sandbox      bool                      `json:"sandbox"`
	Dependencies map[string]dependencyView `json:"dependencies"`
}

type dependencyView struct {
	State string  `json:"state"` // up, down
	Error *string `json:"error"`
}

// askWithin bounds the question to one dependency.
const askWithin = 2 * time.Second

// ready asks every dependency, database and queue for a write. Without the
// database nothing works: 503. Without the queue or the bucket jobs are still
// accepted: degraded.
func (h health) ready(w http.ResponseWriter, c *wire.Call) error {
	view, err := h.looks.Get(c.Context(), struct{}{}, h.look)
	if err != nil {
		return err
	}
	if !h.mayLook(c.Request) {
		view.Dependencies = map[string]dependencyView{}
	}
	status := http.StatusOK
	if view.Status == "unready" {
		status = http.StatusServiceUnavailable
	}
	return wire.WriteJSON(w, status, view)
}

func (h health) look(ctx context.Context) (readyView, error) {
	checks := map[string]func(context.Context) error{
		"database": h.store.Writable, "queue": h.engine.Reachable, "bucket": h.askBucket,
	}
	view := readyView{Status: "ready", Sandbox: h.sandbox, Dependencies: map[string]dependencyView{}}
	for name, answer := range askAll(ctx, checks) {
		view.Dependencies[name] = answer
		switch {
		case answer.State == "up":
		case name == "database":
			view.Status = "unready"
		case view.Status == "ready":
			view.Status = "degraded"
		}
	}
	return view, nil
}

// askAll asks at once, so that one that hangs holds up no other.
func askAll(ctx context.Context, checks map[string]func(context.Context) error) map[string]dependencyView {
	type answer struct {
		name string
		view dependencyView
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	answers := make(chan answer, len(checks))
	for name, check := range checks {
		go func() {
			view := dependencyView{State: "up"}
			if err := check(ctx); err != nil {
				view = dependencyView{State: "down", Error: new("it does not answer, or takes no writes: dreamlab doctor says how to mend it")}
			}
			answers <- answer{name, view}
		}()
	}
	views := map[string]dependencyView{}
	for range checks {
		a := <-answers
		views[a.name] = a.view
	}
	return views
}

// askBucket looks for an object that is not there.
func (h health) askBucket(ctx context.Context) error {
	_, err := h.bucket.Stat(ctx, "health/none")
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	return err
}

// metrics shows what Prometheus scrapes.
func (h health) metrics(w http.ResponseWriter, c *wire.Call) error {
	promhttp.HandlerFor(h.gather, promhttp.HandlerOpts{Timeout: 10 * time.Second}).ServeHTTP(w, c.Request)
	return nil
}
