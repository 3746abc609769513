// Package emulator is a vLLM server with --enable-lora, --max-lora-rank 16 and
// VLLM_ALLOW_RUNTIME_LORA_UPDATING=True: chats, the list of models, and the routes that load and
// unload adapters, as vLLM's own sources have them
// (https://github.com/vllm-project/vllm/blob/main/vllm/entrypoints/openai/models/serving.py).
//
// An adapter's weights are numbers, of which nothing can be learnt here: an adapter that knows
// something has the rows that it was trained on as a tensor of bytes named rows.
package emulator

import (
	"fmt"
	"net/http"
	"sync"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

const name = "vllm"

// Base is the one base that the server was started with.
const Base = "Qwen/Qwen3-8B"

// contextLength is what it takes, in tokens.
const contextLength = 32_768

// New serves a vLLM server's own paths.
func New(l *lab.Lab) http.Handler {
	e := &emulator{lab: l, loaded: map[string]*loaded{}}
	e.dialect = &lab.Dialect{
		Vendor: lab.Vendor{Name: name, Fail: fail, Keyless: keyless},
		Whole:  lab.WholeOpenAI,
		Chunk:  lab.ChunkOpenAI,
		Broken: broken,
		Tail:   tail,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("POST /v1/chat/completions", e.dialect.Vendor.Handle(e.chat))
	mux.HandleFunc("GET /v1/models", e.dialect.Vendor.Answer(e.models))
	mux.HandleFunc("POST /v1/load_lora_adapter", e.dialect.Vendor.Handle(e.load))
	mux.HandleFunc("POST /v1/unload_lora_adapter", e.dialect.Vendor.Handle(e.unload))
	mux.HandleFunc("/", unknownRoute)
	return l.Serve(e.dialect.Vendor, mux)
}

// emulator forgets what was loaded when it is started anew, as the server does.
type emulator struct {
	lab     *lab.Lab
	dialect *lab.Dialect
	mu      sync.Mutex
	loaded  map[string]*loaded
	order   []string // of the names
}

// loaded is an adapter that answers.
type loaded struct {
	path  string
	brain *model.Model
}

func keyless(r *http.Request) bool { return r.URL.Path == "/health" }

// unknownRoute answers as FastAPI does.
func unknownRoute(w http.ResponseWriter, _ *http.Request) {
	lab.WriteJSON(w, http.StatusNotFound, map[string]string{"detail": "Not Found"})
}

func (e *emulator) chat(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var ask model.Ask
	if err := lab.ReadJSON(r, &ask); err != nil {
		return lab.Invalid("", "JSON decode error: %v", err)
	}
	brain := e.brain(ask.Model)
	if brain == nil {
		return noModel(ask.Model)
	}
	in := ask.Tokens()
	switch {
	case len(ask.Messages) == 0:
		return lab.Invalid("messages", "list index out of range")
	case in > contextLength:
		return lab.Invalid("input_tokens", "This model's maximum context length is %d tokens. However, your request has %d input "+
			"tokens. Please reduce the length of the input messages.", contextLength, in)
	}
	e.lab.Chat(w, r, e.dialect, &lab.Answer{Model: ask.Model, Ask: &ask}, brain)
	return nil
}

// brain is what answers for a name, nil where there is none.
func (e *emulator) brain(id string) *model.Model {
	e.mu.Lock()
	defer e.mu.Unlock()
	if id == Base {
		return e.lab.Small
	}
	if adapter := e.loaded[id]; adapter != nil {
		return adapter.brain
	}
	return nil
}

func noModel(id string) *lab.Failure {
	return &lab.Failure{Status: http.StatusNotFound, Param: "model", Message: fmt.Sprintf("The model `%s` does not exist.", id)}
}

func (e *emulator) models(*http.Request) (any, *lab.Failure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	base := card(Base, Base, nil)
	base["max_model_len"] = contextLength
	cards := []any{base}
	for _, id := range e.order {
		cards = append(cards, card(id, e.loaded[id].path, Base))
	}
	return map[string]any{"object": "list", "data": cards}, nil
}

// released is the creation time that the listed models give.
const released = 1754352000

func card(id, root string, parent any) map[string]any {
	return map[string]any{
		"id": id, "object": "model", "created": released, "owned_by": "vllm", "root": root, "parent": parent, "max_model_len": nil,
	}
}

func tail(a *lab.Answer) map[string]any {
	if a.Ask.StreamOptions == nil || !a.Ask.StreamOptions.IncludeUsage {
		return nil
	}
	return lab.UsageChunkOpenAI(a)
}
