package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
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

func (t instanceType) object() map[string]any {
	return map[string]any{
		"id": t.ID, "name": t.ID, "description": strconv.Itoa(t.Count) + " " + t.GPU, "gpuType": t.GPU,
		"gpuCount": t.Count, "gpuMemoryGib": t.Memory, "priceCentsPerHour": t.CentsPerHour,
		"regions": []any{map[string]any{
			"name": "us-central", "headroom": map[string]any{"relation": "RELATION_GTE", "value": 8},
		}},
	}
}

func (e *emulator) instances(w http.ResponseWriter, _ *http.Request) {
	objects := []any{}
	for _, t := range instanceTypes() {
		objects = append(objects, t.object())
	}
	lab.WriteJSON(w, http.StatusOK, map[string]any{"object": "list", "data": objects})
}

func (e *emulator) instance(w http.ResponseWriter, r *http.Request) {
	t, found := findInstance(r.PathValue("id"))
	if !found {
		fail(w, *absent("inference instance type", r.PathValue("id")))
		return
	}
	lab.WriteJSON(w, http.StatusOK, t.object())
}

// hardware is the first form of the question where a model can be served.
func (e *emulator) hardware(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("model")
	m, found := findModel(id)
	if id != "" && (!found || !m.Hostable) {
		fail(w, *absent("hardware for model", id))
		return
	}
	objects := []any{}
	for _, t := range instanceTypes() {
		if id == "" || t.ID == m.Instance {
			objects = append(objects, map[string]any{
				"object": "hardware", "id": t.ID, "updated_at": stamp(e.lab.Now()),
				"pricing": map[string]any{"cents_per_minute": float64(t.CentsPerHour) / 60},
				"specs":   map[string]any{"gpu_type": t.GPU, "gpu_count": t.Count, "gpu_memory": t.Memory},
			})
		}
	}
	lab.WriteJSON(w, http.StatusOK, map[string]any{"object": "list", "data": objects})
}

// slugOf makes an id's letters of a model's name.
func slugOf(id string) string {
	return strings.NewReplacer("/", "-", ".", "-").Replace(strings.ToLower(id))
}

func baseID(m entry) string   { return "ml_" + slugOf(m.ID) }
func configID(m entry) string { return "cr_" + slugOf(m.ID) }

// hostedModel is what a deployment can be of: a base model or a tune's.
type hostedModel struct {
	id       string
	name     string
	base     entry
	tune     string
	revision string
}

// hosted finds a model by its id. It is called with the lock held.
func (e *emulator) hosted(id string) (hostedModel, *lab.Failure) {
	for _, m := range e.hostedModels() {
		if m.id == id {
			if !m.base.Hostable {
				return hostedModel{}, invalid("model", "models on %s cannot be deployed", m.base.ID)
			}
			return m, nil
		}
	}
	return hostedModel{}, absent("model", id)
}

// hostedModels lists the catalogue and what the account's tunes made.
func (e *emulator) hostedModels() []hostedModel {
	var list []hostedModel
	for _, m := range catalogue() {
		list = append(list, hostedModel{baseID(m), m.ID, m, "", "rv_" + slugOf(m.ID)})
	}
	now := e.lab.Now()
	for _, t := range e.state.Tunes {
		base, found := findModel(t.Base)
		if found && t.status(now) == statusCompleted {
			list = append(list, hostedModel{t.ModelID, t.output(), base, t.ID, t.Revision})
		}
	}
	return list
}

func (m hostedModel) object() map[string]any {
	kind := "WEIGHTS_TYPE_DEFAULT"
	if m.tune != "" {
		kind = "WEIGHTS_TYPE_ADAPTER"
	}
	return map[string]any{
		"id": m.id, "name": m.name, "projectId": projectID, "organizationId": "org_sandbox",
		"visibility": "VISIBILITY_PRIVATE", "baseModel": m.base.ID, "baseModelId": baseID(m.base),
		"weights": map[string]any{"type": kind, "contextLength": strconv.FormatInt(m.base.Context, 10)},
	}
}

func (e *emulator) listModels(w http.ResponseWriter, r *http.Request) {
	e.read(w, func(time.Time) (any, *lab.Failure) {
		list := e.hostedModels()
		slices.SortFunc(list, func(a, b hostedModel) int { return strings.Compare(a.id, b.id) })
		objects := []any{}
		for _, m := range list {
			if m.tune != "" {
				objects = append(objects, m.object())
			}
		}
		return page(r, objects), nil
	})
}

func (e *emulator) getModel(w http.ResponseWriter, r *http.Request) {
	e.read(w, func(time.Time) (any, *lab.Failure) {
		for _, m := range e.hostedModels() {
			if m.id == r.PathValue("model") {
				return m.object(), nil
			}
		}
		return nil, absent("model", r.PathValue("model"))
	})
}

func configObject(m entry) map[string]any {
	t, _ := findInstance(m.Instance)
	selector := func(key, value string) any { return map[string]any{"key": key, "value": value} }
	return map[string]any{
		"id": configID(m), "projectId": configProject, "certifications": []any{},
		"referenceModel": "projects/" + configProject + "/models/" + baseID(m), "referenceModelId": baseID(m),
		"selectors": []any{
			selector("accelerator_type", t.GPU), selector("accelerator_count", strconv.Itoa(t.Count)),
			selector("optimization", "latency"), selector("topology", "aggregated"),
			selector("adapter_mode", "disabled"),
		},
	}
}

// listConfigs answers how a model can be served: not at all is an empty list.
func (e *emulator) listConfigs(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	wanted := or(q.Get("referenceModelId"), resource(q.Get("referenceModel"), "models"))
	e.read(w, func(time.Time) (any, *lab.Failure) {
		objects := []any{}
		for _, m := range e.hostedModels() {
			if m.tune == "" && !m.base.Hostable || wanted != "" && wanted != m.id && wanted != m.name {
				continue
			}
			if wanted != "" || m.tune == "" {
				objects = append(objects, configObject(m.base))
			}
		}
		return page(r, objects), nil
	})
}

func (e *emulator) getConfig(w http.ResponseWriter, r *http.Request) {
	for _, m := range catalogue() {
		if m.Hostable && configID(m) == r.PathValue("config") {
			lab.WriteJSON(w, http.StatusOK, configObject(m))
			return
		}
	}
	fail(w, *absent("config", r.PathValue("config")))
}

// supportedModels is the catalogue with what each model can be used for.
func (e *emulator) supportedModels(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	objects := []any{}
	for _, m := range catalogue() {
		products := m.products()
		product := q.Get("product")
		named := strings.Contains(strings.ToLower(m.ID), strings.ToLower(q.Get("search")))
		if named && (product == "" || slices.Contains(products, product)) {
			objects = append(objects, supportedObject(m, products))
		}
	}
	lab.WriteJSON(w, http.StatusOK, page(r, objects))
}

func (m entry) products() []string {
	list := []string{}
	if m.Serverless {
		list = append(list, "PRODUCT_SERVERLESS")
	}
	if m.Hostable {
		list = append(list, "PRODUCT_DEDICATED")
	}
	if m.Tunable {
		list = append(list, "PRODUCT_FINE_TUNING")
	}
	return list
}

func supportedObject(m entry, products []string) map[string]any {
	profiles := []any{}
	if t, found := findInstance(m.Instance); found && m.Hostable {
		profiles = append(profiles, map[string]any{
			"profileId": "prof_" + slugOf(m.ID),
			"config":    "projects/" + configProject + "/configs/" + configID(m),
			"model":     "projects/" + configProject + "/models/" + baseID(m), "modelName": m.ID,
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
