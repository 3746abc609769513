// Package emulator is any server that speaks OpenAI's API: chat completions,
// streams, a model list and embeddings, with the errors of vLLM, Ollama or
// llama.cpp where one of these is asked for. Its answers come from the
// sandbox's model and cost nothing.
//
// It has no files, batches or fine-tuning.
package emulator

import (
	"fmt"
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

const name = "openai"

// Flavour is whose errors the server has.
type Flavour string

// The flavours.
const (
	OpenAI   Flavour = "openai"
	VLLM     Flavour = "vllm"
	Ollama   Flavour = "ollama"
	LlamaCPP Flavour = "llamacpp"
)

// New serves an OpenAI-compatible server's own paths, which begin with /v1.
func New(l *lab.Lab) http.Handler { return NewFlavoured(l, OpenAI) }

// NewFlavoured is New with the errors of a certain server.
func NewFlavoured(l *lab.Lab, flavour Flavour) http.Handler {
	e := &emulator{lab: l, flavour: flavour}
	e.dialect = &lab.Dialect{
		Vendor: lab.Vendor{Name: name, Fail: e.fail, Keyless: e.keyless},
		Whole:  lab.WholeOpenAI,
		Chunk:  lab.ChunkOpenAI,
		Broken: e.broken,
		Tail:   tail,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", health)
	mux.HandleFunc("POST /v1/chat/completions", e.dialect.Vendor.Handle(e.chat))
	mux.HandleFunc("POST /v1/embeddings", lab.Take(e.dialect.Vendor, e.embed))
	mux.HandleFunc("GET /v1/models", e.dialect.Vendor.Answer(e.models))
	mux.HandleFunc("GET /v1/models/{id...}", e.dialect.Vendor.Answer(e.model))
	e.bills(mux)
	mux.HandleFunc("/", e.unknownRoute)
	return l.Serve(e.dialect.Vendor, mux)
}

type emulator struct {
	lab     *lab.Lab
	flavour Flavour
	dialect *lab.Dialect
}

// keyless is true of what needs no key: Ollama ignores it everywhere.
func (e *emulator) keyless(r *http.Request) bool {
	return e.flavour == Ollama || r.URL.Path == "/health"
}

func health(w http.ResponseWriter, _ *http.Request) {
	lab.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (e *emulator) unknownRoute(w http.ResponseWriter, r *http.Request) {
	e.fail(w, lab.Failure{Status: http.StatusNotFound,
		Message: fmt.Sprintf("Invalid URL (%s %s)", r.Method, r.URL.Path)})
}

func (e *emulator) chat(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var ask model.Ask
	if err := lab.ReadJSON(r, &ask); err != nil {
		return lab.Invalid("", "We could not parse the JSON body of your request: %v", err)
	}
	brain, refused := e.check(&ask)
	if refused != nil {
		return refused
	}
	answer := &lab.Answer{Model: ask.Model, Ask: &ask}
	e.lab.Chat(w, r, e.dialect, answer, brain)
	return nil
}

func (e *emulator) check(ask *model.Ask) (*model.Model, *lab.Failure) {
	brain := e.brain(ask.Model)
	if brain == nil {
		return nil, e.noModel(ask.Model)
	}
	in := ask.Tokens()
	switch {
	case len(ask.Messages) == 0:
		return nil, &lab.Failure{Status: http.StatusBadRequest, Param: "messages",
			Message: "Invalid 'messages': empty array. Expected an array with minimum length 1."}
	case ask.N != nil && *ask.N != 1:
		return nil, &lab.Failure{Status: http.StatusBadRequest, Param: "n", Code: "unsupported_parameter",
			Message: "Unsupported parameter: 'n' above 1 is not supported by this server."}
	case in > contextLength && e.flavour != Ollama: // Ollama cuts the prompt and says nothing
		return nil, e.tooLong(in)
	}
	return brain, nil
}

func tail(a *lab.Answer) map[string]any {
	if a.Ask.StreamOptions == nil || !a.Ask.StreamOptions.IncludeUsage {
		return nil
	}
	return lab.UsageChunkOpenAI(a)
}
