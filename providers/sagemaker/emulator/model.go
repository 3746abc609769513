package emulator

import (
	"encoding/json"
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// modelAsk is what a model is made with
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html).
type modelAsk struct {
	Name      string    `json:"ModelName"`
	Role      string    `json:"ExecutionRoleArn"`
	Isolated  bool      `json:"EnableNetworkIsolation"`
	Container container `json:"PrimaryContainer"`
}

type container struct {
	Image string `json:"Image"`
	Data  source `json:"ModelDataSource"`
}

// configAsk is what the configuration of endpoints is made with
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html).
type configAsk struct {
	Name     string    `json:"EndpointConfigName"`
	Variants []variant `json:"ProductionVariants"`
	Role     string    `json:"ExecutionRoleArn,omitempty"` // of endpoints with components
	Isolated bool      `json:"EnableNetworkIsolation,omitempty"`
}

type variant struct {
	Name     string `json:"VariantName"`
	Model    string `json:"ModelName,omitempty"` // "" of an endpoint with components
	Instance string `json:"InstanceType"`
	Count    int    `json:"InitialInstanceCount"`
}

// The kinds of things that an endpoint is made of, as their ARNs have them.
const (
	kindModel  = "model"
	kindConfig = "endpoint-config"
)

// add keeps a model or a configuration, whose name has to be free.
func (e *emulator) add(kind, named string, ask any) *lab.Failure {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !goodName.MatchString(named) {
		return refuse("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint", named, kind)
	}
	if e.kept[arn(kind, named)] != nil {
		return refuse("Cannot create already existing %s \"%s\".", kind, arn(kind, named))
	}
	e.kept[arn(kind, named)] = encoded(ask)
	return e.save()
}

// save keeps what is there. It is called with the lock held.
func (e *emulator) save() *lab.Failure {
	if err := e.lab.Shelf.Save(keptName, e.kept); err != nil {
		return lab.NotKept(err)
	}
	return nil
}

// find reads a model or a configuration into ask.
func (e *emulator) find(kind, named string, ask any) *lab.Failure {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := e.kept[arn(kind, named)]
	if found == nil {
		return refuse("Could not find %s \"%s\".", kind, arn(kind, named))
	}
	if err := json.Unmarshal(found, ask); err != nil { // it was written by add
		panic(err)
	}
	return nil
}

// remove deletes a model or a configuration.
func (e *emulator) remove(kind, named string) (any, *lab.Failure) {
	var found json.RawMessage
	if refused := e.find(kind, named, &found); refused != nil {
		return nil, refused
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.kept, arn(kind, named))
	return map[string]any{}, e.save()
}

// describe tells of a model or a configuration what it was made with.
func (e *emulator) describe(kind, named string) (any, *lab.Failure) {
	object := map[string]any{}
	if refused := e.find(kind, named, &object); refused != nil {
		return nil, refused
	}
	member := map[string]string{kindModel: "ModelArn", kindConfig: "EndpointConfigArn"}[kind]
	object[member], object["CreationTime"] = arn(kind, named), stamp(e.lab.Now())
	return object, nil
}

func (e *emulator) createModel(r *http.Request) (any, *lab.Failure) {
	var ask modelAsk
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	data := ask.Container.Data.S3
	if data.Kind != "S3Prefix" || data.Packed != "None" || ask.Container.Image == "" || !goodRole.MatchString(ask.Role) {
		return nil, refuse("The sandbox serves uncompressed models of a folder in S3 alone, by a role")
	}
	hosted, found := rack{e}.hosted(data.URI)
	if _, trained := e.trained(data.URI); !trained && !found {
		return nil, refuse("Could not find model data at %s.", data.URI)
	}
	if e.hub[hosted].gated && (data.Access == nil || !data.Access.Accepted) {
		return nil, refuse("The model requires that its end-user license agreement is accepted: set AcceptEula in ModelAccessConfig.")
	}
	return map[string]any{"ModelArn": arn(kindModel, ask.Name)}, e.add(kindModel, ask.Name, ask)
}

func (e *emulator) describeModel(r *http.Request) (any, *lab.Failure) {
	var ask modelAsk
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	return e.describe(kindModel, ask.Name)
}

func (e *emulator) deleteModel(r *http.Request) (any, *lab.Failure) {
	var ask modelAsk
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	return e.remove(kindModel, ask.Name)
}

func (e *emulator) createConfig(r *http.Request) (any, *lab.Failure) {
	var ask configAsk
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	if len(ask.Variants) != 1 || ask.Variants[0].Count < 1 {
		return nil, refuse("1 validation error detected: Value at 'productionVariants' failed to satisfy constraint")
	}
	if ask.Variants[0].Model == "" && !goodRole.MatchString(ask.Role) {
		return nil, refuse("ExecutionRoleArn is required for an endpoint whose variants name no model")
	}
	if ask.Variants[0].Model != "" {
		if refused := e.find(kindModel, ask.Variants[0].Model, &modelAsk{}); refused != nil {
			return nil, refused
		}
	}
	return map[string]any{"EndpointConfigArn": arn(kindConfig, ask.Name)}, e.add(kindConfig, ask.Name, ask)
}

func (e *emulator) describeConfig(r *http.Request) (any, *lab.Failure) {
	var ask configAsk
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	if standing, is := standingConfig(e.standing, ask.Name); is {
		return standing, nil
	}
	return e.describe(kindConfig, ask.Name)
}

func (e *emulator) deleteConfig(r *http.Request) (any, *lab.Failure) {
	var ask configAsk
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	return e.remove(kindConfig, ask.Name)
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
