package cloudflare

import (
	"bytes"
	"cmp"
	"encoding/json"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/plainjson"
)

// said is what an answer says in Cloudflare's own form
// (https://developers.cloudflare.com/workers-ai/models).
type said struct {
	Response json.RawMessage `json:"response"` // a text; an object where the answer has a schema
	Calls    []call          `json:"tool_calls"`
	Usage    json.RawMessage `json:"usage"`
	Choices  json.RawMessage `json:"choices"` // OpenAI's form, which some models have in the envelope
}

// call is a tool call, of which OpenAI writes the arguments as a text.
type call struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
	Function  struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

// translate puts one answer into OpenAI's form. Some models answer in Cloudflare's own
// form on any route, and some whole where a stream was asked for.
func translate(req *providers.Request) func([]byte) []byte {
	t := &translator{model: req.Model, bound: cmp.Or(req.MaxTokens, providers.TypicalAnswer)}
	return t.object
}

// translator knows what the events of one stream have said so far.
type translator struct {
	model string
	bound int  // tokens that were asked for
	calls int  // tool calls so far
	said  bool // something came in Cloudflare's own form
}

// object translates a whole answer or an event; what is in OpenAI's form, and what is an
// error, stays as it is.
func (t *translator) object(object []byte) []byte {
	inner, whole := object, false
	for key, value := range completion.Members(object) {
		switch string(key) {
		case "choices", "error":
			return object
		case "success":
			if string(value) == "false" {
				return object
			}
		case "result":
			if completion.IsObject(value) {
				inner, whole = value, true
			}
		}
	}
	var s said
	switch err := json.Unmarshal(inner, &s); {
	case err == nil && completion.Present(s.Choices):
		return inner
	case err != nil || !s.speaks() && !(t.said && completion.Present(s.Usage)):
		return object
	}
	if whole {
		return t.whole(&s)
	}
	return t.event(&s)
}

// speaks tells an answer from everything else.
func (s *said) speaks() bool {
	return len(s.Response) > 0 || len(s.Calls) > 0
}

// text returns what is said. An object is the text of a schema's answer.
func (s *said) text() string {
	var text string
	if completion.Present(s.Response) && json.Unmarshal(s.Response, &text) != nil {
		var compact bytes.Buffer
		if json.Compact(&compact, s.Response) == nil {
			return compact.String()
		}
	}
	return text
}

func (t *translator) whole(s *said) []byte {
	message := map[string]any{"role": "assistant", "content": s.text()}
	if calls := t.toolCalls(s); len(calls) > 0 {
		message["tool_calls"] = calls
	}
	return t.answer("chat.completion", s, map[string]any{"index": 0, "message": message, "finish_reason": t.finish(s)})
}

// event translates an event. The last one tells the usage, and nothing of why it is the
// last.
func (t *translator) event(s *said) []byte {
	delta := map[string]any{}
	if text := s.text(); text != "" || !t.said {
		delta["content"] = text
	}
	if !t.said {
		delta["role"] = "assistant"
	}
	t.said = true
	if calls := t.toolCalls(s); len(calls) > 0 {
		delta["tool_calls"] = calls
	}
	choice := map[string]any{"index": 0, "delta": delta, "finish_reason": nil}
	if completion.Present(s.Usage) {
		choice["finish_reason"] = t.finish(s)
	}
	return t.answer("chat.completion.chunk", s, choice)
}

func (t *translator) answer(object string, s *said, choice map[string]any) []byte {
	answer := map[string]any{"object": object, "model": t.model, "choices": []any{choice}}
	if completion.Present(s.Usage) {
		answer["usage"] = s.Usage
	}
	return plainjson.Of(answer)
}

// toolCalls returns the calls in OpenAI's form. One without a name closes those before.
func (t *translator) toolCalls(s *said) []any {
	var calls []any
	for _, c := range s.Calls {
		called, arguments := cmp.Or(c.Name, c.Function.Name), c.Arguments
		if len(arguments) == 0 {
			arguments = c.Function.Arguments
		}
		if called == "" {
			continue
		}
		var text string
		if json.Unmarshal(arguments, &text) != nil {
			text = string(arguments)
		}
		one := map[string]any{
			"index": t.calls, "type": "function", "function": map[string]any{"name": called, "arguments": text},
		}
		if c.ID != "" {
			one["id"] = c.ID
		}
		calls, t.calls = append(calls, one), t.calls+1
	}
	return calls
}

// finish is why an answer ended, of which Cloudflare's own form says nothing: one that is
// as long as it may be was cut.
func (t *translator) finish(s *said) string {
	var used struct {
		Completion float64 `json:"completion_tokens"`
	}
	switch {
	case json.Unmarshal(s.Usage, &used) == nil && int(used.Completion) >= t.bound:
		return "length"
	case t.calls > 0:
		return "tool_calls"
	}
	return "stop"
}
