package emulator

import (
	"encoding/json"
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// run answers in Cloudflare's own form, for the model in the path.
func (e *emulator) run(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var body json.RawMessage
	if err := lab.ReadJSON(r, &body); err != nil {
		return badInput("%v", err)
	}
	return e.runModel(w, r, r.PathValue("model"), body)
}

// runNamed is the same for a model that the body names, which of Cloudflare's own models
// takes the header that names a gateway.
func (e *emulator) runNamed(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var named struct {
		Model string          `json:"model"`
		Input json.RawMessage `json:"input"`
	}
	if err := lab.ReadJSON(r, &named); err != nil {
		return badInput("%v", err)
	}
	if r.Header.Get("Cf-Aig-Gateway-Id") == "" || len(named.Input) == 0 {
		return badInput("required properties at '/' are 'model', 'input', and a gateway's id in cf-aig-gateway-id")
	}
	return e.runModel(w, r, named.Model, named.Input)
}

func (e *emulator) runModel(w http.ResponseWriter, r *http.Request, id string, body json.RawMessage) *lab.Failure {
	by, refused := e.find(id)
	if refused != nil {
		return refused
	}
	if r.URL.Query().Get("queueRequest") == "true" {
		return e.queue(w, r, by, body)
	}
	a, refused := read(body)
	if refused != nil {
		return refused
	}
	if by.brain == nil {
		return e.vectors(w, by, a.Text)
	}
	a.Model = id
	return e.answer(w, r, e.native, a)
}

// vectors answers for a model of embeddings.
func (e *emulator) vectors(w http.ResponseWriter, by entry, texts []string) *lab.Failure {
	if len(texts) == 0 || len(texts) > maxTexts {
		return badInput("required properties at '/' are 'text'")
	}
	vectors, _ := e.lab.Vectors(name, by.id, texts)
	lab.WriteJSON(w, http.StatusOK, envelope(map[string]any{
		"shape": []int{len(vectors), model.Dimensions}, "data": vectors, "pooling": "cls",
	}))
	return nil
}

// maxTexts is how many texts one request for embeddings may bring.
const maxTexts = 100

func (e *emulator) embed(_ *http.Request, ask *lab.EmbedAsk) (any, *lab.Failure) {
	by, refused := e.find(ask.Model)
	inputs := ask.Inputs()
	switch {
	case refused != nil:
		return nil, refused
	case by.brain != nil:
		return nil, badInput("the model makes no embeddings")
	case len(inputs) == 0 || len(inputs) > maxTexts:
		return nil, badInput("'/input' must hold 1 to 100 texts")
	}
	return e.lab.Embed(name, ask, inputs), nil
}

// said is a whole answer in Cloudflare's own form. An answer with a schema is an object.
func said(a *lab.Answer) map[string]any {
	result := map[string]any{"response": a.Text, "usage": lab.UsageOpenAI(a.Usage)}
	if a.Call != nil {
		result["response"], result["tool_calls"] = nil, calls(a)
	}
	if a.Structured() && json.Valid([]byte(a.Text)) {
		result["response"] = json.RawMessage(a.Text)
	}
	return result
}

// calls are tool calls in Cloudflare's own form: without ids, their arguments an object.
func calls(a *lab.Answer) []any {
	return []any{map[string]any{"name": a.Call.Name, "arguments": json.RawMessage(a.Call.Arguments)}}
}

func wholeNative(a *lab.Answer) map[string]any { return envelope(said(a)) }

// chunkNative makes an event, which is padded to hide how long its text is.
func chunkNative(a *lab.Answer, p lab.Piece) map[string]any {
	object := map[string]any{"response": p.Text, "p": "abdefgh"}
	if p.First && a.Call != nil {
		object["tool_calls"] = calls(a)
	}
	return object
}

// tailNative is the last event: it tells the usage, and no reason for the end.
func tailNative(a *lab.Answer) map[string]any {
	return map[string]any{"response": "", "usage": lab.UsageOpenAI(a.Usage), "p": "ab"}
}
