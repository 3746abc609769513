package emulator

import (
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// endpointAsk names an endpoint, and what it is made with.
type endpointAsk struct {
	Name   string `json:"EndpointName"`
	Config string `json:"EndpointConfigName"`
}

func arn(kind, named string) string {
	return "arn:aws:sagemaker:" + region + ":" + account + ":" + kind + "/" + named
}

func (e *emulator) createEndpoint(r *http.Request) (any, *lab.Failure) {
	var ask endpointAsk
	var config configAsk
	var made modelAsk
	refused := read(r, &ask)
	if refused == nil {
		refused = e.find(kindConfig, ask.Config, &config)
	}
	if refused == nil && config.Variants[0].Model != "" {
		refused = e.find(kindModel, config.Variants[0].Model, &made)
	}
	if refused != nil {
		return nil, refused
	}
	t, _ := e.trained(made.Container.Data.S3.URI)
	v := config.Variants[0]
	switch {
	case !goodName.MatchString(ask.Name):
		return nil, refuse("1 validation error detected: Value '%s' at 'endpointName' failed to satisfy constraint", ask.Name)
	case e.there(ask.Name):
		return nil, refuse("Cannot create already existing endpoint \"%s\".", arn("endpoint", ask.Name))
	}
	if refused := (limits{e}).beyond(v.Instance, useEndpoint, v.Count); refused != nil {
		return nil, refused
	}
	if _, refused := e.account.Hosting.AddEndpoint(work.Endpoint{
		ID: ask.Name, Name: ask.Name, Labels: map[string]string{"config": ask.Config},
	}); refused != nil {
		return nil, refused
	}
	_, refused = e.account.Hosting.Deploy(r, ask.Name, work.Deployment{
		ID: ask.Name, Name: ask.Name, Model: t.Model, Base: t.Base, Training: t.ID, Hardware: v.Instance, Min: v.Count, Max: v.Count,
	}, false)
	return map[string]any{"EndpointArn": arn("endpoint", ask.Name)}, refused
}

// there tells whether an endpoint is there. One whose machines are off has been deleted.
func (e *emulator) there(named string) bool {
	if e.stands(named) != nil {
		return true
	}
	d, refused := e.account.Hosting.Deployment(named, named)
	if refused != nil {
		return false
	}
	if d.State(e.lab.Now()) != work.DeploymentStopped {
		return true
	}
	if refused = e.account.Hosting.Undeploy(named, named); refused == nil {
		refused = e.account.Hosting.DeleteEndpoint(named, "")
	}
	return refused != nil
}

// endpointStatus is SageMaker's word for where an endpoint is.
func endpointStatus(state work.DeploymentState) string {
	return map[work.DeploymentState]string{
		work.DeploymentStarting: "Creating", work.DeploymentReady: "InService", work.DeploymentStopping: "Deleting",
	}[state]
}

// endpointObject is an endpoint as the list has it.
func (e *emulator) endpointObject(d work.Deployment) map[string]any {
	now := e.lab.Now()
	return map[string]any{
		"EndpointName": d.Name, "EndpointArn": arn("endpoint", d.Name), "EndpointStatus": endpointStatus(d.State(now)),
		"CreationTime": stamp(d.Created), "LastModifiedTime": stamp(now),
	}
}

func (e *emulator) describeEndpoint(r *http.Request) (any, *lab.Failure) {
	var ask endpointAsk
	refused := read(r, &ask)
	switch {
	case refused != nil:
		return nil, refused
	case e.stands(ask.Name) != nil:
		object := standingObject(ask.Name)
		object["ProductionVariants"] = variants(1)
		return object, nil
	case !e.there(ask.Name):
		return nil, refuse("Could not find endpoint \"%s\".", arn("endpoint", ask.Name))
	}
	found, refused := e.account.Hosting.Endpoint(ask.Name)
	if refused != nil {
		return nil, refused
	}
	object := e.endpointObject(*found.Find(ask.Name))
	if object["EndpointStatus"] == "InService" && (rack{e}).changing(ask.Name) {
		object["EndpointStatus"] = "Updating"
	}
	object["EndpointConfigName"], object["ProductionVariants"] = found.Labels["config"], variants(found.Find(ask.Name).Max)
	return object, nil
}

func (e *emulator) listEndpoints(r *http.Request) (any, *lab.Failure) {
	var ask page
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	list := []any{}
	for _, s := range e.standing {
		list = append(list, standingObject(s.endpoint))
	}
	for _, endpoint := range e.account.Hosting.Endpoints() {
		if d := endpoint.Find(endpoint.Name); d != nil && e.there(endpoint.Name) {
			list = append(list, e.endpointObject(*d))
		}
	}
	return ask.of("Endpoints", list), nil
}

func (e *emulator) deleteEndpoint(r *http.Request) (any, *lab.Failure) {
	var ask endpointAsk
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	if e.stands(ask.Name) != nil || !e.there(ask.Name) {
		return nil, refuse("Could not find endpoint \"%s\".", arn("endpoint", ask.Name))
	}
	d, refused := e.account.Hosting.Deployment(ask.Name, ask.Name)
	if refused != nil {
		return nil, refused
	}
	switch d.State(e.lab.Now()) {
	case work.DeploymentStarting:
		return nil, refuse("Cannot update in-progress endpoint \"%s\".", arn("endpoint", ask.Name))
	case work.DeploymentReady:
		if len((rack{e}).components(ask.Name)) > 0 {
			return nil, refuse("Cannot delete endpoint \"%s\" that hosts inference components.", arn("endpoint", ask.Name))
		}
		_, refused = e.account.Hosting.Scale(ask.Name, ask.Name, "", 0, 0)
	}
	return map[string]any{}, refused
}
