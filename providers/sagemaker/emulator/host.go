package emulator

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// modelAsk is what a model is made with
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html).
type modelAsk struct {
	Name      string `json:"ModelName"`
	Role      string `json:"ExecutionRoleArn"`
	Isolated  bool   `json:"EnableNetworkIsolation"`
	Container struct {
		Image       string            `json:"Image"`
		Environment map[string]string `json:"Environment,omitempty"`
		Data        struct {
			S3 struct {
				Kind   string `json:"S3DataType"`
				URI    string `json:"S3Uri"`
				Packed string `json:"CompressionType"`
			} `json:"S3DataSource"`
		} `json:"ModelDataSource"`
	} `json:"PrimaryContainer"`
}

// configAsk is what the configuration of endpoints is made with
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html).
type configAsk struct {
	Name     string    `json:"EndpointConfigName"`
	Variants []variant `json:"ProductionVariants"`
}

type variant struct {
	Name     string `json:"VariantName"`
	Model    string `json:"ModelName"`
	Instance string `json:"InstanceType"`
	Count    int    `json:"InitialInstanceCount"`
}

// endpointAsk names an endpoint, and what it is made with.
type endpointAsk struct {
	Name   string `json:"EndpointName"`
	Config string `json:"EndpointConfigName"`
}

func arn(kind, named string) string {
	return "arn:aws:sagemaker:" + region + ":" + account + ":" + kind + "/" + named
}

func (e *emulator) createModel(_ *http.Request, ask *modelAsk) (any, *lab.Failure) {
	data := ask.Container.Data.S3
	switch {
	case !goodName.MatchString(ask.Name) || !goodRole.MatchString(ask.Role):
		return nil, refuse("1 validation error detected: Value '%s' at 'modelName' failed to satisfy constraint", ask.Name)
	case data.Kind != "S3Prefix" || data.Packed != "None" || ask.Container.Image == "":
		return nil, refuse("The sandbox serves uncompressed models of a folder in S3 alone")
	}
	if _, found := e.trained(data.URI); !found {
		return nil, refuse("Could not find model data at %s.", data.URI)
	}
	refused := e.change(func(k *kept) *lab.Failure {
		if _, taken := k.Models[ask.Name]; taken {
			return refuse("Cannot create already existing model \"%s\".", arn("model", ask.Name))
		}
		k.Models[ask.Name] = *ask
		return nil
	})
	return map[string]any{"ModelArn": arn("model", ask.Name)}, refused
}

// trained finds the job that left its model at an address.
func (e *emulator) trained(uri string) (work.Training, bool) {
	for _, t := range e.account.Trainings.List() {
		if t.Name == uri && t.State(e.lab.Now()) == work.TrainingSucceeded {
			return t, true
		}
	}
	return work.Training{}, false
}

// find returns a model or a configuration, which an operation is about.
func find[T any](e *emulator, of func(*kept) map[string]T, kind, named string) (T, *lab.Failure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	found, known := of(&e.kept)[named]
	if !known {
		return found, refuse("Could not find %s \"%s\".", kind, arn(kind, named))
	}
	return found, nil
}

func models(k *kept) map[string]modelAsk { return k.Models }

func configs(k *kept) map[string]configAsk { return k.Configs }

func (e *emulator) describeModel(_ *http.Request, ask *modelAsk) (any, *lab.Failure) {
	found, refused := find(e, models, "model", ask.Name)
	return map[string]any{
		"ModelName": found.Name, "ModelArn": arn("model", ask.Name), "ExecutionRoleArn": found.Role,
		"PrimaryContainer": found.Container, "EnableNetworkIsolation": found.Isolated,
	}, refused
}

// remove deletes a model or a configuration.
func remove[T any](e *emulator, of func(*kept) map[string]T, kind, named string) (any, *lab.Failure) {
	if _, refused := find(e, of, kind, named); refused != nil {
		return nil, refused
	}
	return map[string]any{}, e.change(func(k *kept) *lab.Failure {
		delete(of(k), named)
		return nil
	})
}

func (e *emulator) deleteModel(_ *http.Request, ask *modelAsk) (any, *lab.Failure) {
	return remove(e, models, "model", ask.Name)
}

func (e *emulator) createConfig(_ *http.Request, ask *configAsk) (any, *lab.Failure) {
	if !goodName.MatchString(ask.Name) || len(ask.Variants) != 1 || ask.Variants[0].Count < 1 {
		return nil, refuse("1 validation error detected: Value at 'productionVariants' failed to satisfy constraint")
	}
	if _, refused := find(e, models, "model", ask.Variants[0].Model); refused != nil {
		return nil, refused
	}
	refused := e.change(func(k *kept) *lab.Failure {
		if _, taken := k.Configs[ask.Name]; taken {
			return refuse("Cannot create already existing endpoint configuration \"%s\".", arn("endpoint-config", ask.Name))
		}
		k.Configs[ask.Name] = *ask
		return nil
	})
	return map[string]any{"EndpointConfigArn": arn("endpoint-config", ask.Name)}, refused
}

func (e *emulator) describeConfig(_ *http.Request, ask *configAsk) (any, *lab.Failure) {
	found, refused := find(e, configs, "endpoint-config", ask.Name)
	return map[string]any{
		"EndpointConfigName": found.Name, "EndpointConfigArn": arn("endpoint-config", ask.Name), "ProductionVariants": found.Variants,
	}, refused
}

func (e *emulator) deleteConfig(_ *http.Request, ask *configAsk) (any, *lab.Failure) {
	return remove(e, configs, "endpoint-config", ask.Name)
}

func (e *emulator) createEndpoint(r *http.Request, ask *endpointAsk) (any, *lab.Failure) {
	config, refused := find(e, configs, "endpoint-config", ask.Config)
	if refused != nil {
		return nil, refused
	}
	made, refused := find(e, models, "model", config.Variants[0].Model)
	if refused != nil {
		return nil, refused
	}
	t, _ := e.trained(made.Container.Data.S3.URI)
	v := config.Variants[0]
	switch {
	case !goodName.MatchString(ask.Name):
		return nil, refuse("1 validation error detected: Value '%s' at 'endpointName' failed to satisfy constraint", ask.Name)
	case hourly(v.Instance) == 0:
		return nil, beyond(v.Instance, "endpoint")
	case e.there(ask.Name):
		return nil, refuse("Cannot create already existing endpoint \"%s\".", arn("endpoint", ask.Name))
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
	if e.standing[named] != nil {
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

func (e *emulator) describeEndpoint(_ *http.Request, ask *endpointAsk) (any, *lab.Failure) {
	switch {
	case e.standing[ask.Name] != nil:
		return standingObject(ask.Name), nil
	case !e.there(ask.Name):
		return nil, refuse("Could not find endpoint \"%s\".", arn("endpoint", ask.Name))
	}
	found, refused := e.account.Hosting.Endpoint(ask.Name)
	if refused != nil {
		return nil, refused
	}
	object := e.endpointObject(*found.Find(ask.Name))
	object["EndpointConfigName"] = found.Labels["config"]
	return object, nil
}

func (e *emulator) listEndpoints(_ *http.Request, ask *struct {
	Most int    `json:"MaxResults"`
	Next string `json:"NextToken"`
}) (any, *lab.Failure) {
	list := []any{}
	for _, named := range slices.Sorted(maps.Keys(e.standing)) {
		list = append(list, standingObject(named))
	}
	for _, endpoint := range e.account.Hosting.Endpoints() {
		if d := endpoint.Find(endpoint.Name); d != nil && e.there(endpoint.Name) {
			list = append(list, e.endpointObject(*d))
		}
	}
	from := lab.Between(ask.Next, 0, len(list), 0)
	to := min(from+lab.Between(strconv.Itoa(ask.Most), 1, 100, 10), len(list))
	page := map[string]any{"Endpoints": slices.Clip(list[from:to])}
	if to < len(list) {
		page["NextToken"] = strconv.Itoa(to)
	}
	return page, nil
}

func (e *emulator) deleteEndpoint(_ *http.Request, ask *endpointAsk) (any, *lab.Failure) {
	if e.standing[ask.Name] != nil || !e.there(ask.Name) {
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
		_, refused = e.account.Hosting.Scale(ask.Name, ask.Name, "", 0, 0)
	}
	return map[string]any{}, refused
}
