// Package emulator is Groq where Groq is not: its chat completions, streams, batches,
// adapters beside their bases, model list, rate-limit headers and errors, as its SDK and pages describe them
// (https://console.groq.com/docs/api-reference, /docs/errors, /docs/rate-limits),
// answered by the sandbox's model.
//
// It has no speech or tools that Groq runs itself.
package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

const name = "groq"

// New serves Groq's own paths, which begin with /openai/v1, and /v1 where adapters are registered.
func New(l *lab.Lab) http.Handler {
	e := &emulator{lab: l, served: catalogue(l)}
	e.dialect = &lab.Dialect{
		Vendor:  lab.Vendor{Name: name, Fail: fail},
		Whole:   whole,
		Chunk:   chunk,
		Broken:  broken,
		Tail:    tail,
		BadJSON: badJSON,
	}
	account, err := work.Open(l, work.Options{
		Vendor: name, Hour: func(string) int64 { return 0 }, Brain: func(string) *model.Model { return nil },
	})
	if err == nil {
		e.loras, err = openLoras(l, account.Files)
	}
	if err != nil {
		return l.Serve(e.dialect.Vendor, e.dialect.Vendor.Unusable(err))
	}
	mux := http.NewServeMux()
	e.batches(account).Handle(mux)
	e.loraRoutes(mux)
	mux.HandleFunc("POST /openai/v1/chat/completions", e.dialect.Vendor.Handle(e.chat))
	mux.HandleFunc("GET /openai/v1/models", e.dialect.Vendor.Answer(e.models))
	mux.HandleFunc("GET /openai/v1/models/{id...}", e.dialect.Vendor.Answer(e.model))
	mux.HandleFunc("/", unknownRoute)
	return l.Serve(e.dialect.Vendor, mux)
}

type emulator struct {
	lab     *lab.Lab
	served  []entry
	loras   *loras
	dialect *lab.Dialect
}

func unknownRoute(w http.ResponseWriter, r *http.Request) {
	fail(w, lab.Failure{
		Status: http.StatusNotFound, Code: "unknown_url",
		Message: fmt.Sprintf("Unknown request URL: %s %s. Please check the URL for typos, "+
			"or see the docs at https://console.groq.com/docs/", r.Method, r.URL.Path),
	})
}

func (e *emulator) chat(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var ask ask
	if err := lab.ReadJSON(r, &ask); err != nil {
		return unreadable(err)
	}
	served, refused := e.serving(&ask)
	if refused != nil {
		return refused
	}
	e.limits(w, r, served, &ask)
	answer := &lab.Answer{Model: ask.Model, Billed: served.ID, Ask: &ask.Ask, Tier: ask.ServiceTier}
	e.lab.Chat(w, r, e.tiered(ask.ServiceTier), answer, served.brain)
	return nil
}

// serving finds the model that answers, or says what Groq refuses.
func (e *emulator) serving(ask *ask) (entry, *lab.Failure) {
	tuned, is := e.loras.find(ask.Model)
	id := ask.Model
	if is {
		id = tuned.Base
	}
	served, refused := e.find(id)
	if refused == nil && is {
		served.brain, refused = e.loras.brain(tuned, served.brain)
	}
	if refused == nil {
		refused = ask.check(served)
	}
	return served, refused
}

func unreadable(err error) *lab.Failure {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return lab.Invalid("", "'%s' : value must be a %s", wrong.Field, wrong.Type)
	}
	return lab.Invalid("", "could not parse JSON body of the request: %v", err)
}

// ask is a chat request with the fields that Groq alone has.
type ask struct {
	model.Ask
	ServiceTier     string `json:"service_tier"`
	ReasoningFormat string `json:"reasoning_format"`
}

// check refuses what Groq refuses
// (https://console.groq.com/docs/openai, /docs/structured-outputs).
func (a *ask) check(m entry) *lab.Failure {
	switch {
	case len(a.Messages) == 0:
		return lab.Invalid("messages", "'messages' : minimum number of items is 1")
	case a.N != nil && *a.N != 1:
		return lab.Invalid("n", "'n' : number must be at most 1")
	case set(a.Logprobs) && string(a.Logprobs) != "false":
		return lab.Invalid("logprobs", "property 'logprobs' is not supported with this model")
	case a.TopLogprobs != nil:
		return lab.Invalid("top_logprobs", "property 'top_logprobs' is not supported with this model")
	case set(a.LogitBias):
		return lab.Invalid("logit_bias", "property 'logit_bias' is not supported with this model")
	case len(a.Stop) > 4:
		return lab.Invalid("stop", "'stop' : maximum number of items is 4")
	case len(a.Tools) > 128:
		return lab.Invalid("tools", "'tools' : maximum number of items is 128")
	case !slices.Contains(tiers, a.ServiceTier):
		return lab.Invalid("service_tier", "'service_tier' : value must be one of auto, on_demand, flex, performance")
	}
	if refused := a.checkTurns(); refused != nil {
		return refused
	}
	if refused := a.checkFormat(m); refused != nil {
		return refused
	}
	return a.checkLength(m)
}

func (a *ask) checkTurns() *lab.Failure {
	roles := []string{"system", "developer", "user", "assistant", "tool", "function"}
	for i, turn := range a.Messages {
		if turn.Name != "" {
			return lab.Invalid("messages", "'messages.%d' : for 'role:%s' the following must be satisfied"+
				"[('messages.%d' : property 'name' is unsupported)]", i, turn.Role, i)
		}
		if !slices.Contains(roles, turn.Role) {
			return lab.Invalid("messages", "'messages.%d' : discriminator property 'role' has invalid value", i)
		}
	}
	return nil
}

func (a *ask) checkFormat(m entry) *lab.Failure {
	if !a.Structured() {
		return nil
	}
	schema := a.ResponseFormat.Type == "json_schema"
	switch {
	case a.ReasoningFormat == "raw":
		return lab.Invalid("reasoning_format", "reasoning_format 'raw' is not supported with JSON mode")
	case !schema:
		return nil
	case a.ResponseFormat.JSONSchema == nil:
		return lab.Invalid("response_format", "'response_format.json_schema' : property is missing")
	case !m.Schemas:
		return lab.Invalid("response_format", "This model does not support response format `json_schema`. "+
			"See supported models at https://console.groq.com/docs/structured-outputs#supported-models")
	case a.Stream:
		return lab.Invalid("stream", "response format `json_schema` does not support streaming")
	case len(a.Tools) > 0:
		return lab.Invalid("tools", "response format `json_schema` cannot be combined with tool calling")
	}
	return a.checkStrict()
}

func (a *ask) checkStrict() *lab.Failure {
	format := a.ResponseFormat.JSONSchema
	if format.Strict == nil || !*format.Strict {
		return nil
	}
	fault := strictFault(format.Schema, "", 0)
	if fault == "" {
		return nil
	}
	return lab.Invalid("response_format", "invalid JSON schema for response_format: '%s': %s", format.Name, fault)
}

func (a *ask) checkLength(m entry) *lab.Failure {
	in := a.Tokens()
	switch {
	case a.Limit() > m.MaxCompletion:
		return lab.Invalid("max_completion_tokens", "`max_completion_tokens` must be less than or equal to `%d`, "+
			"the maximum value for `max_completion_tokens` is less than the `context_window` for this model",
			m.MaxCompletion)
	case in > m.Context:
		failure := lab.Invalid("messages", "Please reduce the length of the messages or completion.")
		failure.Code = "context_length_exceeded"
		return failure
	}
	return nil
}

func set(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// limits sets the headers of https://console.groq.com/docs/rate-limits: requests
// are by the day, tokens by the minute.
func (e *emulator) limits(w http.ResponseWriter, r *http.Request, m entry, a *ask) {
	others := e.lab.UsedUp(lab.Target{
		Vendor: name, Method: r.Method, Path: r.URL.Path, Model: a.Model, Tier: a.ServiceTier,
	}, m.TokensPerMinute)
	used := min(a.Tokens()+others, m.TokensPerMinute)
	left := m.TokensPerMinute - used
	h := w.Header()
	h.Set("x-ratelimit-limit-requests", "500000")
	h.Set("x-ratelimit-remaining-requests", "499999")
	h.Set("x-ratelimit-reset-requests", "172.8ms")
	h.Set("x-ratelimit-limit-tokens", fmt.Sprint(m.TokensPerMinute))
	h.Set("x-ratelimit-remaining-tokens", fmt.Sprint(left))
	h.Set("x-ratelimit-reset-tokens", fmt.Sprintf("%.3fs", 60*float64(used)/float64(m.TokensPerMinute)))
}
