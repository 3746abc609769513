package lab

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"

	"dreamlab/providers/sandbox/model"
)

// maxInputs is how many texts one request may bring.
const maxInputs = 2048

// EmbedAsk is a request for vectors, in OpenAI's form
// (https://platform.openai.com/docs/api-reference/embeddings/create).
type EmbedAsk struct {
	Model          string          `json:"model"`
	Input          json.RawMessage `json:"input"`
	EncodingFormat string          `json:"encoding_format"`
	Dimensions     int             `json:"dimensions"`
}

// Inputs returns the texts, nil where there are none or too many.
func (a *EmbedAsk) Inputs() []string {
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

// Embed answers a request that the emulator found sound, in OpenAI's form, and bills
// it.
func (l *Lab) Embed(vendor string, ask *EmbedAsk, inputs []string) map[string]any {
	vectors, usage := l.Vectors(vendor, ask.Model, inputs)
	list := make([]any, len(vectors))
	for i, vector := range vectors {
		if n := ask.Dimensions; n > 0 && n < len(vector) {
			vector = vector[:n]
		}
		list[i] = map[string]any{
			"object": "embedding", "index": i, "embedding": encodeVector(vector, ask.EncodingFormat),
		}
	}
	return map[string]any{
		"object": "list", "model": ask.Model, "data": list,
		"usage": map[string]any{"prompt_tokens": usage.In, "total_tokens": usage.In},
	}
}

// Vectors makes and bills the vectors of some texts.
func (l *Lab) Vectors(vendor, by string, inputs []string) ([][]float32, model.Usage) {
	var usage model.Usage
	vectors := make([][]float32, len(inputs))
	for i, input := range inputs {
		usage.In += model.CountTokens(input)
		vectors[i] = model.Embed(input)
	}
	l.PayTokens(vendor, by, usage)
	return vectors, usage
}

// encodeVector gives a vector as numbers, or as base64 of little-endian 32-bit
// floats, which OpenAI's own clients ask for.
func encodeVector(vector []float32, format string) any {
	if format != "base64" {
		return vector
	}
	data := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(data)
}
