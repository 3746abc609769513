package api

import (
	"context"
	_ "embed" // the document of the routes
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dreamlab/store"
)

//go:embed openapi.yaml
var openAPI []byte

func (s *Server) getOpenAPI(w http.ResponseWriter, _ *call) error {
	return write(w, http.StatusOK, "application/yaml", openAPI)
}

type healthView struct {
	Status string `json:"status"`
}

func (s *Server) getHealth(w http.ResponseWriter, _ *call) error {
	return writeJSON(w, http.StatusOK, healthView{Status: "ok"})
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

// getReady asks every dependency. Without the database nothing works: 503.
// Without the queue or the bucket jobs are still accepted: degraded.
func (s *Server) getReady(w http.ResponseWriter, c *call) error {
	checks := map[string]func(context.Context) error{
		"database": s.Store.Ping, "queue": s.Engine.Reachable, "bucket": s.askBucket,
	}
	view := readyView{Status: "ready", Sandbox: s.Sandbox, Dependencies: map[string]dependencyView{}}
	for name, answer := range askAll(c.Context(), checks) {
		view.Dependencies[name] = answer
		switch {
		case answer.State == "up":
		case name == "database":
			view.Status = "unready"
		case view.Status == "ready":
			view.Status = "degraded"
		}
	}
	status := http.StatusOK
	if view.Status == "unready" {
		status = http.StatusServiceUnavailable
	}
	return writeJSON(w, status, view)
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
				view = dependencyView{State: "down", Error: new("it did not answer: dreamlab doctor says how to mend it")}
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
func (s *Server) askBucket(ctx context.Context) error {
	_, err := s.Bucket.Stat(ctx, "health/none")
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// getMetrics shows what Prometheus scrapes.
func (s *Server) getMetrics(w http.ResponseWriter, c *call) error {
	gatherer := s.Metrics
	if gatherer == nil {
		gatherer = prometheus.NewRegistry()
	}
	promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{Timeout: 10 * time.Second}).ServeHTTP(w, c.Request)
	return nil
}
