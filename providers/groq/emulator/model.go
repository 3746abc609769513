package emulator

import (
	"fmt"
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// entry is one that Groq serves (https://console.groq.com/docs/models).
type entry struct {
	ID              string
	Owner           string
	Context         int64 // tokens
	MaxCompletion   int64 // tokens
	TokensPerMinute int64
	Schemas         bool // takes json_schema
	brain           *model.Model
}

func catalogue(l *lab.Lab) []entry {
	return []entry{
		{"openai/gpt-oss-120b", "OpenAI", 131_072, 65_536, 250_000, true, l.Large},
		{"openai/gpt-oss-20b", "OpenAI", 131_072, 65_536, 250_000, true, l.Small},
		{"qwen/qwen3.8-27b", "Alibaba Cloud", 131_072, 40_960, 300_000, true, l.Large},
	}
}

// retired lists models that Groq shut down
// (https://console.groq.com/docs/deprecations).
func retired() map[string]bool {
	return map[string]bool{
		"meta-llama/llama-4-scout-17b-16e-instruct":     true,
		"meta-llama/llama-4-maverick-17b-128e-instruct": true,
		"llama-3.1-8b-instant":                          true,
		"llama-3.3-70b-versatile":                       true,
		"qwen/qwen3.6-27b":                              true,
		"groq/compound":                                 true,
		"groq/compound-mini":                            true,
	}
}

// released is when the listed models came, by Groq's own list.
const released = 1754408224

// find returns a served model, or what Groq says of one that it does not serve.
func (e *emulator) find(id string) (entry, *lab.Failure) {
	for _, m := range e.served {
		if m.ID == id {
			return m, nil
		}
	}
	if id == "" {
		return entry{}, lab.Invalid("model", "'model' : property 'model' is missing")
	}
	if retired()[id] {
		return entry{}, &lab.Failure{
			Status: http.StatusBadRequest, Code: "model_decommissioned",
			Message: fmt.Sprintf(
				"The model `%s` has been decommissioned and is no longer supported. Please refer to "+
					"https://console.groq.com/docs/deprecations for a recommendation on which model "+
					"to use instead.",
				id,
			),
		}
	}
	return entry{}, &lab.Failure{
		Status: http.StatusNotFound, Code: "model_not_found",
		Message: fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", id),
	}
}

func (e *emulator) models(*http.Request) (any, *lab.Failure) {
	return map[string]any{"object": "list", "data": lab.Objects(e.served, entry.object)}, nil
}

func (e *emulator) model(r *http.Request) (any, *lab.Failure) {
	m, refused := e.find(r.PathValue("id"))
	if refused != nil {
		refused.Status = http.StatusNotFound
	}
	return m.object(), refused
}

func (m entry) object() any {
	return map[string]any{
		"id": m.ID, "object": "model", "created": released, "owned_by": m.Owner, "active": true,
		"context_window": m.Context, "max_completion_tokens": m.MaxCompletion, "public_apps": nil,
	}
}
