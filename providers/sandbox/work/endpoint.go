package work

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// maxWeight is the largest weight of a share of traffic.
const maxWeight = 1_000_000

// Endpoint is a name that chats can ask for; deployments answer for it by their
// shares of its traffic.
type Endpoint struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels,omitempty"` // that a vendor keeps with it
	Version     string            `json:"version"`
	Created     time.Time         `json:"created"`
	Updated     time.Time         `json:"updated"`
	Traffic     []Share           `json:"traffic"`
	Deployments []*Deployment     `json:"deployments"` // the oldest first
}

// Share is a deployment's part of an endpoint's traffic.
type Share struct {
	Deployment string `json:"deployment"`
	Weight     int    `json:"weight"`
}

// touch gives the endpoint another version.
func (e *Endpoint) touch(now time.Time) { e.Updated, e.Version = now, lab.NewID("etag-") }

// stale refuses a change that rests on an older version.
func stale(given, current string) *lab.Failure {
	if given != "" && given != current {
		return lab.Conflict("the etag is not the current one: read it again")
	}
	return nil
}

// Find returns the deployment of a name or an id, nil where there is none.
func (e *Endpoint) Find(name string) *Deployment {
	for _, d := range e.Deployments {
		if d.Name == name || d.ID == name {
			return d
		}
	}
	return nil
}

// weight is a deployment's part of the traffic: its weight times its replicas.
func (e *Endpoint) weight(d *Deployment, now time.Time) uint64 {
	for _, s := range e.Traffic {
		if s.Deployment == d.ID && d.State(now) == DeploymentReady {
			return uint64(s.Weight * d.Replicas(now))
		}
	}
	return 0
}

// route picks the deployment for a conversation, which stays with it; nil where
// none takes traffic.
func (e *Endpoint) route(conversation uint64, now time.Time) *Deployment {
	var total uint64
	for _, d := range e.Deployments {
		total += e.weight(d, now)
	}
	if total == 0 {
		return nil
	}
	at := conversation % total
	for _, d := range e.Deployments {
		weight := e.weight(d, now)
		if at < weight {
			return d
		}
		at -= weight
	}
	return nil
}

// Split sets the shares of the traffic.
func (e *Endpoint) Split(traffic []Share) *lab.Failure {
	for _, s := range traffic {
		if d := e.Find(s.Deployment); d == nil || d.ID != s.Deployment {
			return lab.Invalid("traffic", "the endpoint has no deployment %q", s.Deployment)
		}
		if s.Weight < 0 || s.Weight > maxWeight {
			return lab.Invalid("traffic", "a weight must be from 0 to %d", maxWeight)
		}
	}
	e.Traffic = append([]Share{}, traffic...)
	return nil
}

// clone copies the endpoint with its deployments.
func (e *Endpoint) clone() Endpoint {
	other := *e
	other.Labels, other.Traffic = maps.Clone(e.Labels), slices.Clone(e.Traffic)
	other.Deployments = make([]*Deployment, len(e.Deployments))
	for i, d := range e.Deployments {
		copied := *d
		other.Deployments[i] = &copied
	}
	return other
}

// Hosting is what an account serves: its endpoints and their deployments.
type Hosting struct {
	*holdings
	trainings *Trainings
}

// endpoint finds an endpoint. It is called with the lock held.
func (h *Hosting) endpoint(id string) (*Endpoint, *lab.Failure) {
	if e := h.state.Endpoints[id]; e != nil {
		return e, nil
	}
	return nil, lab.Absent("endpoint", id)
}

// named finds an endpoint by its name. It is called with the lock held.
func (h *Hosting) named(name string) *Endpoint {
	for _, e := range h.state.Endpoints {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// Endpoint returns the endpoint of an id.
func (h *Hosting) Endpoint(id string) (Endpoint, *lab.Failure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e, refused := h.endpoint(id)
	if refused != nil {
		return Endpoint{}, refused
	}
	return e.clone(), nil
}

// Serving returns the deployment that answers a conversation, and what it knows:
// the one that is named, else by the endpoint's traffic. It fails with 404 where
// nothing has the names, and with 503 where nothing is ready.
func (h *Hosting) Serving(endpoint, name string, conversation uint64) (Deployment, *model.Model, *lab.Failure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e, now := h.named(endpoint), h.lab.Now()
	if e == nil || name != "" && e.Find(name) == nil {
		return Deployment{}, nil, lab.Absent("endpoint", endpoint)
	}
	chosen := e.Find(name)
	if name == "" {
		chosen = e.route(conversation, now)
	}
	if chosen == nil || chosen.State(now) != DeploymentReady {
		return Deployment{}, nil, &lab.Failure{Status: http.StatusServiceUnavailable}
	}
	if chosen.Training == "" {
		return *chosen, h.options.Brain(chosen.Base), nil
	}
	brain, err := h.trainings.learnt(chosen.Training, maxChain)
	if err != nil {
		return Deployment{}, nil, lab.NotKept(err)
	}
	return *chosen, brain, nil
}

// Endpoints lists the endpoints, the oldest first.
func (h *Hosting) Endpoints() []Endpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := copies(h.state.Endpoints,
		func(e *Endpoint) time.Time { return e.Created }, func(e *Endpoint) string { return e.ID })
	for i := range list {
		list[i] = list[i].clone()
	}
	return list
}

// AddEndpoint makes an endpoint of which the id, the name and the labels are
// given. The name has to be free.
func (h *Hosting) AddEndpoint(e Endpoint) (Endpoint, *lab.Failure) {
	refused := h.change(func(now time.Time) *lab.Failure {
		switch {
		case h.named(e.Name) != nil:
			return lab.Conflict("endpoint %s already exists", e.Name)
		case len(h.state.Endpoints) >= maxEndpoints:
			return lab.Invalid("", "the project has %d endpoints already: delete some", maxEndpoints)
		}
		e.Created, e.Traffic = now, []Share{}
		e.touch(now)
		made := e
		h.state.Endpoints[e.ID] = &made
		return nil
	})
	return e, refused
}

// ChangeEndpoint lets fn change an endpoint's name, labels and traffic, all of
// it or nothing. A version other than the current one is refused; empty is any.
func (h *Hosting) ChangeEndpoint(id, version string, fn func(*Endpoint) *lab.Failure) (Endpoint, *lab.Failure) {
	var after Endpoint
	refused := h.change(func(now time.Time) *lab.Failure {
		e, refused := h.endpoint(id)
		if refused == nil {
			refused = stale(version, e.Version)
		}
		if refused != nil {
			return refused
		}
		after = e.clone()
		if refused := fn(&after); refused != nil {
			return refused
		}
		if holder := h.named(after.Name); holder != nil && holder != e {
			return lab.Conflict("endpoint %s already exists", after.Name)
		}
		after.touch(now)
		kept := after.clone()
		h.state.Endpoints[id] = &kept
		return nil
	})
	return after, refused
}

// DeleteEndpoint forgets an endpoint without deployments.
func (h *Hosting) DeleteEndpoint(id, version string) *lab.Failure {
	return h.change(func(time.Time) *lab.Failure {
		e, refused := h.endpoint(id)
		if refused == nil {
			refused = stale(version, e.Version)
		}
		if refused != nil {
			return refused
		}
		if len(e.Deployments) > 0 {
			return lab.Conflict("endpoint %s has deployments: delete them first", id)
		}
		delete(h.state.Endpoints, id)
		return nil
	})
}

// Undeploy forgets a deployment that has stopped and is out of the traffic.
func (h *Hosting) Undeploy(endpoint, id string) *lab.Failure {
	return h.change(func(now time.Time) *lab.Failure {
		e, d, refused := h.deployment(endpoint, id)
		if refused != nil {
			return refused
		}
		if state := d.State(now); state != DeploymentStopped {
			return lab.Conflict("deployment %s is %s: scale it to 0 and wait until it has stopped", id, state)
		}
		if slices.ContainsFunc(e.Traffic, func(s Share) bool { return s.Deployment == id }) {
			return lab.Conflict("deployment %s has a share of the traffic: take it out first", id)
		}
		h.settle(d, now)
		e.Deployments = slices.DeleteFunc(e.Deployments, func(other *Deployment) bool { return other == d })
		e.touch(now)
		return nil
	})
}
