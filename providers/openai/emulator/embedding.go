package emulator

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// maxInputs is how many texts one request may bring.
const maxInputs = 2048

type embedAsk struct {
	Model          string          `json:"model"`
	Input          json.RawMessage `json:"input"`
	EncodingFormat string          `json:"encoding_format"`
}

// inputs returns the texts, nil where there are none.
func (a *embedAsk) inputs() []string {
	var one string
	if json.Unmarshal(a.Input, &one) == nil && one != "" {
		return []string{one}
	}
	var many []string
	if json.Unmarshal(a.Input, &many) != nil || len(many) > maxInputs {
		return nil
	}
	return many
}

func (e *emulator) embed(r *http.Request) (any, *lab.Failure) {
	var ask embedAsk
	if err := lab.ReadJSON(r, &ask); err != nil {
		return nil, lab.Invalid("", "Could not parse the body: %v", err)
	}
	inputs := ask.inputs()
	switch {
	case ask.Model != embedder:
		return nil, e.noModel(ask.Model)
	case len(inputs) == 0:
		return nil, lab.Invalid("input", "'input' must be a text or a list of 1 to 2048 texts.")
	}
	return e.embeddings(&ask, inputs), nil
}

func (e *emulator) embeddings(ask *embedAsk, inputs []string) any {
	var usage model.Usage
	list := make([]any, len(inputs))
	for i, input := range inputs {
		usage.In += model.CountTokens(input)
		list[i] = map[string]any{
			"object": "embedding", "index": i, "embedding": encode(model.Embed(input), ask.EncodingFormat),
		}
	}
	e.lab.PayTokens(name, ask.Model, usage)
	return map[string]any{
		"object": "list", "model": ask.Model, "data": list,
		"usage": map[string]any{"prompt_tokens": usage.In, "total_tokens": usage.In},
	}
}

// encode gives a vector as numbers, or as base64 of little-endian 32-bit
// floats, which OpenAI's own clients ask for.
func encode(vector []float32, format string) any {
	if format != "base64" {
		return vector
	}
	data := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(data)
}
