package emulator

import (
	"fmt"
	"net/http"
	"slices"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// contextLength is what every model takes, in tokens.
const contextLength = 32_768

// released is the creation time that the listed models give.
const released = 1754352000

// embedder is the model that makes embeddings.
const embedder = "embed"

func served() []string { return []string{"small", "large", "gpt-oss-20b", embedder} }

// brain returns what answers for a model, nil where there is none.
func (e *emulator) brain(model string) *model.Model {
	switch model {
	case "small", "gpt-oss-20b":
		return e.lab.Small
	case "large":
		return e.lab.Large
	}
	return nil
}

func (e *emulator) noModel(model string) *lab.Failure {
	f := &lab.Failure{Status: http.StatusNotFound, Code: "model_not_found", Param: "model"}
	f.Message = fmt.Sprintf("The model `%s` does not exist.", model)
	if e.flavour == Ollama {
		f.Message = fmt.Sprintf("model %q not found, try pulling it first", model)
	}
	return f
}

func (e *emulator) models(*http.Request) (any, *lab.Failure) {
	return map[string]any{"object": "list", "data": lab.Objects(served(), e.object)}, nil
}

func (e *emulator) model(r *http.Request) (any, *lab.Failure) {
	if id := r.PathValue("id"); slices.Contains(served(), id) {
		return e.object(id), nil
	}
	return nil, e.noModel(r.PathValue("id"))
}

func (e *emulator) object(id string) any {
	object := map[string]any{"id": id, "object": "model", "created": released, "owned_by": "library"}
	if e.flavour == VLLM {
		object["owned_by"] = "vllm"
		object["root"] = id
		object["max_model_len"] = contextLength
	}
	return object
}
