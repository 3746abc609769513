package form

import (
	"encoding/json"
	"fmt"
	"maps"
)

// responseReply turns an answer into a response
// (https://platform.openai.com/docs/api-reference/responses/object).
type responseReply struct {
	asked map[string]json.RawMessage // what the response repeats of the request
	id    string
	model string
	made  int64
	// The rest is of a stream.
	sequence int
	items    []*openItem
	finish   string
	counted  *usage
	ours     json.RawMessage
}

// openItem is an item of the output, as far as it has come.
type openItem struct {
	kind, id  string
	text      string // of a message or a reasoning, or the arguments of a call
	refusal   bool
	call      string // the call's id
	name      string
	callIndex int
	done      bool
}

func (r *responseReply) whole(body []byte) (any, error) {
	c, err := read(body)
	if err != nil {
		return nil, err
	}
	r.start(c)
	said := c.first().Message
	if t := said.thought(); t != "" {
		r.items = append(r.items, &openItem{kind: "reasoning", text: t})
	}
	if t := valueOf(said.Refusal); t != "" {
		r.items = append(r.items, &openItem{kind: "message", text: t, refusal: true})
	} else if t := valueOf(said.Content); t != "" || len(said.ToolCalls) == 0 {
		r.items = append(r.items, &openItem{kind: "message", text: t})
	}
	for _, call := range said.ToolCalls {
		r.items = append(r.items, &openItem{
			kind: "function_call", text: call.Function.Arguments, call: call.ID, name: call.Function.Name,
		})
	}
	for i, it := range r.items {
		it.id, it.done = r.itemID(it.kind, i), true
	}
	r.finish, r.counted, r.ours = valueOf(c.first().Finish), c.Usage, c.Ours
	return r.response(r.status()), nil
}

func (r *responseReply) start(c completion) {
	r.id, r.model, r.made = "resp_"+bare(c.ID), c.Model, c.Created
}

func (r *responseReply) itemID(kind string, at int) string {
	prefix := map[string]string{"message": "msg", "reasoning": "rs", "function_call": "fc"}[kind]
	return fmt.Sprintf("%s_%s_%d", prefix, bare(r.id[len("resp_"):]), at)
}

// status tells how the answer ended.
func (r *responseReply) status() string {
	if r.finish == "length" || r.finish == "content_filter" {
		return "incomplete"
	}
	return "completed"
}

// response is the response object, in a status.
func (r *responseReply) response(status string) map[string]any {
	object := map[string]any{
		"id": r.id, "object": "response", "created_at": r.made, "model": r.model, "status": status,
		"error": nil, "incomplete_details": nil, "previous_response_id": nil, "truncation": "disabled",
		"background": false, "store": false, "service_tier": "default", "usage": nil, "output": r.output(),
	}
	for name, raw := range r.asked {
		object[name] = raw
	}
	if status == "incomplete" {
		reason := "content_filter"
		if r.finish == "length" {
			reason = "max_output_tokens"
		}
		object["incomplete_details"] = map[string]string{"reason": reason}
	}
	if u := r.counted; u != nil {
		object["usage"] = map[string]any{
			"input_tokens": u.Prompt, "output_tokens": u.Completion, "total_tokens": u.Total,
			"input_tokens_details":  map[string]int64{"cached_tokens": u.PromptDetails.Cached},
			"output_tokens_details": map[string]int64{"reasoning_tokens": u.CompletionDetails.Reasoning},
		}
	}
	if r.ours != nil {
		object["dreamlab"] = r.ours
	}
	return object
}

func (r *responseReply) output() []any {
	all := make([]any, len(r.items))
	for i, it := range r.items {
		all[i] = it.shown(r.status())
	}
	return all
}

// shown is an item as the output has it. An item that was cut is incomplete.
func (it *openItem) shown(answer string) map[string]any {
	status := "in_progress"
	if it.done {
		status = "completed"
		if answer == "incomplete" && it.kind != "reasoning" {
			status = "incomplete"
		}
	}
	object := map[string]any{"type": it.kind, "id": it.id, "status": status}
	more := map[string]any{}
	switch it.kind {
	case "message":
		content := []any{}
		if it.done {
			content = append(content, it.part())
		}
		more = map[string]any{"role": "assistant", "content": content}
	case "reasoning":
		summary := []any{}
		if it.done {
			summary = append(summary, map[string]string{"type": "summary_text", "text": it.text})
		}
		more = map[string]any{"summary": summary}
	case "function_call":
		more = map[string]any{"call_id": it.call, "name": it.name, "arguments": it.text}
	}
	maps.Copy(object, more)
	return object
}

// part is the content of a message.
func (it *openItem) part() map[string]any {
	if it.refusal {
		return map[string]any{"type": "refusal", "refusal": it.text}
	}
	return map[string]any{"type": "output_text", "text": it.text, "annotations": []any{}, "logprobs": []any{}}
}
