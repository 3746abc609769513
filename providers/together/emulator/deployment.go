package emulator

import (
	"net/http"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// How long a deployment takes to start and to stop, in lab time.
const (
	deployStarting = 10 * time.Minute
	deployStopping = 2 * time.Minute
)

// The states of a deployment that the sandbox knows.
const (
	stateProvisioning = "DEPLOYMENT_STATE_PROVISIONING"
	stateReady        = "DEPLOYMENT_STATE_READY"
	stateStopping     = "DEPLOYMENT_STATE_STOPPING"
	stateStopped      = "DEPLOYMENT_STATE_STOPPED"
)

// deployment is a model on hardware. It is billed by the minute for each
// replica, from when it is ready until it has stopped.
type deployment struct {
	ID       string    `json:"id"`
	Endpoint string    `json:"endpoint"`
	Name     string    `json:"name"`
	ETag     string    `json:"etag"`
	ModelID  string    `json:"model_id"`
	Revision string    `json:"revision"`
	Base     string    `json:"base"`           // the catalogue's model below it
	Tune     string    `json:"tune,omitempty"` // that made it
	Config   string    `json:"config"`
	Instance string    `json:"instance"`
	Min      int       `json:"min"`
	Max      int       `json:"max"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	Ready    time.Time `json:"ready"`         // of the current run
	Stop     time.Time `json:"stop,omitzero"` // when 0/0 was asked for
	Running  int       `json:"running"`       // replicas of the current run
	Billed   int64     `json:"billed"`        // minutes of the current run, all replicas
}

func (d *deployment) state(now time.Time) string {
	switch {
	case d.Stop.IsZero() && now.Before(d.Ready):
		return stateProvisioning
	case d.Stop.IsZero():
		return stateReady
	case now.Before(d.Stop.Add(deployStopping)):
		return stateStopping
	}
	return stateStopped
}

// replicas is how many answer.
func (d *deployment) replicas(now time.Time) int {
	if d.state(now) == stateReady {
		return d.Running
	}
	return 0
}

// minutes is how many replica-minutes the current run has begun.
func (d *deployment) minutes(now time.Time) int64 {
	end := now
	if !d.Stop.IsZero() && d.Stop.Add(deployStopping).Before(now) {
		end = d.Stop.Add(deployStopping)
	}
	if !d.Stop.IsZero() && d.Stop.Before(d.Ready) || !end.After(d.Ready) {
		return 0 // it never got ready
	}
	begun := (end.Sub(d.Ready) + time.Minute - 1) / time.Minute
	return int64(begun) * int64(d.Running)
}

// nanoPerCent is a US cent in nano-dollars.
const nanoPerCent = 10_000_000

// settleDeployment bills the minutes that are not billed yet, and tells whether
// there were any.
func (e *emulator) settleDeployment(d *deployment, now time.Time) bool {
	minutes := d.minutes(now) - d.Billed
	hardware, found := findInstance(d.Instance)
	if minutes <= 0 || !found {
		return false
	}
	d.Billed += minutes
	e.lab.Pay(lab.Payment{
		Vendor: name, Model: "hosting:" + d.Instance,
		NanoUSD: minutes * hardware.CentsPerHour * nanoPerCent / 60,
	})
	return true
}

// scale sets how many replicas are wanted; the first of a run take their time.
func (e *emulator) scale(d *deployment, a autoscaling, now time.Time, ready time.Duration) {
	state := d.state(now)
	d.Min, d.Max = a.Min, a.Max
	switch {
	case a.Max == 0 && (state == stateReady || state == stateProvisioning):
		d.Stop = now
	case a.Max > 0 && (state == stateStopped || state == stateStopping || d.Ready.IsZero()):
		e.settleDeployment(d, now)
		d.Ready, d.Stop, d.Billed, d.Running = now.Add(ready), time.Time{}, 0, a.Min
	case a.Max > 0:
		e.settleDeployment(d, now)
		d.Running = a.Min
		d.Billed = d.minutes(now)
	}
}

type autoscaling struct {
	Min int `json:"minReplicas"`
	Max int `json:"maxReplicas"`
}

func (a autoscaling) check() *lab.Failure {
	switch {
	case a.Min < 0 || a.Max < a.Min || a.Max > 16:
		return invalid("autoscaling", "minReplicas and maxReplicas must be from 0 to 16, in that order")
	case a.Min == 0 && a.Max > 0:
		return invalid("autoscaling", "minReplicas 0 with maxReplicas above 0 is not supported; 0/0 stops it")
	}
	return nil
}

type deploymentAsk struct {
	Name        string       `json:"name"`
	Model       string       `json:"model"`
	ModelID     string       `json:"modelId"`
	Config      string       `json:"config"`
	ConfigID    string       `json:"configId"`
	Autoscaling *autoscaling `json:"autoscaling"`
	ETag        string       `json:"etag"`
}

// resource returns the id of a noun in a resource name: in
// projects/p/models/ml_1/revisions/rv_1 the models' is ml_1.
func resource(name, noun string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts[:len(parts)-1] {
		if part == noun {
			return parts[i+1]
		}
	}
	return name
}

func (e *emulator) createDeployment(w http.ResponseWriter, r *http.Request) {
	var ask deploymentAsk
	if err := lab.ReadJSON(r, &ask); err != nil {
		fail(w, *invalid("", "read the body: %v", err))
		return
	}
	if r.URL.Query().Get("validateOnly") == "true" {
		e.read(w, func(now time.Time) (any, *lab.Failure) {
			d, refused := e.newDeployment(r, &ask, now)
			if refused != nil {
				return nil, refused
			}
			d.Ready = now.Add(deployStarting)
			return d.object(now), nil
		})
		return
	}
	e.change(w, func(now time.Time) (any, *lab.Failure) {
		d, refused := e.newDeployment(r, &ask, now)
		if refused != nil {
			return nil, refused
		}
		ready := deployStarting
		target := lab.Target{Vendor: name, Method: r.Method, Path: r.URL.Path}
		if _, slow := e.lab.TakeFault(target, lab.FaultSlowCapacity); slow {
			ready += slowness
		}
		e.scale(d, *ask.Autoscaling, now, ready)
		ep := e.state.Endpoints[d.Endpoint]
		ep.Deployments[d.ID] = d
		ep.touch(now)
		return d.object(now), nil
	})
}

// newDeployment checks a request and makes the deployment. It is called with
// the lock held.
func (e *emulator) newDeployment(
	r *http.Request,
	ask *deploymentAsk,
	now time.Time,
) (*deployment, *lab.Failure) {
	ep, refused := e.endpoint(r)
	if refused == nil {
		refused = ep.admits(ask)
	}
	if refused != nil {
		return nil, refused
	}
	d := &deployment{
		ID: lab.NewID("dep_"), Endpoint: ep.ID, Name: ask.Name, ETag: lab.NewID("etag-"),
		ModelID: or(ask.ModelID, resource(ask.Model, "models")), Created: now, Updated: now,
		Config: or(ask.ConfigID, resource(ask.Config, "configs")),
	}
	m, refused := e.hosted(d.ModelID)
	if refused != nil {
		return nil, refused
	}
	d.Base, d.Tune, d.Revision = m.base.ID, m.tune, m.revision
	if d.Config != configID(m.base) {
		return nil, invalid(
			"config",
			"config %q is not one for %s: see GET configs?referenceModelId=",
			d.Config,
			m.base.ID,
		)
	}
	d.Instance = m.base.Instance
	d.Min, d.Max = ask.Autoscaling.Min, ask.Autoscaling.Max
	return d, nil
}

// admits checks a deployment that an endpoint is to get.
func (ep *endpoint) admits(ask *deploymentAsk) *lab.Failure {
	switch {
	case !goodName(ask.Name):
		return invalid("name", "name must be lower-case letters, digits and dashes, at most 63")
	case ep.named(ask.Name) != nil:
		return conflict("endpoint %s has a deployment %s already", ep.ID, ask.Name)
	case len(ep.Deployments) >= maxDeployed:
		return invalid("", "the endpoint has %d deployments already: delete some", maxDeployed)
	case ask.Autoscaling == nil:
		return invalid("autoscaling", "autoscaling is required")
	}
	return ask.Autoscaling.check()
}

func (d *deployment) object(now time.Time) map[string]any {
	ready := d.replicas(now)
	return map[string]any{
		"id": d.ID, "name": d.Name, "endpointId": d.Endpoint, "projectId": projectID, "etag": d.ETag,
		"model": "projects/" + projectID + "/models/" + d.ModelID, "modelId": d.ModelID,
		"modelRevisionId": d.Revision, "config": "projects/" + configProject + "/configs/" + d.Config,
		"configId": d.Config, "hardware": d.Instance, "trafficMode": "TRAFFIC_MODE_LIVE",
		"createdAt": stamp(d.Created), "updatedAt": stamp(d.Updated),
		"desiredReplicas": d.Min, "enableLora": false,
		"autoscaling": autoscaling{d.Min, d.Max},
		"status": map[string]any{
			"state": d.state(now), "message": "", "readyReplicas": ready, "scheduledReplicas": d.Min,
		},
	}
}

func (d *deployment) summary(now time.Time) map[string]any {
	return map[string]any{
		"id": d.ID, "name": d.Name, "modelId": d.ModelID,
		"model": "projects/" + projectID + "/models/" + d.ModelID,
		"state": d.state(now), "createdAt": stamp(d.Created), "trafficMode": "TRAFFIC_MODE_LIVE",
		"autoscaling": autoscaling{d.Min, d.Max}, "desiredReplicas": d.Min, "readyReplicas": d.replicas(now),
		"hardware": d.Instance, "estimatedEffectiveTrafficShare": 0,
	}
}

// deployment finds the deployment of a request. It is called with the lock
// held.
func (e *emulator) deployment(r *http.Request) (*endpoint, *deployment, *lab.Failure) {
	ep, refused := e.endpoint(r)
	if refused != nil {
		return nil, nil, refused
	}
	d := ep.Deployments[r.PathValue("deployment")]
	if d == nil {
		return nil, nil, absent("deployment", r.PathValue("deployment"))
	}
	return ep, d, nil
}

func (e *emulator) listDeployments(w http.ResponseWriter, r *http.Request) {
	e.read(w, func(now time.Time) (any, *lab.Failure) {
		ep, refused := e.endpoint(r)
		if refused != nil {
			return nil, refused
		}
		objects := []any{}
		for _, d := range ep.sorted() {
			if named(r, d.Name) {
				objects = append(objects, d.object(now))
			}
		}
		return page(r, objects), nil
	})
}

func (e *emulator) getDeployment(w http.ResponseWriter, r *http.Request) {
	e.read(w, func(now time.Time) (any, *lab.Failure) {
		_, d, refused := e.deployment(r)
		if refused != nil {
			return nil, refused
		}
		return d.object(now), nil
	})
}

func (e *emulator) patchDeployment(w http.ResponseWriter, r *http.Request) {
	var ask deploymentAsk
	if err := lab.ReadJSON(r, &ask); err != nil {
		fail(w, *invalid("", "read the body: %v", err))
		return
	}
	e.change(w, func(now time.Time) (any, *lab.Failure) {
		_, d, refused := e.deployment(r)
		if refused == nil {
			refused = stale(ask.ETag, d.ETag)
		}
		if refused == nil && ask.Autoscaling == nil {
			refused = invalid("updateMask", "no fields to update")
		}
		if refused == nil {
			refused = ask.Autoscaling.check()
		}
		if refused != nil {
			return nil, refused
		}
		e.scale(d, *ask.Autoscaling, now, deployStarting)
		d.Updated, d.ETag = now, lab.NewID("etag-")
		return d.object(now), nil
	})
}

// listAdapters answers that none is attached: see attachAdapter.
func (e *emulator) listAdapters(w http.ResponseWriter, r *http.Request) {
	e.read(w, func(time.Time) (any, *lab.Failure) {
		if _, _, refused := e.deployment(r); refused != nil {
			return nil, refused
		}
		return page(r, []any{}), nil
	})
}

// attachAdapter refuses: every configuration here has adapter_mode disabled. A
// tuned model is deployed on its own, merged.
func (e *emulator) attachAdapter(w http.ResponseWriter, r *http.Request) {
	e.read(w, func(time.Time) (any, *lab.Failure) {
		_, d, refused := e.deployment(r)
		if refused != nil {
			return nil, refused
		}
		return nil, invalid("adapterModelId",
			"config %s has adapter_mode disabled: deploy the model itself", d.Config)
	})
}

// deleteDeployment keeps the vendor's order: stopped, and out of the traffic.
func (e *emulator) deleteDeployment(w http.ResponseWriter, r *http.Request) {
	e.change(w, func(now time.Time) (any, *lab.Failure) {
		ep, d, refused := e.deployment(r)
		if refused != nil {
			return nil, refused
		}
		if d.state(now) != stateStopped {
			return nil, conflict(
				"deployment %s is %s: scale it to 0/0 and wait until it has stopped",
				d.ID,
				d.state(now),
			)
		}
		for _, s := range ep.Traffic {
			if s.Deployment == d.ID {
				return nil, conflict("deployment %s is in the traffic split: take it out first", d.ID)
			}
		}
		e.settleDeployment(d, now)
		delete(ep.Deployments, d.ID)
		ep.touch(now)
		return map[string]any{}, nil
	})
}
