package emulator

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// endpoint is a name that inference can ask for; deployments answer for it by
// the shares of its traffic split.
type endpoint struct {
	ID          string                 `json:"id"`
	Name        string                 `json:"name"` // without the slug
	Visibility  string                 `json:"visibility"`
	ETag        string                 `json:"etag"`
	Created     time.Time              `json:"created"`
	Updated     time.Time              `json:"updated"`
	Traffic     []share                `json:"traffic"`
	Deployments map[string]*deployment `json:"deployments"`
}

// share is a deployment's part of an endpoint's traffic.
type share struct {
	Deployment string `json:"deploymentId"`
	Weight     int    `json:"weight"`
}

// goodName tells which names endpoints and deployments may have.
func goodName(name string) bool {
	return regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(name)
}

func (ep *endpoint) touch(now time.Time) {
	ep.Updated, ep.ETag = now, lab.NewID("etag-")
}

// sorted lists the deployments, oldest first.
func (ep *endpoint) sorted() []*deployment {
	list := []*deployment{}
	for _, d := range ep.Deployments {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b *deployment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return list
}

func (ep *endpoint) named(name string) *deployment {
	for _, d := range ep.Deployments {
		if d.Name == name || d.ID == name {
			return d
		}
	}
	return nil
}

// weight is a deployment's part of the traffic: its weight times its replicas.
func (ep *endpoint) weight(d *deployment, now time.Time) uint64 {
	for _, s := range ep.Traffic {
		if s.Deployment == d.ID && d.state(now) == stateReady {
			return uint64(s.Weight * d.replicas(now))
		}
	}
	return 0
}

// route picks the deployment for a conversation, nil where none takes traffic.
func (ep *endpoint) route(stick uint64, now time.Time) *deployment {
	var total uint64
	list := ep.sorted()
	for _, d := range list {
		total += ep.weight(d, now)
	}
	if total == 0 {
		return nil
	}
	at := stick % total
	for _, d := range list {
		weight := ep.weight(d, now)
		if at < weight {
			return d
		}
		at -= weight
	}
	return nil
}

func (ep *endpoint) object(now time.Time) map[string]any {
	summaries := []any{}
	for _, d := range ep.sorted() {
		summaries = append(summaries, d.summary(now))
	}
	return map[string]any{
		"id": ep.ID, "name": slug + "/" + ep.Name, "projectId": projectID, "visibility": ep.Visibility,
		"endpointType": "ENDPOINT_TYPE_DEDICATED", "etag": ep.ETag, "createdAt": stamp(ep.Created),
		"updatedAt": stamp(ep.Updated), "trafficSplit": ep.Traffic, "deployments": summaries,
	}
}

// endpointNamed is called with the lock held.
func (e *emulator) endpointNamed(name string) *endpoint {
	for _, ep := range e.state.Endpoints {
		if ep.Name == name {
			return ep
		}
	}
	return nil
}

// endpoint finds the endpoint of a request. It is called with the lock held.
func (e *emulator) endpoint(r *http.Request) (*endpoint, *lab.Failure) {
	ep := e.state.Endpoints[r.PathValue("endpoint")]
	if ep == nil {
		return nil, absent("endpoint", r.PathValue("endpoint"))
	}
	return ep, nil
}

func (e *emulator) createEndpoint(w http.ResponseWriter, r *http.Request) {
	var ask struct{ Name, Visibility string }
	if err := lab.ReadJSON(r, &ask); err != nil {
		fail(w, *invalid("", "read the body: %v", err))
		return
	}
	bare := strings.TrimPrefix(ask.Name, slug+"/")
	e.change(w, func(now time.Time) (any, *lab.Failure) {
		switch {
		case !goodName(bare):
			return nil, invalid("name", "name must be lower-case letters, digits and dashes, at most 63")
		case e.endpointNamed(bare) != nil:
			return nil, conflict("endpoint %s already exists", slug+"/"+bare)
		case len(e.state.Endpoints) >= maxEndpoints:
			return nil, invalid("", "the project has %d endpoints already: delete some", maxEndpoints)
		}
		ep := &endpoint{
			ID: lab.NewID("ep_"), Name: bare, Visibility: or(ask.Visibility, "VISIBILITY_PRIVATE"),
			Created: now, Traffic: []share{}, Deployments: map[string]*deployment{},
		}
		ep.touch(now)
		e.state.Endpoints[ep.ID] = ep
		return ep.object(now), nil
	})
}

func (e *emulator) listEndpoints(w http.ResponseWriter, r *http.Request) {
	e.read(w, func(now time.Time) (any, *lab.Failure) {
		list := []*endpoint{}
		for _, ep := range e.state.Endpoints {
			if named(r, ep.Name, slug+"/"+ep.Name) {
				list = append(list, ep)
			}
		}
		slices.SortFunc(list, func(a, b *endpoint) int {
			return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
		})
		objects := make([]any, len(list))
		for i, ep := range list {
			objects[i] = ep.object(now)
		}
		return page(r, objects), nil
	})
}

func (e *emulator) getEndpoint(w http.ResponseWriter, r *http.Request) {
	e.read(w, func(now time.Time) (any, *lab.Failure) {
		ep, refused := e.endpoint(r)
		if refused != nil {
			return nil, refused
		}
		return ep.object(now), nil
	})
}

// endpointPatch is a change of an endpoint.
type endpointPatch struct {
	ETag       string  `json:"etag"`
	Name       string  `json:"name"`
	Visibility string  `json:"visibility"`
	Traffic    []share `json:"trafficSplit"`
}

// mask returns the fields that a request means to change: those that it lists,
// else those that it sets.
func (p *endpointPatch) mask(r *http.Request) []string {
	if listed := r.URL.Query().Get("updateMask"); listed != "" {
		return strings.Split(listed, ",")
	}
	var fields []string
	if p.Name != "" {
		fields = append(fields, "name")
	}
	if p.Visibility != "" {
		fields = append(fields, "visibility")
	}
	if len(p.Traffic) > 0 {
		fields = append(fields, "trafficSplit")
	}
	return fields
}

func (e *emulator) patchEndpoint(w http.ResponseWriter, r *http.Request) {
	var patch endpointPatch
	if err := lab.ReadJSON(r, &patch); err != nil {
		fail(w, *invalid("", "read the body: %v", err))
		return
	}
	e.change(w, func(now time.Time) (any, *lab.Failure) {
		ep, refused := e.endpoint(r)
		if refused == nil {
			refused = stale(patch.ETag, ep.ETag)
		}
		if refused == nil {
			refused = e.apply(ep, &patch, patch.mask(r))
		}
		if refused != nil {
			return nil, refused
		}
		ep.touch(now)
		return ep.object(now), nil
	})
}

// stale refuses a change that rests on an older version.
func stale(given, current string) *lab.Failure {
	if given != "" && given != current {
		return conflict("the etag is not the current one: read it again")
	}
	return nil
}

func (e *emulator) apply(ep *endpoint, patch *endpointPatch, mask []string) *lab.Failure {
	if len(mask) == 0 {
		return invalid("updateMask", "no fields to update")
	}
	for _, field := range mask {
		switch field {
		case "trafficSplit", "traffic_split":
			if refused := ep.split(patch.Traffic); refused != nil {
				return refused
			}
		case "visibility":
			ep.Visibility = patch.Visibility
		case "name":
			if !goodName(patch.Name) || e.endpointNamed(patch.Name) != nil {
				return conflict("the name %q is taken or not a name", patch.Name)
			}
			ep.Name = patch.Name
		default:
			return invalid("updateMask", "unknown field %q", field)
		}
	}
	return nil
}

func (ep *endpoint) split(traffic []share) *lab.Failure {
	for _, s := range traffic {
		if ep.Deployments[s.Deployment] == nil {
			return invalid("trafficSplit", "the endpoint has no deployment %q", s.Deployment)
		}
		if s.Weight < 0 || s.Weight > 1_000_000 {
			return invalid("trafficSplit", "a weight must be from 0 to 1000000")
		}
	}
	ep.Traffic = append([]share{}, traffic...)
	return nil
}

func (e *emulator) deleteEndpoint(w http.ResponseWriter, r *http.Request) {
	e.change(w, func(time.Time) (any, *lab.Failure) {
		ep, refused := e.endpoint(r)
		if refused == nil {
			refused = stale(r.URL.Query().Get("etag"), ep.ETag)
		}
		if refused != nil {
			return nil, refused
		}
		if len(ep.Deployments) > 0 {
			return nil, conflict("endpoint %s has deployments: delete them first", ep.ID)
		}
		delete(e.state.Endpoints, ep.ID)
		return map[string]any{}, nil
	})
}
