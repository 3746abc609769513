package emulator

import (
	"fmt"
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// deployment is what a resource serves under a name of its own.
type deployment struct {
	name     string
	model    string // as it names itself in answers
	context  int64  // tokens
	limit    int64  // tokens a minute
	reasons  bool   // takes max_completion_tokens, and no max_tokens
	textOnly bool   // takes neither tools nor formats
	flex     bool   // offered in the tier flex
	batch    bool   // of the type Global Batch: it answers no live calls
	train    int64  // nano-dollars per million trained tokens, 0 where the model can not be tuned
	pairs    bool   // it can be tuned on preference pairs
	fixed    bool   // the model can not be deployed when it is tuned
	by       string // whose payments it goes by. Defaults to its name
	brain    *model.Model
}

// deployments are named as their models are, which is what most resources do, but for
// one whose name says nothing.
func deployments(l *lab.Lab) []deployment {
	return []deployment{
		{name: "gpt-5-nano", model: "gpt-5-nano-2025-08-07", context: 400_000, limit: 250_000, reasons: true, brain: l.Small},
		{name: "gpt-4.1-mini", model: "gpt-4.1-mini-2025-04-14", context: 1_047_576, limit: 250_000, brain: l.Small,
			train: 5_000_000_000, pairs: true},
		{name: "gpt-4o-2024-08-06", model: "gpt-4o-2024-08-06", context: 128_000, limit: 250_000, brain: l.Small,
			train: 25_000_000_000, pairs: true, fixed: true},
		{name: "gpt-oss-120b", model: "gpt-oss-120b", context: 131_072, limit: 250_000, brain: l.Large},
		{name: "gpt-5.6-sol", model: "gpt-5.6-sol-2026-07-09", context: 400_000, limit: 250_000, reasons: true,
			flex: true, brain: l.Large},
		{name: "Llama-4-Scout-17B-16E-Instruct", model: "Llama-4-Scout-17B-16E-Instruct", context: 128_000,
			limit: 400_000, brain: l.Large},
		{name: "Llama-4-Maverick-17B-128E-Instruct-FP8", model: "Llama-4-Maverick-17B-128E-Instruct-FP8",
			context: 128_000, limit: 400_000, textOnly: true, brain: l.Large},
		{name: "first", model: "gpt-5-nano-2025-08-07", context: 400_000, limit: 10_000, reasons: true, brain: l.Small},
		{name: "gpt-5-nano-batch", model: "gpt-5-nano-2025-08-07", context: 400_000, limit: 250_000, reasons: true,
			batch: true, brain: l.Small},
		{name: "text-embedding-3-small", model: "text-embedding-3-small", context: 8_191, limit: 120_000},
	}
}

// serving returns the deployment that a request asks for, by its path or by its body.
func (e *emulator) serving(r *http.Request, named string) (deployment, *lab.Failure) {
	if inPath := r.PathValue("deployment"); inPath != "" {
		named = inPath
	}
	return e.named(named)
}

// named returns a deployment by its name.
func (e *emulator) named(name string) (deployment, *lab.Failure) {
	for _, d := range e.deployed {
		if d.name == name {
			return d, nil
		}
	}
	if d, found := e.tuned(name); found {
		return d, nil
	}
	return deployment{}, &lab.Failure{Status: http.StatusNotFound, Code: "DeploymentNotFound",
		Message: "The API deployment for this resource does not exist. If you created the deployment within the last " +
			"5 minutes, please wait a moment and try again."}
}

// headers tells what is left of a deployment's limits; the times are whole seconds.
func (d deployment) headers(h http.Header, a *model.Ask) {
	in := a.Tokens()
	h.Set("apim-request-id", lab.NewID(""))
	h.Set("x-ms-region", "Sandbox")
	h.Set("x-ms-deployment-name", d.name)
	h.Set("x-ms-rai-invoked", "true")
	h.Set("azureml-model-session", "sandbox")
	h.Set("x-ratelimit-limit-requests", fmt.Sprint(d.limit/1000))
	h.Set("x-ratelimit-remaining-requests", fmt.Sprint(d.limit/1000-1))
	h.Set("x-ratelimit-reset-requests", "1")
	h.Set("x-ratelimit-limit-tokens", fmt.Sprint(d.limit))
	h.Set("x-ratelimit-remaining-tokens", fmt.Sprint(max(d.limit-in, 0)))
	h.Set("x-ratelimit-reset-tokens", "60")
}

// released is the creation time that the listed models give.
const released = 1754529000

// models lists what a resource of the region could deploy, and not what it has
// deployed: only Azure's management API knows that.
func (e *emulator) models(*http.Request) (any, *lab.Failure) {
	var list []deployment
	for _, d := range e.deployed {
		if d.name != "first" && !d.batch {
			list = append(list, d)
		}
	}
	return map[string]any{"object": "list", "data": lab.Objects(list, deployment.object)}, nil
}

func (e *emulator) model(r *http.Request) (any, *lab.Failure) {
	for _, d := range e.deployed {
		if d.model == r.PathValue("id") || d.name == r.PathValue("id") {
			return d.object(), nil
		}
	}
	return nil, &lab.Failure{Status: http.StatusNotFound, Code: "model_not_found",
		Message: fmt.Sprintf("The model '%s' does not exist.", r.PathValue("id"))}
}

func (d deployment) object() any {
	return map[string]any{
		"id": d.name, "object": "model", "status": "succeeded", "created_at": released, "updated_at": released,
		"created": released, "lifecycle_status": "generally-available",
		"capabilities": map[string]any{
			"fine_tune": d.train > 0, "inference": true, "completion": false,
			"chat_completion": d.brain != nil, "embeddings": d.brain == nil,
		},
	}
}
