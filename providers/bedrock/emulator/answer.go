package emulator

import (
	"encoding/json"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// millisecondsPerToken makes up how long an answer took, for its metrics.
const millisecondsPerToken = 8

// thought is what a model thinks where it is asked to make an effort. It is billed as
// output.
const thought = "The user wants an answer. I give one."

// whole makes the answer of Converse.
func whole(a *lab.Answer) map[string]any {
	block := map[string]any{"text": a.Text}
	if a.Call != nil {
		block = map[string]any{"toolUse": map[string]any{
			"toolUseId": toolID(a), "name": a.Call.Name, "input": json.RawMessage(a.Call.Arguments),
		}}
	}
	content := []any{block}
	if a.Reasoning > 0 {
		thinking := map[string]any{"reasoningContent": map[string]any{"reasoningText": map[string]any{"text": thought}}}
		content = []any{thinking, block}
	}
	object := map[string]any{
		"output":     map[string]any{"message": map[string]any{"role": "assistant", "content": content}},
		"stopReason": stopReason(a),
		"usage":      usage(a.Usage),
		"metrics":    metrics(a),
	}
	return withTier(object, a)
}

func toolID(a *lab.Answer) string { return "tooluse_" + strings.TrimPrefix(a.Call.ID, "call_") }

func stopReason(a *lab.Answer) string {
	switch {
	case a.Call != nil:
		return "tool_use"
	case a.Finish == "length":
		return "max_tokens"
	case len(a.Ask.Stop) > 0:
		return "stop_sequence"
	}
	return "end_turn"
}

// usage counts what was read from a cache beside the input.
func usage(u model.Usage) map[string]any {
	object := map[string]any{
		"inputTokens": u.In - u.Cached, "outputTokens": u.Out, "totalTokens": u.In + u.Out,
	}
	if u.Cached > 0 {
		object["cacheReadInputTokens"], object["cacheWriteInputTokens"] = u.Cached, 0
	}
	return object
}

func metrics(a *lab.Answer) map[string]any {
	return map[string]any{"latencyMs": 50 + millisecondsPerToken*a.Usage.Out}
}

// withTier tells the tier where one was asked for.
func withTier(object map[string]any, a *lab.Answer) map[string]any {
	if a.Tier != "" {
		object["serviceTier"] = map[string]any{"type": a.Tier}
	}
	return object
}

// chunk makes the events of a piece. A block of text is not announced, a tool's is.
func chunk(a *lab.Answer, p lab.Piece) map[string]any {
	switch {
	case p.First:
		return several(begin(a)...)
	case p.Last:
		return several(
			event("contentBlockStop", inBlock(at(a), "", nil)),
			event("messageStop", map[string]any{"stopReason": stopReason(a)}),
		)
	}
	return several(event("contentBlockDelta", inBlock(at(a), "delta", map[string]any{"text": p.Text})))
}

// begin makes the events before the text: the thought in a block of its own, and a call
// of a tool, whose input comes in two pieces.
func begin(a *lab.Answer) []occurrence {
	events := []occurrence{event("messageStart", map[string]any{"role": "assistant"})}
	if a.Reasoning > 0 {
		thinking := map[string]any{"reasoningContent": map[string]any{"text": thought}}
		events = append(events,
			event("contentBlockDelta", inBlock(0, "delta", thinking)), event("contentBlockStop", inBlock(0, "", nil)))
	}
	if a.Call == nil {
		return events
	}
	use := map[string]any{"toolUseId": toolID(a), "name": a.Call.Name}
	half := len(a.Call.Arguments) / 2
	return append(events,
		event("contentBlockStart", inBlock(at(a), "start", map[string]any{"toolUse": use})),
		event("contentBlockDelta", inBlock(at(a), "delta", toolInput(a.Call.Arguments[:half]))),
		event("contentBlockDelta", inBlock(at(a), "delta", toolInput(a.Call.Arguments[half:]))),
	)
}

// at is the index of the block that holds the answer.
func at(a *lab.Answer) int {
	if a.Reasoning > 0 {
		return 1
	}
	return 0
}

// inBlock makes the payload of an event of a block, with one more member or none.
func inBlock(index int, member string, value map[string]any) map[string]any {
	payload := map[string]any{"contentBlockIndex": index}
	if member != "" {
		payload[member] = value
	}
	return payload
}

func toolInput(piece string) map[string]any {
	return map[string]any{"toolUse": map[string]any{"input": piece}}
}

// tail is the event with the usage.
func tail(a *lab.Answer) map[string]any {
	return several(event("metadata", withTier(map[string]any{
		"usage": usage(a.Usage), "metrics": metrics(a),
	}, a)))
}

// broken is the exception of a stream that failed.
func broken(*lab.Answer) map[string]any {
	return several(occurrence{kind: "modelStreamErrorException", message: "exception", payload: map[string]any{
		"message":            "The system encountered an unexpected error during processing. Try your request again.",
		"originalStatusCode": 500, "originalMessage": "the model failed",
	}})
}
