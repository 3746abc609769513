package emulator

import (
	"net/http"
	"slices"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// entry is a model of Together's catalogue. The numbers are the sandbox's own:
// Together publishes those of training on its price page alone.
type entry struct {
	ID         string
	Owner      string
	Context    int64 // tokens
	Large      bool  // knows more
	Serverless bool
	TrainNano  int64  // nano-dollars per million trained tokens, 0 where it can not be tuned
	Instance   string // hardware that serves it, empty where it can not be deployed
}

// maxRank is the largest rank of an adapter.
const maxRank = 64

func (m entry) tunable() bool  { return m.TrainNano > 0 }
func (m entry) hostable() bool { return m.Instance != "" }

func catalogue() []entry {
	const one, four = "1x-h100-80gb", "4x-h100-80gb"
	const cheap, dear = 480_000_000, 1_500_000_000
	return []entry{
		{"openai/gpt-oss-20b", "OpenAI", 131_072, false, true, cheap, one},
		{"openai/gpt-oss-120b", "OpenAI", 131_072, true, true, dear, four},
		{"Qwen/Qwen3.5-9B", "Qwen", 262_144, false, true, cheap, one},
		{"meta-llama/Llama-3.3-70B-Instruct-Turbo", "Meta", 131_072, true, true, 0, four},
		{"meta-llama/Llama-3.3-70B-Instruct-Reference", "Meta", 24_576, true, false, dear, ""},
		{"meta-llama/Meta-Llama-3.1-8B-Instruct-Reference", "Meta", 8_192, false, false, cheap, ""},
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
func (i *inference) models(r *http.Request) (any, *lab.Failure) {
	dedicated := r.URL.Query().Get("dedicated") == "true"
	list := []any{}
	for _, m := range catalogue() {
		if m.Serverless && !dedicated || m.hostable() && dedicated {
			list = append(list, i.modelObject(m))
		}
	}
	return list, nil
}

func (i *inference) modelObject(m entry) map[string]any {
	in, out, cached := i.lab.Price(name, m.ID)
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

// brain returns what a model of the catalogue knows, nil for any other.
func brain(l *lab.Lab, id string) *model.Model {
	m, found := findModel(id)
	switch {
	case !found:
		return nil
	case m.Large:
		return l.Large
	}
	return l.Small
}

func whoami(*http.Request) (any, *lab.Failure) {
	return map[string]any{
		"api_key_id": "key_sandbox", "organization_id": "org_sandbox", "organization_name": "Sandbox",
		"project_id": projectID, "project_name": "Sandbox", "project_slug": slug, "user_id": userID,
	}, nil
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
		Status: http.StatusNotFound, Code: "model_not_available", Param: "model", Message: message,
	}
}

// notServerless is what Together says of a model that needs an endpoint.
func notServerless(id string) *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Code: "model_not_available", Param: "model",
		Message: "Unable to access non-serverless model " + id + ". Please visit " +
			"https://api.together.ai/models/" + id + " to create and start a new dedicated endpoint for it."}
}
