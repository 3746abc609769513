package emulator

import (
	"cmp"
	"net/http"
	"regexp"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// visibility is a label of endpoints, by which it is changed, too.
const visibility = "visibility"

// share is a deployment's part of an endpoint's traffic.
type share struct {
	Deployment string `json:"deploymentId"`
	Weight     int    `json:"weight"`
}

// checkName tells which names endpoints and deployments may have.
func checkName(name string) *lab.Failure {
	if regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(name) {
		return nil
	}
	return lab.Invalid("name", "name must be lower-case letters, digits and dashes, at most 63")
}

func endpointObject(ep work.Endpoint, now time.Time) map[string]any {
	summary := func(d *work.Deployment) any { return deploymentSummary(d, now) }
	part := func(s work.Share) any { return share(s) }
	return map[string]any{
		"id": ep.ID, "name": slug + "/" + ep.Name, "projectId": projectID, "visibility": ep.Labels[visibility],
		"endpointType": "ENDPOINT_TYPE_DEDICATED", "etag": ep.Version, "createdAt": stamp(ep.Created),
		"updatedAt": stamp(ep.Updated), "trafficSplit": lab.Objects(ep.Traffic, part),
		"deployments": lab.Objects(ep.Deployments, summary),
	}
}

// endpointShown answers with an endpoint.
func (h *hosting) endpointShown(ep work.Endpoint, refused *lab.Failure) (any, *lab.Failure) {
	if refused != nil {
		return nil, refused
	}
	return endpointObject(ep, h.lab.Now()), nil
}

// endpointAsk makes or changes an endpoint.
type endpointAsk struct {
	ETag       string  `json:"etag"`
	Name       string  `json:"name"`
	Visibility string  `json:"visibility"`
	Traffic    []share `json:"trafficSplit"`
}

func (h *hosting) createEndpoint(_ *http.Request, ask *endpointAsk) (any, *lab.Failure) {
	bare := strings.TrimPrefix(ask.Name, slug+"/")
	if refused := checkName(bare); refused != nil {
		return nil, refused
	}
	labels := map[string]string{visibility: cmp.Or(ask.Visibility, "VISIBILITY_PRIVATE")}
	return h.endpointShown(h.hosting.AddEndpoint(work.Endpoint{ID: lab.NewID("ep_"), Name: bare, Labels: labels}))
}

func (h *hosting) listEndpoints(r *http.Request) (any, *lab.Failure) {
	objects := []any{}
	for _, ep := range h.hosting.Endpoints() {
		if named(r, ep.Name, slug+"/"+ep.Name) {
			objects = append(objects, endpointObject(ep, h.lab.Now()))
		}
	}
	return page(r, objects), nil
}

func (h *hosting) getEndpoint(r *http.Request) (any, *lab.Failure) {
	return h.endpointShown(h.hosting.Endpoint(r.PathValue("endpoint")))
}

// mask returns the fields that a request means to change: those that it lists,
// else those that it sets.
func (a *endpointAsk) mask(r *http.Request) []string {
	if listed := r.URL.Query().Get("updateMask"); listed != "" {
		return strings.Split(listed, ",")
	}
	var fields []string
	if a.Visibility != "" {
		fields = append(fields, visibility)
	}
	if len(a.Traffic) > 0 {
		fields = append(fields, "trafficSplit")
	}
	return fields
}

func (h *hosting) patchEndpoint(r *http.Request, ask *endpointAsk) (any, *lab.Failure) {
	fields := ask.mask(r)
	change := func(ep *work.Endpoint) *lab.Failure {
		for _, field := range fields {
			if refused := ask.apply(ep, field); refused != nil {
				return refused
			}
		}
		return nothing(len(fields) == 0)
	}
	return h.endpointShown(h.hosting.ChangeEndpoint(r.PathValue("endpoint"), ask.ETag, change))
}

// nothing refuses a change of nothing.
func nothing(empty bool) *lab.Failure {
	if empty {
		return lab.Invalid("updateMask", "no fields to update")
	}
	return nil
}

func (a *endpointAsk) apply(ep *work.Endpoint, field string) *lab.Failure {
	switch field {
	case "trafficSplit", "traffic_split":
		shares := make([]work.Share, len(a.Traffic))
		for i, s := range a.Traffic {
			shares[i] = work.Share(s)
		}
		return ep.Split(shares)
	case visibility:
		ep.Labels = map[string]string{visibility: a.Visibility}
	default:
		return lab.Invalid("updateMask", "unknown field %q", field)
	}
	return nil
}

func (h *hosting) deleteEndpoint(r *http.Request) (any, *lab.Failure) {
	refused := h.hosting.DeleteEndpoint(r.PathValue("endpoint"), r.URL.Query().Get("etag"))
	return map[string]any{}, refused
}
