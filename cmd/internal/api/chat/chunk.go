package chat

import (
	"encoding/json"
	"fmt"
	"strconv"

	"dreamlab/cmd/internal/api/wire"
)

// chunksOf turns a stored completion into the events of a stream.
func chunksOf(body []byte, usage bool) ([][]byte, error) {
	var whole map[string]json.RawMessage
	var choices []map[string]json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return nil, fmt.Errorf("read stored answer: %w", err)
	}
	if err := json.Unmarshal(wire.RawOr(whole["choices"], "[]"), &choices); err != nil {
		return nil, fmt.Errorf("read stored answer: choices: %w", err)
	}
	ours, counted := whole["dreamlab"], whole["usage"]
	delete(whole, "dreamlab")
	delete(whole, "usage")
	whole["object"] = json.RawMessage(`"chat.completion.chunk"`)
	says := make([]map[string]json.RawMessage, len(choices))
	ends := make([]map[string]json.RawMessage, len(choices))
	for i, choice := range choices {
		index := wire.RawOr(choice["index"], strconv.Itoa(i))
		says[i] = map[string]json.RawMessage{
			"index": index, "delta": deltaOf(choice["message"]), "finish_reason": json.RawMessage("null"),
			"logprobs": wire.RawOr(choice["logprobs"], "null"),
		}
		ends[i] = map[string]json.RawMessage{
			"index": index, "delta": json.RawMessage("{}"), "finish_reason": wire.RawOr(choice["finish_reason"], "null"),
		}
	}
	events := [][]byte{withParts(whole, says, nil, nil)}
	if !usage {
		return append(events, withParts(whole, ends, ours, nil), []byte("[DONE]")), nil
	}
	return append(events, withParts(whole, ends, nil, nil), withParts(whole, nil, ours, counted),
		[]byte("[DONE]")), nil
}

func withParts(whole map[string]json.RawMessage, choices []map[string]json.RawMessage,
	ours, usage json.RawMessage,
) []byte {
	chunk := make(map[string]json.RawMessage, len(whole)+2)
	for key, value := range whole {
		chunk[key] = value
	}
	chunk["choices"] = wire.Encoded(wire.Some(choices))
	if ours != nil {
		chunk["dreamlab"] = ours
	}
	if usage != nil {
		chunk["usage"] = usage
	}
	return wire.Encoded(chunk)
}

// deltaOf returns a message as a delta: its tool calls need an index.
func deltaOf(message json.RawMessage) json.RawMessage {
	var parts map[string]json.RawMessage
	var calls []map[string]json.RawMessage
	if json.Unmarshal(message, &parts) != nil || json.Unmarshal(parts["tool_calls"], &calls) != nil {
		return wire.RawOr(message, "{}")
	}
	for i := range calls {
		calls[i]["index"] = json.RawMessage(strconv.Itoa(i))
	}
	parts["tool_calls"] = wire.Encoded(calls)
	return wire.Encoded(parts)
}
