package completion

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// parts is what a message, or the delta of one, says, as raw JSON.
type parts struct {
	content, refusal, calls, role []byte

	reasoning, reasoningContent []byte // two names are in use; some servers send both

	extra []member // what OpenAI's messages do not have
}

// partsOf reads a message.
func partsOf(message []byte) parts {
	var p parts
	for key, value := range Members(message) {
		switch string(key) {
		case "content":
			p.content = value
		case "refusal":
			p.refusal = value
		case "reasoning":
			p.reasoning = value
		case "reasoning_content":
			p.reasoningContent = value
		case "tool_calls":
			p.calls = value
		case "role":
			p.role = value
		default:
			if Present(value) {
				p.extra = append(p.extra, member{key, value})
			}
		}
	}
	return p
}

// thoughts returns the reasoning under either name.
func (p parts) thoughts() []byte {
	if HasText(p.reasoning) {
		return p.reasoning
	}
	return p.reasoningContent
}

// odd tells whether a text of the message is none.
func (p parts) odd() bool {
	return !textual(p.content) || !textual(p.refusal) || !textual(p.reasoning) || !textual(p.reasoningContent) ||
		Present(p.calls) && p.calls[0] != '['
}

// says tells whether there is something to show a reader.
func (p parts) says() bool {
	return HasText(p.content) || HasText(p.refusal) || HasText(p.thoughts()) || p.hasCalls()
}

func (p parts) hasCalls() bool {
	for range Items(p.calls) {
		return true
	}
	return false
}

func textual(value []byte) bool { return !Present(value) || value[0] == '"' }

// Says tells whether a whole message is an answer: it has text, a call or a
// refusal. Reasoning alone is none.
func Says(message []byte) bool {
	p := partsOf(message)
	text := AppendText(AppendText(nil, p.content), p.refusal)
	return len(bytes.TrimSpace(text)) > 0 || p.hasCalls()
}

// mendMessage returns a message or delta whose texts are texts. Mistral's content is a
// list of parts, of which those of type "thinking" are the reasoning.
func mendMessage(message []byte) []byte {
	says, thoughts := partsOf(message), ""
	for key, value := range Members(message) {
		name := string(key)
		switch name {
		case "content", "refusal", "reasoning", "reasoning_content":
			if textual(value) {
				continue
			}
			text, deeper := splitContent(value)
			message, thoughts = Set(message, name, Quoted(text)), thoughts+deeper
		}
	}
	if thoughts != "" && !HasText(says.thoughts()) {
		message = Set(message, "reasoning", Quoted(thoughts))
	}
	switch {
	case !Present(says.calls) || says.calls[0] == '[':
	case says.calls[0] == '{':
		message = Set(message, "tool_calls", append(append([]byte{'['}, says.calls...), ']'))
	default:
		message = Without(message, "tool_calls")
	}
	return message
}

// splitContent returns the text of a content and the thoughts in it. It takes a
// string, a part, and a list of both; of anything else nothing is known.
func splitContent(value []byte) (text, thoughts string) {
	switch {
	case !Present(value):
	case value[0] == '"':
		text = string(AppendText(nil, value))
	case value[0] == '[':
		for item := range Items(value) {
			more, deeper := splitContent(item)
			text, thoughts = text+more, thoughts+deeper
		}
	case value[0] == '{':
		for key, value := range Members(value) {
			switch string(key) {
			case "text":
				text = string(AppendText(nil, value))
			case "thinking", "reasoning":
				said, _ := splitContent(value)
				thoughts += said
			}
		}
	}
	return text, thoughts
}

// decoded returns the members of an object, none for what is no object.
func decoded(object []byte) map[string]json.RawMessage {
	members := map[string]json.RawMessage{}
	for key, value := range Members(object) {
		members[string(key)] = bytes.Clone(value)
	}
	return members
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
