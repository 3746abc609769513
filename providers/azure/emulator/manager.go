package emulator

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// What ends a deployment of a tuned model by itself
// (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tune-test).
const (
	trialLife = 24 * time.Hour
	idleLife  = 15 * 24 * time.Hour // without a call
)

// The types of deployments of tuned models.
const (
	developer = "developertier"
	hourNano  = 1_700_000_000 // of the others, nano-dollars
)

// hourly is what an hour of a type costs beside the tokens, in nano-dollars.
func hourly(sku string) int64 {
	if sku == developer {
		return 0
	}
	return hourNano
}

// skus are the types that a tuned model can be deployed as.
func skus() []string { return []string{"standard", "globalstandard", developer} }

// armAsk is what a deployment is asked with
// (https://learn.microsoft.com/rest/api/aiservices/accountmanagement/deployments/create-or-update).
type armAsk struct {
	SKU struct {
		Name     string `json:"name"`
		Capacity int    `json:"capacity"`
	} `json:"sku"`
	Properties struct {
		Model struct {
			Format  string `json:"format"`
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"model"`
	} `json:"properties"`
}

// manager are the routes of Azure Resource Manager for the one resource there is.
func (e *emulator) manager(mux *http.ServeMux) {
	account := "/subscriptions/sandbox/resourceGroups/sandbox/providers/Microsoft.CognitiveServices/accounts/sandbox"
	e.bills(mux)
	limits{e}.routes(mux, account)
	mux.HandleFunc("GET "+account+"/models", versioned(e.vendor.Answer(e.offered)))
	mux.HandleFunc("GET "+account+"/deployments", versioned(e.vendor.Answer(e.listDeployments)))
	mux.HandleFunc("GET "+account+"/deployments/{name}", versioned(e.vendor.Answer(e.getDeployment)))
	mux.HandleFunc("PUT "+account+"/deployments/{name}", versioned(lab.Take(e.vendor, e.putDeployment)))
	mux.HandleFunc("DELETE "+account+"/deployments/{name}", versioned(e.vendor.Handle(e.deleteDeployment)))
}

// offered lists the models that the resource may deploy, with the types.
func (e *emulator) offered(*http.Request) (any, *lab.Failure) {
	list := []any{}
	for _, d := range e.deployed {
		offered := []any{}
		for _, sku := range skus() {
			if d.train > 0 && !d.fixed {
				offered = append(offered, map[string]any{
					"name": sku, "usageName": usageName(sku, d.name), "capacity": map[string]any{"default": capacity},
				})
			}
		}
		list = append(list, map[string]any{"format": "OpenAI", "name": d.name, "version": "1", "skus": offered})
	}
	return map[string]any{"value": list}, nil
}

// there finds a deployment that was not deleted, nor ended by itself.
func (e *emulator) there(named string) (work.Deployment, *lab.Failure) {
	d, refused := e.account.Hosting.Deployment(named, named)
	if refused == nil && d.State(e.lab.Now()) == work.DeploymentStopped {
		if refused = e.forget(named); refused == nil {
			refused = lab.Absent("deployment", named)
		}
	}
	if refused != nil && refused.Status == http.StatusNotFound {
		refused = &lab.Failure{Status: http.StatusNotFound, Code: "ResourceNotFound", Message: fmt.Sprintf(
			"The Resource 'Microsoft.CognitiveServices/accounts/sandbox/deployments/%s' was not found.", named)}
	}
	return d, refused
}

// forget removes what has stopped.
func (e *emulator) forget(named string) *lab.Failure {
	if refused := e.account.Hosting.Undeploy(named, named); refused != nil {
		return refused
	}
	return e.account.Hosting.DeleteEndpoint(named, "")
}

// armObject is a deployment as Azure Resource Manager tells it.
func (e *emulator) armObject(d work.Deployment) any {
	state := map[work.DeploymentState]string{
		work.DeploymentStarting: "Creating", work.DeploymentReady: "Succeeded", work.DeploymentStopping: "Deleting",
	}[d.State(e.lab.Now())]
	return map[string]any{
		"id": "/subscriptions/sandbox/deployments/" + d.Name, "name": d.Name, "etag": d.Version,
		"type": "Microsoft.CognitiveServices/accounts/deployments",
		"sku":  map[string]any{"name": d.Hardware, "capacity": capacity},
		"properties": map[string]any{
			"provisioningState": state, "currentCapacity": capacity,
			"model": map[string]any{"format": "OpenAI", "name": d.Model, "version": "1"},
		},
	}
}

func (e *emulator) getDeployment(r *http.Request) (any, *lab.Failure) {
	d, refused := e.there(r.PathValue("name"))
	if refused != nil {
		return nil, refused
	}
	return e.armObject(d), nil
}

func (e *emulator) listDeployments(*http.Request) (any, *lab.Failure) {
	list := []any{}
	for _, endpoint := range e.account.Hosting.Endpoints() {
		if d, refused := e.there(endpoint.ID); refused == nil {
			list = append(list, e.armObject(d))
		}
	}
	return map[string]any{"value": list}, nil
}

// until is when a deployment of a type ends by itself, used at a time.
func until(sku string, made, used time.Time) time.Time {
	end := used.Add(idleLife)
	if trial := made.Add(trialLife); sku == developer && trial.Before(end) {
		return trial
	}
	return end
}

// putDeployment makes a deployment, or changes the type of one.
func (e *emulator) putDeployment(r *http.Request, ask *armAsk) (any, *lab.Failure) {
	named, sku, now := r.PathValue("name"), strings.ToLower(ask.SKU.Name), e.lab.Now()
	t, found := e.trained(ask.Properties.Model.Name)
	base, _ := e.tunable(t.Base)
	switch {
	case !found:
		return nil, &lab.Failure{Status: http.StatusBadRequest, Code: "DeploymentModelNotSupported", Message: fmt.Sprintf(
			"The model 'Format:OpenAI,Name:%s,Version:1' of account deployment is not supported.", ask.Properties.Model.Name)}
	case base.fixed || hourly(sku) == hourNano && sku != "standard" && sku != "globalstandard":
		return nil, &lab.Failure{Status: http.StatusBadRequest, Code: "InvalidResourceProperties", Message: fmt.Sprintf(
			"The specified SKU '%s' of account deployment is not supported by the model '%s'.", ask.SKU.Name, t.Name)}
	}
	d, refused := e.there(named)
	switch {
	case refused == nil && d.State(now) == work.DeploymentStopping:
		return nil, lab.Conflict("The deployment %s is being deleted.", named)
	case refused == nil:
		d, refused = e.account.Hosting.Renew(named, named, sku, until(sku, d.Created, now))
	case refused.Status == http.StatusNotFound:
		d, refused = e.makeDeployment(r, work.Deployment{
			ID: named, Name: named, Model: t.Name, Base: t.Base, Training: t.ID, Hardware: sku, Min: 1, Max: 1,
			Until: until(sku, now, now),
		})
	}
	if refused != nil {
		return nil, refused
	}
	return e.armObject(d), nil
}

func (e *emulator) makeDeployment(r *http.Request, d work.Deployment) (work.Deployment, *lab.Failure) {
	if refused := (limits{e}).insufficient(d.Hardware, d.Base); refused != nil {
		return d, refused
	}
	if _, refused := e.account.Hosting.AddEndpoint(work.Endpoint{ID: d.Name, Name: d.Name}); refused != nil {
		return d, refused
	}
	return e.account.Hosting.Deploy(r, d.Name, d, false)
}

// trained finds the fine-tune that made a model.
func (e *emulator) trained(named string) (work.Training, bool) {
	for _, t := range e.account.Trainings.List() {
		if t.Name == named && t.State(e.lab.Now()) == work.TrainingSucceeded {
			return t, true
		}
	}
	return work.Training{}, false
}

func (e *emulator) deleteDeployment(w http.ResponseWriter, r *http.Request) *lab.Failure {
	named := r.PathValue("name")
	d, refused := e.there(named)
	if refused != nil && refused.Status == http.StatusNotFound {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if refused == nil && d.State(e.lab.Now()) != work.DeploymentStopping {
		_, refused = e.account.Hosting.Scale(named, named, "", 0, 0)
	}
	if refused != nil {
		return refused
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// tuned finds the deployment of a tuned model that answers, and notes that it is used.
func (e *emulator) tuned(named string) (deployment, bool) {
	d, brain, refused := e.account.Hosting.Serving(named, named, 0)
	if refused != nil {
		return deployment{}, false
	}
	base, _ := e.tunable(d.Base)
	if _, refused := e.account.Hosting.Renew(named, named, d.Hardware, until(d.Hardware, d.Created, e.lab.Now())); refused != nil {
		return deployment{}, false
	}
	base.name, base.model, base.brain, base.by = named, d.Model, brain, base.name
	return base, true
}
