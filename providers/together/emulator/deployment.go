package emulator

import (
	"cmp"
	"maps"
	"net/http"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

func deploymentState(state work.DeploymentState) string {
	return map[work.DeploymentState]string{
		work.DeploymentStarting: "DEPLOYMENT_STATE_PROVISIONING", work.DeploymentReady: "DEPLOYMENT_STATE_READY",
		work.DeploymentStopping: "DEPLOYMENT_STATE_STOPPING", work.DeploymentStopped: "DEPLOYMENT_STATE_STOPPED",
	}[state]
}

type autoscaling struct {
	Min int `json:"minReplicas"`
	Max int `json:"maxReplicas"`
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

func (h *hosting) createDeployment(r *http.Request, ask *deploymentAsk) (any, *lab.Failure) {
	d, refused := h.newDeployment(ask)
	if refused != nil {
		return nil, refused
	}
	dry := r.URL.Query().Get("validateOnly") == "true"
	made, refused := h.hosting.Deploy(r, r.PathValue("endpoint"), d, dry)
	return h.deploymentShown(r, made, refused)
}

// newDeployment checks a request and says what is to be deployed.
func (h *hosting) newDeployment(ask *deploymentAsk) (work.Deployment, *lab.Failure) {
	if refused := checkName(ask.Name); refused != nil {
		return work.Deployment{}, refused
	}
	if ask.Autoscaling == nil {
		return work.Deployment{}, lab.Invalid("autoscaling", "autoscaling is required")
	}
	m, refused := h.hosted(cmp.Or(ask.ModelID, resource(ask.Model, "models")))
	if refused == nil && !m.base.hostable() {
		refused = lab.Invalid("model", "models on %s cannot be deployed", m.base.ID)
	}
	if refused != nil {
		return work.Deployment{}, refused
	}
	config := cmp.Or(ask.ConfigID, resource(ask.Config, "configs"))
	if config != configID(m.base) {
		return work.Deployment{}, lab.Invalid("config",
			"config %q is not one for %s: see GET configs?referenceModelId=", config, m.base.ID)
	}
	return work.Deployment{
		ID: lab.NewID("dep_"), Name: ask.Name, Model: m.id, Base: m.base.ID, Training: m.training,
		Hardware: m.base.Instance, Min: ask.Autoscaling.Min, Max: ask.Autoscaling.Max,
	}, nil
}

// deploymentShown answers with a deployment.
func (h *hosting) deploymentShown(r *http.Request, d work.Deployment, refused *lab.Failure) (any, *lab.Failure) {
	if refused != nil {
		return nil, refused
	}
	return deploymentObject(r.PathValue("endpoint"), &d, h.lab.Now()), nil
}

func deploymentObject(endpoint string, d *work.Deployment, now time.Time) map[string]any {
	base, _ := findModel(d.Base)
	object := deploymentSummary(d, now)
	maps.Copy(object, map[string]any{
		"endpointId": endpoint, "projectId": projectID, "etag": d.Version, "modelRevisionId": revisionOf(d.Model),
		"config": configName(base), "configId": configID(base), "updatedAt": stamp(d.Updated), "enableLora": false,
		"status": map[string]any{
			"state": object["state"], "message": "", "readyReplicas": d.Replicas(now), "scheduledReplicas": d.Min,
		},
	})
	return object
}

func deploymentSummary(d *work.Deployment, now time.Time) map[string]any {
	return map[string]any{
		"id": d.ID, "name": d.Name, "modelId": d.Model, "model": "projects/" + projectID + "/models/" + d.Model,
		"state": deploymentState(d.State(now)), "createdAt": stamp(d.Created),
		"trafficMode": "TRAFFIC_MODE_LIVE", "autoscaling": autoscaling{d.Min, d.Max},
		"desiredReplicas": d.Min, "readyReplicas": d.Replicas(now), "hardware": d.Hardware,
		"estimatedEffectiveTrafficShare": 0,
	}
}

func (h *hosting) listDeployments(r *http.Request) (any, *lab.Failure) {
	ep, refused := h.hosting.Endpoint(r.PathValue("endpoint"))
	if refused != nil {
		return nil, refused
	}
	objects := []any{}
	for _, d := range ep.Deployments {
		if named(r, d.Name) {
			objects = append(objects, deploymentObject(ep.ID, d, h.lab.Now()))
		}
	}
	return page(r, objects), nil
}

func (h *hosting) getDeployment(r *http.Request) (any, *lab.Failure) {
	d, refused := h.hosting.Deployment(r.PathValue("endpoint"), r.PathValue("deployment"))
	return h.deploymentShown(r, d, refused)
}

func (h *hosting) patchDeployment(r *http.Request, ask *deploymentAsk) (any, *lab.Failure) {
	if refused := nothing(ask.Autoscaling == nil); refused != nil {
		return nil, refused
	}
	endpoint, id := r.PathValue("endpoint"), r.PathValue("deployment")
	d, refused := h.hosting.Scale(endpoint, id, ask.ETag, ask.Autoscaling.Min, ask.Autoscaling.Max)
	return h.deploymentShown(r, d, refused)
}

func (h *hosting) deleteDeployment(r *http.Request) (any, *lab.Failure) {
	return map[string]any{}, h.hosting.Undeploy(r.PathValue("endpoint"), r.PathValue("deployment"))
}
