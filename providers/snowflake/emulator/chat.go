package emulator

import (
	"encoding/json"
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// ask is a chat request with what Snowflake refuses or has of its own.
type ask struct {
	model.Ask
	ServiceTier json.RawMessage `json:"service_tier"`
	Store       json.RawMessage `json:"store"`
	Guard       struct {
		Enabled bool `json:"enabled"`
	} `json:"guardrails"`
	Streamed *bool `json:"stream"` // in place of the ask's own
}

// chat is the OpenAI-compatible route.
func (e *emulator) chat(w http.ResponseWriter, r *http.Request) *lab.Failure {
	asked, served, refused := e.read(r)
	if refused == nil {
		refused = asked.check(served)
	}
	if refused != nil {
		return refused
	}
	asked.Stream = asked.Streamed != nil && *asked.Streamed
	if served.plain() {
		asked.ResponseFormat, asked.Stop = nil, nil // left out without a word
	}
	if asked.Limit() == 0 {
		asked.MaxCompletionTokens = 4096
	}
	e.lab.Chat(w, r, e.openai, &lab.Answer{Model: served.ID, Ask: &asked.Ask}, served.brain)
	return nil
}

func (e *emulator) read(r *http.Request) (*ask, entry, *lab.Failure) {
	var asked ask
	if err := lab.ReadJSON(r, &asked); err != nil {
		return nil, entry{}, lab.Invalid("", "schema validation failed")
	}
	served, refused := e.find(asked.Model)
	switch {
	case refused != nil:
		return nil, entry{}, refused
	case served.brain == nil:
		return nil, entry{}, lab.Invalid("", "unknown model %s", asked.Model)
	case len(asked.Messages) == 0:
		return nil, entry{}, lab.Invalid("", "invalid options object")
	case asked.Ask.Tokens() > served.Context:
		return nil, entry{}, lab.Invalid("", "max tokens of %d exceeded", served.Context)
	}
	return &asked, served, nil
}

// check refuses what the route refuses, by the maker of the model.
func (a *ask) check(m entry) *lab.Failure {
	switch {
	case set(a.ServiceTier), set(a.Store), m.plain() && a.MaxTokens > 0:
		return lab.Invalid("", "invalid options object")
	case a.MaxCompletionTokens > 131_072:
		return lab.Invalid("", "max tokens of %d exceeded", 131_072)
	case m.plain() && len(a.Tools) > 0:
		return lab.Invalid("", "invalid options object")
	}
	for _, turn := range a.Messages {
		if m.plain() && turn.Role != "system" && turn.Role != "user" && turn.Role != "assistant" {
			return lab.Invalid("", "schema validation failed")
		}
	}
	return nil
}

func set(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

func modelOf(a *lab.Answer) entry { return entry{ID: a.Model} }

// whole has no reason of the end from Claude, and always "stop" from the plain models.
func whole(a *lab.Answer) map[string]any {
	object := lab.WholeOpenAI(a)
	mark(object, a)
	return object
}

// chunk is whole's in pieces; Claude's tell no role.
func chunk(a *lab.Answer, p lab.Piece) map[string]any {
	object := lab.ChunkOpenAI(a, p)
	if p.Last {
		mark(object, a)
	}
	if choice := first(object); modelOf(a).claude() {
		delete(choice, "finish_reason")
		if delta, ok := choice["delta"].(map[string]any); ok {
			delete(delta, "role")
		}
	}
	return object
}

// mark sets the reason of the end.
func mark(object map[string]any, a *lab.Answer) {
	switch m := modelOf(a); {
	case m.claude():
		delete(first(object), "finish_reason")
	case m.plain():
		first(object)["finish_reason"] = "stop"
	}
}

func first(object map[string]any) map[string]any {
	choices, _ := object["choices"].([]any)
	choice, _ := choices[0].(map[string]any)
	return choice
}

func tail(a *lab.Answer) map[string]any {
	if a.Ask.StreamOptions == nil || !a.Ask.StreamOptions.IncludeUsage {
		return nil
	}
	return lab.UsageChunkOpenAI(a)
}

// complete is the older route, which streams unless it is told not to.
func (e *emulator) complete(w http.ResponseWriter, r *http.Request) *lab.Failure {
	asked, served, refused := e.read(r)
	if refused != nil {
		return refused
	}
	asked.Stream = asked.Streamed == nil || *asked.Streamed
	if asked.Limit() == 0 {
		asked.MaxTokens = 4096
	}
	if asked.Guard.Enabled {
		asked.User = guarded // as the ask goes on to the dress of the answer
	}
	e.lab.Chat(w, r, e.native, &lab.Answer{Model: served.ID, Ask: &asked.Ask}, served.brain)
	return nil
}

// guarded marks an ask whose answer the guard has read.
const guarded = "guarded"

// filtered is what the guard puts in place of an answer that it finds unsafe.
const filtered = "Response filtered by Cortex Guard"

// unsafe tells whether the guard keeps an answer back: one to a question for a bomb.
func unsafe(a *lab.Answer) bool {
	asked := string(a.Ask.Messages[len(a.Ask.Messages)-1].Content)
	return a.Ask.User == guarded && strings.Contains(strings.ToLower(asked), "bomb")
}

func usage(a *lab.Answer) map[string]any {
	var read int64
	if a.Ask.User == guarded {
		read = a.Usage.Out
	}
	return map[string]any{
		"prompt_tokens": a.Usage.In, "completion_tokens": a.Usage.Out, "guard_tokens": read,
		"total_tokens": a.Usage.In + a.Usage.Out + read,
	}
}

func wholeNative(a *lab.Answer) map[string]any {
	text := a.Text
	if unsafe(a) {
		text = filtered
	}
	return map[string]any{
		"id": a.ID, "created": a.Created.Unix(), "model": a.Model, "usage": usage(a),
		"choices": []any{map[string]any{"message": map[string]any{
			"content": text, "content_list": []any{map[string]any{"type": "text", "text": text}},
		}}},
	}
}

func chunkNative(a *lab.Answer, p lab.Piece) map[string]any {
	text := p.Text
	if unsafe(a) {
		text = map[bool]string{true: filtered}[p.First]
	}
	object := map[string]any{
		"id": a.ID, "created": a.Created.Unix(), "model": a.Model, "usage": map[string]any{},
		"choices": []any{map[string]any{"delta": map[string]any{
			"type": "text", "content": text, "text": text, "content_list": []any{},
		}}},
	}
	if p.Last {
		object["usage"] = usage(a)
	}
	return object
}
