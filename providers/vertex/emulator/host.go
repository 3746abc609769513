package emulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

// machinePrices are what an hour of a machine with its accelerators costs, in nano-dollars.
func machinePrices() map[string]int64 {
	return map[string]int64{"a3-highgpu-8g": 101_010_000_000, "g2-standard-12": 1_150_000_000}
}

func hourly(machine string) int64 { return machinePrices()[machine] }

// deployAsk is what a deployment is asked with
// (https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/projects.locations/deploy).
type deployAsk struct {
	Custom struct {
		URI string `json:"gcsUri"`
	} `json:"customModel"`
	Model struct {
		EULA bool   `json:"acceptEula"`
		ID   string `json:"modelUserId"`
	} `json:"modelConfig"`
	Endpoint struct {
		ID     string            `json:"endpointUserId"`
		Labels map[string]string `json:"labels"`
	} `json:"endpointConfig"`
	Deploy struct {
		Resources struct {
			Machine struct {
				Type string `json:"machineType"`
			} `json:"machineSpec"`
			Min int `json:"minReplicaCount"`
			Max int `json:"maxReplicaCount"`
		} `json:"dedicatedResources"`
	} `json:"deployConfig"`
}

// hosting answers for deployments and for what they serve.
type hosting struct{ *emulator }

// routes are those of deployments: there is none at the global location.
func (e hosting) routes(mux *http.ServeMux) {
	plain := e.gemini.Vendor
	for _, version := range []string{"/v1", "/v1beta1"} {
		place := version + "/projects/{project}/locations/{location}"
		mux.HandleFunc("POST "+version+"/projects/{project}/locations/{call}", lab.Take(plain, e.deploy))
		mux.HandleFunc("GET "+place+"/endpoints", plain.Answer(e.endpoints))
		mux.HandleFunc("GET "+place+"/endpoints/{endpoint}", plain.Answer(e.endpoint))
		mux.HandleFunc("DELETE "+place+"/endpoints/{endpoint}", plain.Answer(e.deleteEndpoint))
		mux.HandleFunc("POST "+place+"/endpoints/{call}", lab.Take(plain, e.undeploy))
		mux.HandleFunc("DELETE "+place+"/models/{model}", plain.Answer(done))
		mux.HandleFunc("GET "+place+"/operations", plain.Answer(e.operations))
	}
	below := "/v1/projects/{project}/locations/{location}/"
	mux.HandleFunc("POST "+below+"endpoints/{endpoint}/chat/completions", e.openai.Vendor.Handle(e.chatTuned))
}

// done is the answer to what is over when it is asked.
func done(*http.Request) (any, *lab.Failure) {
	return map[string]any{"name": "operations/" + lab.NewID(""), "done": true, "response": map[string]any{}}, nil
}

// trainedAt finds the fine-tune that left its weights at an address.
func (e hosting) trainedAt(uri string) (work.Training, bool) {
	for _, t := range e.account.Trainings.List() {
		if uri == t.Name+"/postprocess/node-0/checkpoints/final" && t.State(e.lab.Now()) == work.TrainingSucceeded {
			return t, true
		}
	}
	return work.Training{}, false
}

func (e hosting) deploy(r *http.Request, ask *deployAsk) (any, *lab.Failure) {
	location, asked := strings.CutSuffix(r.PathValue("call"), ":deploy")
	t, found := e.trainedAt(ask.Custom.URI)
	id, resources := ask.Endpoint.ID, ask.Deploy.Resources
	switch {
	case !asked:
		return nil, &lab.Failure{Status: http.StatusNotFound}
	case location == "global":
		return nil, lab.Invalid("", "Models can not be deployed at the global location.")
	case !found:
		return nil, lab.Invalid("", "There are no weights at %s.", ask.Custom.URI)
	case !ask.Model.EULA || id == "" || ask.Model.ID != id:
		return nil, lab.Invalid("", "The EULA has to be accepted, and the ids have to be given.")
	case hourly(resources.Machine.Type) == 0:
		return nil, lab.Invalid("", "Machine type %q is not supported.", resources.Machine.Type)
	case resources.Min < 1:
		return nil, lab.Invalid("", "min_replica_count has to be 1 or more.")
	}
	if _, refused := e.account.Hosting.AddEndpoint(work.Endpoint{ID: id, Name: id, Labels: ask.Endpoint.Labels}); refused != nil {
		return nil, &lab.Failure{Status: http.StatusConflict, Type: "ALREADY_EXISTS", Message: refused.Message}
	}
	if refused := limits(e).beyondServing(resources.Machine.Type, resources.Min); refused != nil {
		return nil, cmp.Or(e.account.Hosting.DeleteEndpoint(id, ""), refused)
	}
	d, refused := e.account.Hosting.Deploy(r, id, work.Deployment{
		ID: id, Name: id, Model: t.Model, Base: t.Base, Training: t.ID, Hardware: resources.Machine.Type,
		Min: resources.Min, Max: resources.Max,
	}, false)
	if refused != nil {
		return nil, refused
	}
	return e.operation(d), nil
}

// operation is Google's work on a deployment.
func (e hosting) operation(d work.Deployment) map[string]any {
	object := map[string]any{
		"name": "projects/" + project + "/operations/" + d.ID, "done": false,
		"metadata": map[string]any{
			"modelId": d.ID, "genericMetadata": map[string]any{"createTime": d.Created.Format(time.RFC3339Nano)},
		},
	}
	if d.State(e.lab.Now()) != work.DeploymentStarting {
		object["done"], object["response"] = true, map[string]any{"endpoint": d.ID, "model": d.ID}
	}
	return object
}

func (e hosting) operations(*http.Request) (any, *lab.Failure) {
	list := []any{}
	for _, endpoint := range e.account.Hosting.Endpoints() {
		for _, d := range endpoint.Deployments {
			list = append(list, e.operation(*d))
		}
	}
	return map[string]any{"operations": list}, nil
}

// at finds an endpoint.
func (e hosting) at(id string) (work.Endpoint, *lab.Failure) {
	found, refused := e.account.Hosting.Endpoint(id)
	if refused != nil {
		refused = &lab.Failure{Status: http.StatusNotFound, Message: fmt.Sprintf(
			"The Endpoint projects/%s/endpoints/%s does not exist.", project, id)}
	}
	return found, refused
}

// endpoint tells what is deployed at one: a model that is still being deployed is not.
func (e hosting) endpoint(r *http.Request) (any, *lab.Failure) {
	found, refused := e.at(r.PathValue("endpoint"))
	if refused != nil {
		return nil, refused
	}
	return e.endpointObject(r, found), nil
}

func (e hosting) endpointObject(r *http.Request, found work.Endpoint) any {
	models, now := []any{}, e.lab.Now()
	for _, d := range found.Deployments {
		if state := d.State(now); state == work.DeploymentReady || state == work.DeploymentStopping {
			models = append(models, deployedObject(d))
		}
	}
	return map[string]any{
		"name":        "projects/" + project + "/locations/" + r.PathValue("location") + "/endpoints/" + found.ID,
		"displayName": found.Name, "labels": found.Labels, "deployedModels": models,
	}
}

// undeploy takes a model off its machine.
func (e hosting) undeploy(r *http.Request, ask *struct {
	ID string `json:"deployedModelId"`
}) (any, *lab.Failure) {
	id, asked := strings.CutSuffix(r.PathValue("call"), ":undeployModel")
	found, refused := e.at(id)
	switch d := found.Find(ask.ID); {
	case !asked:
		return nil, &lab.Failure{Status: http.StatusNotFound}
	case refused != nil:
		return nil, refused
	case d == nil:
		return nil, &lab.Failure{Status: http.StatusNotFound, Message: "The DeployedModel does not exist."}
	case d.State(e.lab.Now()) == work.DeploymentReady:
		_, refused = e.account.Hosting.Scale(id, d.ID, "", 0, 0)
	}
	return map[string]any{"name": "operations/" + lab.NewID(""), "done": false}, refused
}

// deleteEndpoint removes an endpoint off which all models are.
func (e hosting) deleteEndpoint(r *http.Request) (any, *lab.Failure) {
	found, refused := e.at(r.PathValue("endpoint"))
	if refused != nil {
		return nil, refused
	}
	now := e.lab.Now()
	running := func(d *work.Deployment) bool { return d.State(now) != work.DeploymentStopped }
	if slices.ContainsFunc(found.Deployments, running) {
		return nil, &lab.Failure{Status: http.StatusBadRequest, Type: "FAILED_PRECONDITION",
			Message: "The Endpoint has deployed models: undeploy them first."}
	}
	for _, d := range found.Deployments {
		if refused := e.account.Hosting.Undeploy(found.ID, d.ID); refused != nil {
			return nil, refused
		}
	}
	if refused := e.account.Hosting.DeleteEndpoint(found.ID, ""); refused != nil {
		return nil, refused
	}
	return done(r)
}

// chatTuned answers at an endpoint of the project's own.
func (e hosting) chatTuned(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var ask model.Ask
	if err := lab.ReadJSON(r, &ask); err != nil {
		return lab.Invalid("", "Invalid JSON payload received. %v", err)
	}
	id := r.PathValue("endpoint")
	if _, refused := e.at(id); refused != nil {
		return refused
	}
	d, brain, refused := e.account.Hosting.Serving(id, id, 0)
	if refused != nil {
		return &lab.Failure{Status: http.StatusBadRequest, Type: "FAILED_PRECONDITION",
			Message: "The Endpoint has no deployed model."}
	}
	served := entry{ID: d.Base, Context: 131_072, MaxOutput: 8_192, brain: brain}
	if refused := served.check(&ask); refused != nil {
		return refused
	}
	e.lab.Chat(w, r, e.openai, &lab.Answer{Model: id, Billed: d.Base, Ask: &ask}, brain)
	return nil
}
