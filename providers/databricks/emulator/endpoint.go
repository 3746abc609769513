package emulator

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// chunk is by what the throughput of an endpoint grows, in tokens a second.
const chunk = 4750

// hours are DBU an hour of an endpoint at one chunk, in thousandths, by its weights.
var hours = map[string]int64{
	"system.ai.meta_llama_v3_1_8b_instruct": 53_571, "system.ai.meta_llama_v3_3_70b_instruct": 85_714,
}

// hourly is what an hour of an endpoint costs, in nano-dollars.
func hourly(weights string) int64 { return hours[weights] * unit / 1000 }

// serving answers for endpoints and for what they serve.
type serving struct{ *emulator }

// endpoints are the routes of serving endpoints, and those of models that these need
// (https://docs.databricks.com/api/workspace/servingendpoints).
func (e serving) endpoints(mux *http.ServeMux) {
	const base = "/api/2.0/serving-endpoints"
	mux.HandleFunc("GET "+base, e.vendor.Answer(e.listEndpoints))
	mux.HandleFunc("POST "+base, lab.Take(e.vendor, e.createEndpoint))
	mux.HandleFunc("GET "+base+"/{name}", e.vendor.Answer(e.getEndpoint))
	mux.HandleFunc("DELETE "+base+"/{name}", e.vendor.Answer(e.deleteEndpoint))
	mux.HandleFunc("PUT "+base+"/{name}/config", lab.Take(e.vendor, e.putConfig))
	mux.HandleFunc("GET "+base+"/get-model-optimization-info/{model}/{version}", e.vendor.Answer(e.optimisation))
	mux.HandleFunc("GET /api/2.1/unity-catalog/models/{model}/versions", e.vendor.Answer(e.versions))
}

// registered finds the run that registered a model.
func (e serving) registered(model string) (work.Training, *lab.Failure) {
	for _, t := range e.account.Trainings.List() {
		if t.Model == model && strings.HasPrefix(model, schema) && t.State(e.lab.Now()) == work.TrainingSucceeded {
			return t, nil
		}
	}
	return work.Training{}, absent("Routine or Model '%s' does not exist.", model)
}

func (e serving) versions(r *http.Request) (any, *lab.Failure) {
	t, refused := e.registered(r.PathValue("model"))
	if refused != nil {
		return nil, refused
	}
	return map[string]any{"model_versions": []any{map[string]any{
		"model_name": strings.TrimPrefix(t.Model, schema), "catalog_name": "dreamlab", "schema_name": "tuning", "version": 1,
		"status": "READY", "created_at": t.Finish().UnixMilli(),
	}}}, nil
}

func (e serving) optimisation(r *http.Request) (any, *lab.Failure) {
	if _, refused := e.registered(r.PathValue("model")); refused != nil {
		return nil, refused
	}
	return map[string]any{"optimizable": true, "model_type": "llama", "throughput_chunk_size": chunk}, nil
}

// configAsk is the configuration of an endpoint.
type configAsk struct {
	Served []struct {
		Name    string `json:"name"`
		Entity  string `json:"entity_name"`
		Version string `json:"entity_version"`
		Min     int    `json:"min_provisioned_throughput"`
		Max     int    `json:"max_provisioned_throughput"`
	} `json:"served_entities"`
	Traffic struct {
		Routes []struct {
			Model   string `json:"served_model_name"`
			Entity  string `json:"served_entity_name"`
			Percent int    `json:"traffic_percentage"`
		} `json:"routes"`
	} `json:"traffic_config"`
}

// split reads the shares of the traffic, which have to come to 100.
func (a configAsk) split() ([]work.Share, *lab.Failure) {
	total := 0
	var shares []work.Share
	for _, route := range a.Traffic.Routes {
		shares = append(shares, work.Share{Deployment: route.Model + route.Entity, Weight: route.Percent})
		total += route.Percent
	}
	if total != 100 {
		return nil, lab.Invalid("", "The traffic percentages must sum to 100, and not to %d.", total)
	}
	return shares, nil
}

// planned makes the deployments that a configuration asks for.
func (e serving) planned(a configAsk) ([]work.Deployment, *lab.Failure) {
	if len(a.Served) == 0 {
		return nil, lab.Invalid("", "served_entities: at least one is needed.")
	}
	var list []work.Deployment
	for _, s := range a.Served {
		t, refused := e.registered(s.Entity)
		switch {
		case refused != nil:
			return nil, refused
		case s.Version != "1":
			return nil, absent("Model version %s of '%s' does not exist.", s.Version, s.Entity)
		case s.Max < chunk || s.Max%chunk != 0 || s.Min%chunk != 0 || s.Min > s.Max:
			return nil, lab.Invalid("", "The provisioned throughput has to be a multiple of %d.", chunk)
		}
		list = append(list, work.Deployment{
			ID: s.Name, Name: s.Name, Model: t.Model, Base: t.Base, Training: t.ID, Hardware: t.Base, Min: s.Max / chunk, Max: s.Max / chunk,
		})
	}
	return list, nil
}

// nameable is what an endpoint may be called.
var nameable = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$`)

func (e serving) createEndpoint(r *http.Request, asked *struct {
	Name   string    `json:"name"`
	Config configAsk `json:"config"`
}) (any, *lab.Failure) {
	_, taken := e.there(asked.Name)
	switch {
	case !nameable.MatchString(asked.Name):
		return nil, lab.Invalid("", "Endpoint name must have 1 to 63 alphanumeric characters, dashes and underscores.")
	case taken == nil:
		return nil, &lab.Failure{Status: http.StatusConflict, Message: fmt.Sprintf("Endpoint with name '%s' already exists.", asked.Name)}
	}
	list, refused := e.planned(asked.Config)
	if refused != nil {
		return nil, refused
	}
	shares, refused := asked.Config.split()
	if refused == nil {
		refused = e.tidy()
	}
	if refused != nil {
		return nil, refused
	}
	made, refused := e.account.Hosting.AddEndpoint(work.Endpoint{ID: lab.NewID(""), Name: asked.Name})
	for _, d := range list {
		if refused == nil {
			_, refused = e.account.Hosting.Deploy(r, made.ID, d, false)
		}
	}
	if refused != nil {
		return nil, refused
	}
	return e.resplit(made.ID, shares)
}

func (e serving) resplit(id string, shares []work.Share) (any, *lab.Failure) {
	after, refused := e.account.Hosting.ChangeEndpoint(id, "", func(kept *work.Endpoint) *lab.Failure { return kept.Split(shares) })
	if refused != nil {
		return nil, refused
	}
	return e.endpointObject(after), nil
}

// putConfig changes the shares of the traffic; what is served stays.
func (e serving) putConfig(r *http.Request, asked *configAsk) (any, *lab.Failure) {
	found, refused := e.there(r.PathValue("name"))
	if refused != nil {
		return nil, refused
	}
	shares, refused := asked.split()
	if refused != nil {
		return nil, refused
	}
	return e.resplit(found.ID, shares)
}

// there finds an endpoint by its name. One that is deleted has its id as its name.
func (e serving) there(named string) (work.Endpoint, *lab.Failure) {
	for _, found := range e.account.Hosting.Endpoints() {
		if found.Name == named && found.Name != found.ID {
			return found, nil
		}
	}
	return work.Endpoint{}, absent("Endpoint with name '%s' does not exist.", named)
}

// tidy forgets the deleted endpoints whose hardware has stopped.
func (e serving) tidy() *lab.Failure {
	hosting := e.account.Hosting
	for _, found := range hosting.Endpoints() {
		stopped := found.Name == found.ID
		for _, d := range found.Deployments {
			stopped = stopped && d.State(e.lab.Now()) == work.DeploymentStopped && hosting.Undeploy(found.ID, d.ID) == nil
		}
		if !stopped {
			continue
		}
		if refused := hosting.DeleteEndpoint(found.ID, ""); refused != nil {
			return refused
		}
	}
	return nil
}

func (e serving) getEndpoint(r *http.Request) (any, *lab.Failure) {
	named := r.PathValue("name")
	if m, refused := e.find(named); refused == nil {
		return entryObject(m), nil
	}
	found, refused := e.there(named)
	if refused != nil {
		return nil, refused
	}
	return e.endpointObject(found), nil
}

func (e serving) listEndpoints(*http.Request) (any, *lab.Failure) {
	listed := lab.Objects(e.served, entryObject)
	for _, found := range e.account.Hosting.Endpoints() {
		if found.Name != found.ID {
			listed = append(listed, e.endpointObject(found))
		}
	}
	return map[string]any{"endpoints": listed}, nil
}

// deleteEndpoint takes an endpoint away at once; its hardware stops a little later.
func (e serving) deleteEndpoint(r *http.Request) (any, *lab.Failure) {
	found, refused := e.there(r.PathValue("name"))
	if refused != nil {
		return nil, refused
	}
	for _, d := range found.Deployments {
		if _, refused := e.account.Hosting.Scale(found.ID, d.ID, "", 0, 0); refused != nil {
			return nil, refused
		}
	}
	_, refused = e.account.Hosting.ChangeEndpoint(found.ID, "", func(kept *work.Endpoint) *lab.Failure {
		kept.Name, kept.Traffic = kept.ID, nil
		return nil
	})
	return map[string]any{}, refused
}

// endpointObject is an endpoint as Databricks tells it.
func (e serving) endpointObject(found work.Endpoint) any {
	state, update, entities := "READY", "NOT_UPDATING", []any{}
	for _, d := range found.Deployments {
		deployment := "DEPLOYMENT_READY"
		if d.State(e.lab.Now()) != work.DeploymentReady {
			state, update, deployment = "NOT_READY", "IN_PROGRESS", "DEPLOYMENT_CREATING"
		}
		entities = append(entities, map[string]any{
			"name": d.Name, "entity_name": d.Model, "entity_version": "1", "min_provisioned_throughput": d.Min * chunk,
			"max_provisioned_throughput": d.Max * chunk, "scale_to_zero_enabled": false,
			"state": map[string]any{"deployment": deployment, "deployment_state_message": ""},
		})
	}
	routes := []any{}
	for _, share := range found.Traffic {
		routes = append(routes, map[string]any{"served_model_name": share.Deployment, "traffic_percentage": share.Weight})
	}
	return map[string]any{
		"name": found.Name, "id": found.ID, "task": "llm/v1/chat", "creation_timestamp": found.Created.UnixMilli(),
		"state":  map[string]any{"ready": state, "config_update": update},
		"config": map[string]any{"served_entities": entities, "traffic_config": map[string]any{"routes": routes}, "config_version": 1},
	}
}

func entryObject(m entry) any {
	task := "llm/v1/chat"
	if m.brain == nil {
		task = "llm/v1/embeddings"
	}
	return map[string]any{
		"name": m.name, "task": task, "state": map[string]any{"ready": "READY", "config_update": "NOT_UPDATING"},
		"endpoint_type": "FOUNDATION_MODEL_API",
	}
}

// tuned finds the endpoint of tuned models that answers: one of them, by its traffic.
func (e serving) tuned(named string) (entry, *lab.Failure) {
	if _, refused := e.there(named); refused != nil {
		return e.find(named)
	}
	d, brain, refused := e.account.Hosting.Serving(named, "", uint64(e.lab.Now().UnixNano()))
	if refused != nil {
		return entry{}, refused
	}
	return entry{name: named, model: d.Name, context: 128_000, brain: brain}, nil
}
