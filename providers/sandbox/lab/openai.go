package lab

import "dreamlab/providers/sandbox/model"

// WholeOpenAI makes the chat.completion object that all vendors start from
// (https://platform.openai.com/docs/api-reference/chat/object).
func WholeOpenAI(a *Answer) map[string]any {
	message := map[string]any{"role": "assistant", "content": a.Text}
	if a.Call != nil {
		message["content"] = nil
		message["tool_calls"] = []any{callObject(a.Call)}
	}
	return map[string]any{
		"id":      a.ID,
		"object":  "chat.completion",
		"created": a.Created.Unix(),
		"model":   a.Model,
		"choices": []any{map[string]any{
			"index": 0, "message": message, "logprobs": nil, "finish_reason": a.Finish,
		}},
		"usage": UsageOpenAI(a.Usage),
	}
}

// UsageOpenAI makes the usage object that all vendors start from.
func UsageOpenAI(u model.Usage) map[string]any {
	usage := map[string]any{
		"prompt_tokens":     u.In,
		"completion_tokens": u.Out,
		"total_tokens":      u.In + u.Out,
	}
	if u.Cached > 0 {
		usage["prompt_tokens_details"] = map[string]any{"cached_tokens": u.Cached}
	}
	return usage
}

// ChunkOpenAI makes the chat.completion.chunk object that all vendors start
// from (https://platform.openai.com/docs/api-reference/chat-streaming).
func ChunkOpenAI(a *Answer, p Piece) map[string]any {
	delta := map[string]any{}
	var finish any
	switch {
	case p.First:
		delta["role"] = "assistant"
		delta["content"] = ""
		if a.Call != nil {
			call := callObject(a.Call)
			call["index"] = 0
			delta["content"] = nil
			delta["tool_calls"] = []any{call}
		}
	case p.Last:
		finish = a.Finish
	default:
		delta["content"] = p.Text
	}
	return chunk(a, []any{map[string]any{
		"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish,
	}})
}

// UsageChunkOpenAI makes the chunk without choices that carries the usage.
func UsageChunkOpenAI(a *Answer) map[string]any {
	last := chunk(a, []any{})
	last["usage"] = UsageOpenAI(a.Usage)
	return last
}

func chunk(a *Answer, choices []any) map[string]any {
	return map[string]any{
		"id":      a.ID,
		"object":  "chat.completion.chunk",
		"created": a.Created.Unix(),
		"model":   a.Model,
		"choices": choices,
	}
}

// callObject makes a message's tool call.
func callObject(c *model.ToolCall) map[string]any {
	return map[string]any{
		"id": c.ID, "type": "function",
		"function": map[string]any{"name": c.Name, "arguments": c.Arguments},
	}
}
