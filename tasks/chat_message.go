package tasks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"dreamlab/store/plainjson"
)

// maxMessages is OpenAI's limit of messages in one request.
const maxMessages = 2048

func readMessages(r *ChatRequest, name string, raw json.RawMessage) (fault *InputError) {
	r.Messages, fault = parseMessages(name, raw)
	return fault
}

func parseMessages(name string, raw json.RawMessage) ([]Message, *InputError) {
	list, fault := typed[[]json.RawMessage](name, raw)
	if fault != nil {
		return nil, fault
	}
	if len(list) > maxMessages {
		return nil, invalid(name, "at most %d messages are allowed, not %d", maxMessages, len(list))
	}
	messages := make([]Message, len(list))
	for i, raw := range list {
		if messages[i], fault = parseMessage(fmt.Sprintf("%s[%d]", name, i), raw); fault != nil {
			return nil, fault
		}
	}
	return messages, nil
}

// parseMessage reads one message. Members that OpenAI does not have are kept in
// Extra, never refused: clients hand back what an answer of any vendor held.
func parseMessage(param string, raw json.RawMessage) (Message, *InputError) {
	members, fault := object(param, raw)
	if fault != nil {
		return Message{}, fault
	}
	role, fault := oneOf(join(param, "role"), orNull(members["role"]),
		"system", "developer", "user", "assistant", "tool")
	if fault != nil {
		return Message{}, fault
	}
	m := Message{Role: role, Content: members["content"]}
	for name, into := range map[string]*string{"name": &m.Name, "tool_call_id": &m.ToolCallID} {
		if raw, ok := members[name]; ok {
			if *into, fault = typed[string](join(param, name), raw); fault != nil {
				return m, fault
			}
		}
	}
	if m.ToolCalls, fault = parseCalls(join(param, "tool_calls"), members["tool_calls"]); fault != nil {
		return m, fault
	}
	m.Extra = extraMembers(members)
	if m.Role == "assistant" && len(m.Content) == 0 && len(m.ToolCalls) == 0 {
		m.Content = contentInstead(raw, members)
	}
	return m, m.check(param)
}

// extraMembers returns the members that OpenAI's messages do not have, nil for none.
func extraMembers(members map[string]json.RawMessage) map[string]json.RawMessage {
	var extra map[string]json.RawMessage
	for name, value := range members {
		switch name {
		case "role", "content", "name", "tool_calls", "tool_call_id":
			continue
		}
		if extra == nil {
			extra = map[string]json.RawMessage{}
		}
		extra[name] = value
	}
	return extra
}

// contentInstead returns the content of an answer that has none of its own, as
// answers do that were refused, or cut while the model still reasoned: the refusal,
// else an empty text. A message that does not even name its content has none.
func contentInstead(raw json.RawMessage, members map[string]json.RawMessage) json.RawMessage {
	if _, fault := typed[string]("", orNull(members["refusal"])); fault == nil && len(members["refusal"]) > 0 {
		return members["refusal"]
	}
	var named struct{ Content json.RawMessage }
	if json.Unmarshal(raw, &named) == nil && len(named.Content) > 0 {
		return json.RawMessage(`""`)
	}
	return nil
}

func (m *Message) check(param string) *InputError {
	switch {
	case m.Role == "tool" && m.ToolCallID == "":
		return invalid(join(param, "tool_call_id"), "a tool's message names the call that it answers")
	case m.Role != "assistant" && len(m.ToolCalls) > 0:
		return invalid(join(param, "tool_calls"), "only an assistant's message calls tools")
	case m.Role != "assistant" && len(m.Content) == 0:
		return invalid(join(param, "content"), "a string or a list of parts is needed")
	case len(m.Content) == 0 && len(m.ToolCalls) == 0:
		return invalid(join(param, "content"), "an assistant's message needs content or tool_calls")
	}
	if len(m.Content) == 0 {
		return nil
	}
	return checkContent(join(param, "content"), m.Role, m.Content)
}

// parseCalls reads the tool calls of a message, nil for none. Arguments that are
// an object, as some servers give them, become OpenAI's text.
func parseCalls(param string, raw json.RawMessage) (json.RawMessage, *InputError) {
	if len(raw) == 0 {
		return nil, nil
	}
	calls, fault := typed[[]struct {
		ID       string
		Function *struct {
			Name      string
			Arguments json.RawMessage
		}
	}](param, raw)
	if fault != nil || len(calls) == 0 {
		return nil, fault
	}
	textual := true
	for i, call := range calls {
		if call.ID == "" || call.Function == nil || call.Function.Name == "" {
			return nil, invalid(fmt.Sprintf("%s[%d]", param, i), "id, function.name and function.arguments are needed")
		}
		arguments := call.Function.Arguments
		textual = textual && (len(arguments) == 0 || arguments[0] == '"')
	}
	if textual {
		return raw, nil
	}
	return textArguments(raw), nil
}

// textArguments writes the calls with their arguments as texts.
func textArguments(raw json.RawMessage) json.RawMessage {
	var calls []map[string]json.RawMessage
	if json.Unmarshal(raw, &calls) != nil { // it was read before
		return raw
	}
	for _, call := range calls {
		var function map[string]json.RawMessage
		if json.Unmarshal(call["function"], &function) != nil {
			continue
		}
		if arguments := function["arguments"]; len(arguments) > 0 && arguments[0] != '"' {
			function["arguments"] = plainjson.Of(argumentsText(arguments))
		}
		call["function"] = plainjson.Of(function)
	}
	return plainjson.Of(calls)
}

func argumentsText(arguments json.RawMessage) string {
	var compact bytes.Buffer
	if isNull(arguments) || json.Compact(&compact, arguments) != nil {
		return ""
	}
	return compact.String()
}

func checkContent(param, role string, raw json.RawMessage) *InputError {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte{'"'}) {
		_, fault := typed[string](param, raw)
		return fault
	}
	parts, fault := typed[[]json.RawMessage](param, raw)
	if fault != nil {
		return invalid(param, "give a string or a list of parts")
	}
	if len(parts) == 0 {
		return invalid(param, "the list of parts is empty: give at least one")
	}
	for i, part := range parts {
		if fault := checkPart(fmt.Sprintf("%s[%d]", param, i), role, part); fault != nil {
			return fault
		}
	}
	return nil
}

func checkPart(param, role string, raw json.RawMessage) *InputError {
	members, fault := object(param, raw)
	if fault != nil {
		return fault
	}
	kind, fault := typed[string](join(param, "type"), orNull(members["type"]))
	if fault != nil {
		return fault
	}
	switch kind {
	case "text", "refusal":
		if _, ok := members[kind]; !ok {
			return invalid(join(param, kind), "a string is needed")
		}
		_, fault = typed[string](join(param, kind), members[kind])
		return fault
	case "image_url":
		return checkImage(join(param, "image_url"), role, members["image_url"])
	case "thinking", "reasoning", "redacted_thinking":
		if role == "assistant" { // what Mistral's and Anthropic's models said before
			return nil
		}
	case "input_audio", "file", "video_url":
		return unsupported(join(param, "type"), "parts of type %q are not supported: use text or image_url", kind)
	}
	return invalid(join(param, "type"), "must be one of: text, image_url, refusal")
}

func checkImage(param, role string, raw json.RawMessage) *InputError {
	if role != "user" {
		return invalid(param, "only a user's message holds pictures")
	}
	members, fault := object(param, orNull(raw))
	if fault != nil {
		return fault
	}
	url, fault := typed[string](join(param, "url"), orNull(members["url"]))
	if fault == nil && !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") &&
		!strings.HasPrefix(url, "data:image/") {
		fault = invalid(join(param, "url"), "give an http(s) or a data:image/ address")
	}
	return fault
}

func hasImage(content json.RawMessage) bool { return bytes.Contains(content, []byte(`"image_url"`)) }
