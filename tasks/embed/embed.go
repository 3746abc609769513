// Package embed is the contract of turning texts into vectors: the body of
// POST /v1/embeddings, which is the input of embed.run, and the answer.
package embed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"dreamlab/tasks"
)

// Bounds of a request, those of OpenAI's API
// (https://platform.openai.com/docs/api-reference/embeddings/create).
const (
	maxInputs     = 2048
	maxDimensions = 16_384
	maxName       = 256 // bytes of a model's name
)

// Input is the input of embed.run: the client's body, checked.
type Input struct {
	Model      string   `json:"model"`
	Inputs     []string `json:"input"`
	Format     string   `json:"encoding_format,omitempty"` // float or base64
	Dimensions int      `json:"dimensions,omitempty"`
	User       string   `json:"user,omitempty"` // without effect
}

// Base64 is the format in which a vector is a text: base64 of little-endian 32-bit floats.
const Base64 = "base64"

// Answer is the result of embed.run, in OpenAI's form with the vectors as Base64.
type Answer struct {
	Object string          `json:"object"` // list
	Data   []Vector        `json:"data"`
	Model  string          `json:"model"` // that answered, as provider/model
	Usage  json.RawMessage `json:"usage"` // null where the vendor gave none
	Ours   json.RawMessage `json:"dreamlab"`
}

// Vector is what became of one text.
type Vector struct {
	Object    string `json:"object"` // embedding
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // a Base64 text, or numbers
}

// Parse reads and checks the body of a request. Its error is a [*tasks.InputError].
// Whether the model's vendor can choose the dimensions is not asked here.
func Parse(body []byte) (Input, error) {
	var in Input
	if !utf8.Valid(body) {
		return in, invalid("", "the text is not UTF-8: encode it so")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return in, invalid("", "a JSON object is expected")
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if fault := in.read(name, members[name]); fault != nil {
			return in, fault
		}
	}
	return in, in.check()
}

func (in *Input) read(name string, raw json.RawMessage) error {
	if string(bytes.TrimSpace(raw)) == "null" {
		return nil
	}
	switch name {
	case "model":
		return typed(name, raw, &in.Model, "a string")
	case "input":
		return in.readInputs(raw)
	case "encoding_format":
		return typed(name, raw, &in.Format, "a string")
	case "dimensions":
		return typed(name, raw, &in.Dimensions, "a whole number")
	case "user":
		return typed(name, raw, &in.User, "a string")
	}
	return invalid(name, "there is no such parameter: remove it")
}

func typed(name string, raw json.RawMessage, into any, what string) error {
	if json.Unmarshal(raw, into) != nil {
		return invalid(name, what+" is expected")
	}
	return nil
}

// readInputs takes a text or a list of texts. Tokens are numbers of one model's own.
func (in *Input) readInputs(raw json.RawMessage) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		in.Inputs = []string{one}
		return nil
	}
	var numbers []float64
	var lists [][]float64
	if json.Unmarshal(raw, &in.Inputs) != nil {
		in.Inputs = nil
		if json.Unmarshal(raw, &numbers) == nil || json.Unmarshal(raw, &lists) == nil {
			return &tasks.InputError{
				Code: "unsupported_parameter", Param: "input",
				Message: "give texts, not tokens, which are of one model alone (in LangChain: check_embedding_ctx_length=False)",
			}
		}
		return invalid("input", "a string or a list of strings is expected")
	}
	return nil
}

func (in *Input) check() error {
	switch {
	case in.Model == "":
		return invalid("model", "name a model: provider/model, or an alias that leads to one of embeddings")
	case len(in.Model) > maxName:
		return invalid("model", fmt.Sprintf("a model's name has at most %d bytes", maxName))
	case len(in.Inputs) == 0:
		return invalid("input", "at least one text is needed")
	case len(in.Inputs) > maxInputs:
		return invalid("input", fmt.Sprintf("at most %d texts are allowed, not %d", maxInputs, len(in.Inputs)))
	case !slices.Contains([]string{"", "float", Base64}, in.Format):
		return invalid("encoding_format", "must be one of: float, base64")
	case in.Dimensions < 0 || in.Dimensions > maxDimensions:
		return invalid("dimensions", fmt.Sprintf("the number must be between 1 and %d", maxDimensions))
	}
	if empty := slices.Index(in.Inputs, ""); empty >= 0 {
		return invalid(fmt.Sprintf("input[%d]", empty), "the text is empty: leave it out")
	}
	return nil
}

func invalid(param, message string) error {
	return &tasks.InputError{Code: "invalid_request", Param: param, Message: message}
}
