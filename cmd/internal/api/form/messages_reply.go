package form

import (
	"encoding/json"

	"dreamlab/cmd/internal/api/wire"
)

// messageReply turns an answer into a message of Anthropic's.
type messageReply struct {
	// The rest is of a stream.
	begun   bool
	open    string // the kind of the block that is open; "" for none
	block   int    // its place
	call    int    // the place of its call among the calls
	finish  string
	counted *usage
	ours    json.RawMessage
}

// stopOf turns a reason to stop into Anthropic's word.
func stopOf(finish string) string {
	switch finish {
	case "length":
		return "max_tokens"
	case "tool_calls", "function_call":
		return "tool_use"
	case "content_filter":
		return "refusal"
	}
	return "end_turn"
}

// tokensOf counts as Anthropic does: what was read from a cache is not in the input.
func tokensOf(u *usage) map[string]int64 {
	if u == nil {
		u = &usage{}
	}
	return map[string]int64{
		"input_tokens": u.Prompt - u.PromptDetails.Cached, "cache_read_input_tokens": u.PromptDetails.Cached,
		"cache_creation_input_tokens": 0, "output_tokens": u.Completion,
	}
}

func (r *messageReply) whole(body []byte) (any, error) {
	c, err := read(body)
	if err != nil {
		return nil, err
	}
	said := c.first().Message
	content := []any{}
	if t := said.thought(); t != "" {
		content = append(content, map[string]string{"type": "thinking", "thinking": t, "signature": ""})
	}
	if t := valueOf(said.Content) + valueOf(said.Refusal); t != "" {
		content = append(content, map[string]string{"type": "text", "text": t})
	}
	for _, call := range said.ToolCalls {
		content = append(content, map[string]any{
			"type": "tool_use", "id": call.ID, "name": call.Function.Name, "input": argumentsOf(call.Function.Arguments),
		})
	}
	object := emptyMessage(c)
	object["content"], object["usage"] = content, tokensOf(c.Usage)
	object["stop_reason"] = stopReason(valueOf(c.first().Finish), said)
	if c.Ours != nil {
		object["dreamlab"] = c.Ours
	}
	return object, nil
}

func stopReason(finish string, said said) string {
	if valueOf(said.Refusal) != "" {
		return "refusal"
	}
	return stopOf(finish)
}

// argumentsOf returns a call's arguments as the object that Anthropic has.
func argumentsOf(text string) json.RawMessage {
	if raw := json.RawMessage(text); json.Valid(raw) && len(raw) > 0 && raw[0] == '{' {
		return raw
	}
	return json.RawMessage("{}")
}

// emptyMessage is a message that has said nothing yet.
func emptyMessage(c completion) map[string]any {
	return map[string]any{
		"id": "msg_" + bare(c.ID), "type": "message", "role": "assistant", "model": c.Model, "content": []any{},
		"stop_reason": nil, "stop_sequence": nil, "usage": tokensOf(nil),
	}
}

func (r *messageReply) chunk(out *events, body []byte) error {
	c, err := read(body)
	if err != nil {
		return err
	}
	if !r.begun {
		r.begun = true
		start := map[string]any{"type": "message_start", "message": emptyMessage(c)}
		if err := out.named("message_start", start); err != nil {
			return err
		}
	}
	if c.Usage != nil {
		r.counted = c.Usage
	}
	if c.Ours != nil {
		r.ours = c.Ours
	}
	one := c.first()
	if one.Finish != nil {
		r.finish = *one.Finish
	}
	return r.take(out, one.Delta)
}

func (r *messageReply) take(out *events, d said) error {
	if err := r.say(out, "thinking", d.thought()); err != nil {
		return err
	}
	if err := r.say(out, "text", valueOf(d.Content)+valueOf(d.Refusal)); err != nil {
		return err
	}
	if valueOf(d.Refusal) != "" {
		r.finish = "content_filter"
	}
	for _, call := range d.ToolCalls {
		if err := r.use(out, call); err != nil {
			return err
		}
	}
	return nil
}

// say adds text or thinking to a block of its kind.
func (r *messageReply) say(out *events, kind, text string) error {
	if text == "" {
		return nil
	}
	if r.open != kind {
		empty := map[string]string{"type": kind, kind: ""}
		if kind == "thinking" {
			empty["signature"] = ""
		}
		if err := r.begin(out, kind, empty); err != nil {
			return err
		}
	}
	return r.delta(out, map[string]string{"type": kind + "_delta", kind: text})
}

func (r *messageReply) use(out *events, call toolCall) error {
	if r.open != "tool_use" || call.Index != r.call {
		r.call = call.Index
		start := map[string]any{"type": "tool_use", "id": call.ID, "name": call.Function.Name, "input": struct{}{}}
		if err := r.begin(out, "tool_use", start); err != nil {
			return err
		}
	}
	if call.Function.Arguments == "" {
		return nil
	}
	return r.delta(out, map[string]string{"type": "input_json_delta", "partial_json": call.Function.Arguments})
}

func (r *messageReply) begin(out *events, kind string, start any) error {
	if err := r.closeBlock(out); err != nil {
		return err
	}
	r.open = kind
	return out.named("content_block_start", map[string]any{
		"type": "content_block_start", "index": r.block, "content_block": start,
	})
}

func (r *messageReply) delta(out *events, delta any) error {
	return out.named("content_block_delta", map[string]any{
		"type": "content_block_delta", "index": r.block, "delta": delta,
	})
}

func (r *messageReply) closeBlock(out *events) error {
	if r.open == "" {
		return nil
	}
	err := out.named("content_block_stop", map[string]any{"type": "content_block_stop", "index": r.block})
	r.open = ""
	r.block++
	return err
}

func (r *messageReply) end(out *events) error {
	if err := r.closeBlock(out); err != nil {
		return err
	}
	last := map[string]any{
		"type": "message_delta", "usage": tokensOf(r.counted),
		"delta": map[string]any{"stop_reason": stopOf(r.finish), "stop_sequence": nil},
	}
	if r.ours != nil {
		last["dreamlab"] = r.ours
	}
	if err := out.named("message_delta", last); err != nil {
		return err
	}
	return out.named("message_stop", map[string]string{"type": "message_stop"})
}

func (r *messageReply) fail(out *events, fault []byte) error {
	code, told, _ := faultOf(fault)
	f := wire.Coded(code, told)
	out.WriteString("event: error\ndata: ")
	out.Write(MessagesFault(f))
	out.WriteString("\n\n")
	return nil
}

func (r *messageReply) beat(out *events) {
	out.WriteString("event: ping\ndata: {\"type\":\"ping\"}\n\n")
}

// MessagesFault returns an error in Anthropic's shape
// (https://docs.anthropic.com/en/api/errors).
func MessagesFault(f *wire.Fault) []byte {
	body, err := encode(map[string]any{
		"type":  "error",
		"error": map[string]any{"type": kindOf(f.Status), "message": f.Message, "code": f.Code, "param": wire.OrNull(f.Param)},
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return body
}

// kindOf returns Anthropic's word for the sort of error.
func kindOf(status int) string {
	switch status {
	case 400, 409, 415:
		return "invalid_request_error"
	case 401:
		return "authentication_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 413:
		return "request_too_large"
	case 429:
		return "rate_limit_error"
	case 503:
		return "overloaded_error"
	case 504:
		return "timeout_error"
	}
	return "api_error"
}
