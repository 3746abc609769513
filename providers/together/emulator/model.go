package emulator

import (
	"net/http"
	"slices"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// entry is one of Together's catalogue. The numbers are the sandbox's own:
// Together publishes those of training on its price page alone.
type entry struct {
	ID         string
	Owner      string
	Context    int64 // tokens
	Large      bool  // knows more
	Serverless bool
	Tunable    bool
	Hostable   bool  // on dedicated endpoints
	TrainNano  int64 // nano-dollars per million trained tokens
	MaxRank    int
	Instance   string // hardware that serves it
}

func catalogue() []entry {
	const small, big = "1x-h100-80gb", "4x-h100-80gb"
	const trainSmall, trainBig, rank = 480_000_000, 1_500_000_000, 64
	return []entry{
		{
			ID: "openai/gpt-oss-20b", Owner: "OpenAI", Context: 131_072, Serverless: true,
			Tunable: true, TrainNano: trainSmall, MaxRank: rank, Hostable: true, Instance: small,
		},
		{
			ID: "openai/gpt-oss-120b", Owner: "OpenAI", Context: 131_072, Large: true, Serverless: true,
			Tunable: true, TrainNano: trainBig, MaxRank: rank, Hostable: true, Instance: big,
		},
		{
			ID: "Qwen/Qwen3.5-9B", Owner: "Qwen", Context: 262_144, Serverless: true,
			Tunable: true, TrainNano: trainSmall, MaxRank: rank, Hostable: true, Instance: small,
		},
		{
			ID: "meta-llama/Llama-3.3-70B-Instruct-Turbo", Owner: "Meta", Context: 131_072, Large: true,
			Serverless: true, Hostable: true, Instance: big,
		},
		{
			ID: "meta-llama/Llama-3.3-70B-Instruct-Reference", Owner: "Meta", Context: 24_576, Large: true,
			Tunable: true, TrainNano: trainBig, MaxRank: rank,
		},
		{
			ID: "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference", Owner: "Meta", Context: 8_192,
			Tunable: true, TrainNano: trainSmall, MaxRank: rank,
		},
	}
}

// gone lists models that Together took off
// (https://docs.together.ai/docs/deprecations).
func gone() []string {
	return []string{
		"meta-llama/Llama-4-Scout-17B-16E-Instruct",
		"meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8",
	}
}

func findModel(id string) (entry, bool) {
	for _, m := range catalogue() {
		if m.ID == id {
			return m, true
		}
	}
	return entry{}, false
}

// released is the creation time that the listed models give.
const released = 1754408224

// models answers a bare array, as Together does.
func (e *emulator) models(w http.ResponseWriter, r *http.Request) {
	dedicated := r.URL.Query().Get("dedicated") == "true"
	list := []any{}
	for _, m := range catalogue() {
		if m.Serverless && !dedicated || m.Hostable && dedicated {
			list = append(list, e.modelObject(m))
		}
	}
	lab.WriteJSON(w, http.StatusOK, list)
}

func (e *emulator) modelObject(m entry) map[string]any {
	in, out, cached := e.lab.Price(name, m.ID)
	return map[string]any{
		"id": m.ID, "object": "model", "created": released, "type": "chat", "running": false,
		"display_name": m.ID, "organization": m.Owner, "link": "https://huggingface.co/" + m.ID,
		"license": "apache-2.0", "context_length": m.Context,
		"pricing": map[string]any{
			"base": 0, "finetune": 0, "hourly": 0,
			"input": dollars(in), "output": dollars(out), "cached_input": dollars(cached),
		},
	}
}

// dollars is for showing: nothing is computed with it.
func dollars(nano int64) float64 { return float64(nano) / 1e9 }

func (e *emulator) brain(m entry) *model.Model {
	if m.Large {
		return e.lab.Large
	}
	return e.lab.Small
}

func (e *emulator) whoami(w http.ResponseWriter, _ *http.Request) {
	lab.WriteJSON(w, http.StatusOK, map[string]any{
		"api_key_id": "key_sandbox", "organization_id": "org_sandbox", "organization_name": "Sandbox",
		"project_id": projectID, "project_name": "Sandbox", "project_slug": slug, "user_id": userID,
	})
}

// endpointsDisabled is what the first form of dedicated endpoints answers now.
func endpointsDisabled(w http.ResponseWriter, _ *http.Request) {
	fail(w, lab.Failure{
		Status: http.StatusForbidden, Code: "endpoints_v1_create_access_disabled",
		Message: "Creating v1 endpoints is disabled. Use Dedicated Model Inference, " +
			"https://api.together.ai/v2.",
	})
}

func noEndpoints(w http.ResponseWriter, _ *http.Request) {
	lab.WriteJSON(w, http.StatusOK, map[string]any{"object": "list", "data": []any{}})
}

// modelGone is what Together says of a model that it does not serve (any more).
func modelGone(id string) *lab.Failure {
	message := "Unable to access model " + id + ". Please visit https://api.together.ai/models to view " +
		"the list of supported models."
	if slices.Contains(gone(), id) {
		message = "The model " + id + " has been deprecated and is no longer available as a serverless " +
			"model. See https://docs.together.ai/docs/deprecations for what replaces it."
	}
	return &lab.Failure{
		Status:  http.StatusNotFound,
		Code:    "model_not_available",
		Param:   "model",
		Message: message,
	}
}

// notServerless is what Together says of a model that needs an endpoint.
func notServerless(id string) *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Code: "model_not_available", Param: "model",
		Message: "Unable to access non-serverless model " + id + ". Please visit " +
			"https://api.together.ai/models/" + id + " to create and start a new dedicated endpoint for it."}
}
