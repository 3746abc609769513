package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// configProject owns the configurations: not the account's own project.
const configProject = "proj_together"

// instanceType is hardware. The prices are the sandbox's own.
type instanceType struct {
	ID           string
	GPU          string
	Count        int
	Memory       int // GiB
	CentsPerHour int64
}

func instanceTypes() []instanceType {
	return []instanceType{
		{"1x-h100-80gb", "h100-80gb", 1, 80, 549},
		{"4x-h100-80gb", "h100-80gb", 4, 320, 2196},
	}
}

func findInstance(id string) (instanceType, bool) {
	for _, t := range instanceTypes() {
		if t.ID == id {
			return t, true
		}
	}
	return instanceType{}, false
}

func (t instanceType) object() any {
	return map[string]any{
		"id": t.ID, "name": t.ID, "description": strconv.Itoa(t.Count) + " " + t.GPU, "gpuType": t.GPU,
		"gpuCount": t.Count, "gpuMemoryGib": t.Memory, "priceCentsPerHour": t.CentsPerHour,
		"regions": []any{map[string]any{
			"name": "us-central", "headroom": map[string]any{"relation": "RELATION_GTE", "value": 8},
		}},
	}
}

// hourly is what an hour of hardware costs, in nano-dollars.
func hourly(id string) int64 {
	const nanoPerCent = 10_000_000
	t, _ := findInstance(id)
	return t.CentsPerHour * nanoPerCent
}

func instances(*http.Request) (any, *lab.Failure) {
	return map[string]any{"object": "list", "data": lab.Objects(instanceTypes(), instanceType.object)}, nil
}

// slugOf makes an id's letters of a model's name.
func slugOf(id string) string {
	return strings.NewReplacer("/", "-", ".", "-").Replace(strings.ToLower(id))
}

// modelPrefix begins the ids of models, and revisionPrefix those of their one
// revision.
const (
	modelPrefix    = "ml_"
	revisionPrefix = "rv_"
)

func baseID(m entry) string     { return modelPrefix + slugOf(m.ID) }
func configID(m entry) string   { return "cr_" + slugOf(m.ID) }
func configName(m entry) string { return "projects/" + configProject + "/configs/" + configID(m) }
func baseName(m entry) string   { return "projects/" + configProject + "/models/" + baseID(m) }

func revisionOf(model string) string { return revisionPrefix + strings.TrimPrefix(model, modelPrefix) }

// hostedModel is what a deployment can be of: a base model or a tuned one.
type hostedModel struct {
	id       string
	name     string
	base     entry
	training string // that made it, empty for a base model
}

// hosting answers for dedicated endpoints, their deployments and what they may serve.
type hosting struct {
	lab       *lab.Lab
	vendor    lab.Vendor
	trainings *work.Trainings
	hosting   *work.Hosting
}

func (h *hosting) routes(all *http.ServeMux) {
	const project = "/v2/projects/{project}"
	const endpoint = project + "/endpoints/{endpoint}"
	const deployment = endpoint + "/deployments/{deployment}"
	all.HandleFunc("GET /v2/public/inference-instance-types", h.vendor.Answer(instances))
	all.HandleFunc("GET /v2/supported-models", h.vendor.Answer(supportedModels))
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+project+"/models", h.vendor.Answer(h.listModels))
	mux.HandleFunc("GET "+project+"/models/{model}", h.vendor.Answer(h.getModel))
	mux.HandleFunc("POST "+project+"/endpoints", lab.Take(h.vendor, h.createEndpoint))
	mux.HandleFunc("GET "+project+"/endpoints", h.vendor.Answer(h.listEndpoints))
	mux.HandleFunc("GET "+endpoint, h.vendor.Answer(h.getEndpoint))
	mux.HandleFunc("PATCH "+endpoint, lab.Take(h.vendor, h.patchEndpoint))
	mux.HandleFunc("DELETE "+endpoint, h.vendor.Answer(h.deleteEndpoint))
	mux.HandleFunc("POST "+endpoint+"/deployments", lab.Take(h.vendor, h.createDeployment))
	mux.HandleFunc("GET "+endpoint+"/deployments", h.vendor.Answer(h.listDeployments))
	mux.HandleFunc("GET "+deployment, h.vendor.Answer(h.getDeployment))
	mux.HandleFunc("PATCH "+deployment, lab.Take(h.vendor, h.patchDeployment))
	mux.HandleFunc("DELETE "+deployment, h.vendor.Answer(h.deleteDeployment))
	mux.HandleFunc("/", unknownRoute)
	all.Handle("/v2/projects/{project}/", inProject(mux))
}

// inProject refuses projects other than the account's.
func inProject(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("project") != projectID {
			fail(w, *lab.Absent("project", r.PathValue("project")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hosted finds a model by its id.
func (h *hosting) hosted(id string) (hostedModel, *lab.Failure) {
	for _, m := range h.hostedModels() {
		if m.id == id {
			return m, nil
		}
	}
	return hostedModel{}, lab.Absent("model", id)
}

// hostedModels lists the catalogue, and then what the account's fine-tunes made.
func (h *hosting) hostedModels() []hostedModel {
	var list []hostedModel
	for _, m := range catalogue() {
		list = append(list, hostedModel{id: baseID(m), name: m.ID, base: m})
	}
	now := h.lab.Now()
	for _, t := range h.trainings.List() {
		base, found := findModel(t.Base)
		if found && t.State(now) == work.TrainingSucceeded {
			list = append(list, hostedModel{id: t.Model, name: t.Name, base: base, training: t.ID})
		}
	}
	return list
}

func (m hostedModel) object() any {
	kind := "WEIGHTS_TYPE_DEFAULT"
	if m.training != "" {
		kind = "WEIGHTS_TYPE_ADAPTER"
	}
	return map[string]any{
		"id": m.id, "name": m.name, "projectId": projectID, "organizationId": "org_sandbox",
		"visibility": "VISIBILITY_PRIVATE", "baseModel": m.base.ID, "baseModelId": baseID(m.base),
		"weights": map[string]any{"type": kind, "contextLength": strconv.FormatInt(m.base.Context, 10)},
	}
}

func (h *hosting) listModels(r *http.Request) (any, *lab.Failure) {
	made := h.hostedModels()[len(catalogue()):]
	return page(r, lab.Objects(made, hostedModel.object)), nil
}

func (h *hosting) getModel(r *http.Request) (any, *lab.Failure) {
	m, refused := h.hosted(r.PathValue("model"))
	return m.object(), refused
}

// supportedModels is the catalogue with what each model can be used for.
func supportedModels(r *http.Request) (any, *lab.Failure) {
	q := r.URL.Query()
	objects := []any{}
	for _, m := range catalogue() {
		products, product := m.products(), q.Get("product")
		named := strings.Contains(strings.ToLower(m.ID), strings.ToLower(q.Get("search")))
		if named && (product == "" || slices.Contains(products, product)) {
			objects = append(objects, supportedObject(m, products))
		}
	}
	return page(r, objects), nil
}

func (m entry) products() []string {
	list := []string{}
	if m.Serverless {
		list = append(list, "PRODUCT_SERVERLESS")
	}
	if m.hostable() {
		list = append(list, "PRODUCT_DEDICATED")
	}
	if m.tunable() {
		list = append(list, "PRODUCT_FINE_TUNING")
	}
	return list
}

func supportedObject(m entry, products []string) map[string]any {
	profiles := []any{}
	if t, found := findInstance(m.Instance); found {
		profiles = append(profiles, map[string]any{
			"profileId": "prof_" + slugOf(m.ID),
			"config":    configName(m), "model": baseName(m), "modelName": m.ID,
			"gpuType": t.GPU, "gpuCount": t.Count, "parallelism": "tp", "quantization": "fp8",
			"certifiedConfigRevisionId": "", "certifiedModelRevisionId": "",
			"performanceBenchmarks": map[string]any{},
		})
	}
	return map[string]any{
		"id": "sm_" + slugOf(m.ID), "name": m.ID, "displayName": m.ID, "displayType": "chat",
		"publisher": m.Owner, "baseModel": m.ID, "baseModelId": baseID(m), "products": products,
		"capabilities": []string{"CAPABILITY_CHAT"}, "contextLength": strconv.FormatInt(m.Context, 10),
		"status": "SUPPORTED_MODEL_STATUS_SUPPORTED", "inputModalities": []string{"MODALITY_TEXT"},
		"outputModalities": []string{"MODALITY_TEXT"}, "createdAt": stamp(time.Unix(released, 0)),
		"updatedAt": stamp(time.Unix(released, 0)), "deploymentProfiles": profiles,
	}
}
