package form

import (
	"encoding/json"

	"dreamlab/cmd/internal/api/wire"
)

// messages is Anthropic's form (https://docs.anthropic.com/en/api/messages).
var messages = form{ask: askMessages, renamed: map[string]string{
	"stop": "stop_sequences", "reasoning_effort": "thinking", "user": "metadata.user_id",
}}

func askMessages(body []byte) (any, reply, error) {
	m, err := readMembers("", body)
	if err != nil {
		return nil, nil, err
	}
	if _, given := m["max_tokens"]; !given {
		return nil, nil, wire.Invalid("max_tokens", "max_tokens is missing: say how long the answer may be.")
	}
	chat := map[string]any{}
	if chat["messages"], err = turnsOf(m); err != nil {
		return nil, nil, err
	}
	m.passed(chat, map[string]string{
		"model": "model", "max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p",
		"stop_sequences": "stop", "dreamlab": "dreamlab", "store": "store",
	})
	for _, move := range []func(members, map[string]any) error{
		messagesTools, messagesChoice, messagesThinking, messagesMetadata, messagesStream,
	} {
		if err := move(m, chat); err != nil {
			return nil, nil, err
		}
	}
	m.neutral(map[string][]string{"service_tier": {`"auto"`, `"standard_only"`}, "mcp_servers": {"[]"}})
	if err := m.rest(""); err != nil {
		return nil, nil, err
	}
	return chat, &messageReply{}, nil
}

func messagesStream(m members, chat map[string]any) error {
	on, err := flag("stream", m["stream"])
	delete(m, "stream")
	if on {
		streamed(chat)
	}
	return err
}

// messagesMetadata takes Anthropic's user_id, and a conversation's id as chats have it.
func messagesMetadata(m members, chat map[string]any) error {
	raw, given := m["metadata"]
	if !given {
		return nil
	}
	delete(m, "metadata")
	pairs, err := readMembers("metadata", raw)
	if err != nil {
		return err
	}
	pairs.passed(chat, map[string]string{"user_id": "user"})
	if len(pairs) > 0 {
		chat["metadata"] = pairs
	}
	return nil
}

// Budgets of thinking, in tokens, from which on the effort is medium and high.
const (
	mediumBudget = 4096
	highBudget   = 16384
)

// messagesThinking turns a budget of thinking into an effort, which is what the
// models here take.
func messagesThinking(m members, chat map[string]any) error {
	raw, given := m["thinking"]
	if !given {
		return nil
	}
	delete(m, "thinking")
	var t struct {
		Type   string `json:"type"`
		Budget int    `json:"budget_tokens"`
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		return wire.Invalid("thinking", "thinking has to be an object with a type.")
	}
	switch {
	case t.Type == "disabled", t.Type == "adaptive":
	case t.Type != "enabled":
		return wire.Invalid("thinking.type", "thinking.type has to be enabled, disabled or adaptive.")
	case t.Budget >= highBudget:
		chat["reasoning_effort"] = "high"
	case t.Budget >= mediumBudget:
		chat["reasoning_effort"] = "medium"
	default:
		chat["reasoning_effort"] = "low"
	}
	return nil
}

func messagesTools(m members, chat map[string]any) error {
	return m.tools(chat, func(where string, item json.RawMessage) (function, error) {
		var one struct {
			Type        string          `json:"type"`
			Name        string          `json:"name"`
			Description string          `json:"description"`
			Schema      json.RawMessage `json:"input_schema"`
		}
		if err := json.Unmarshal(item, &one); err != nil {
			return function{}, wire.Invalid(where, "%s has to be a tool.", where)
		}
		if one.Type != "" && one.Type != "custom" {
			return function{}, unsupported(where+".type", "has to be custom: other tools are not offered here")
		}
		return function{Name: one.Name, Description: one.Description, Parameters: one.Schema}, nil
	})
}

func messagesChoice(m members, chat map[string]any) error {
	raw, given := m["tool_choice"]
	if !given {
		return nil
	}
	delete(m, "tool_choice")
	var one struct {
		Type, Name string
		Alone      *bool `json:"disable_parallel_tool_use"`
	}
	if err := json.Unmarshal(raw, &one); err != nil {
		return wire.Invalid("tool_choice", "tool_choice has to be an object with a type.")
	}
	switch one.Type {
	case "auto", "none":
		chat["tool_choice"] = one.Type
	case "any":
		chat["tool_choice"] = "required"
	case "tool":
		chat["tool_choice"] = named(one.Name)
	default:
		return wire.Invalid("tool_choice.type", "tool_choice.type has to be auto, any, tool or none.")
	}
	if one.Alone != nil {
		chat["parallel_tool_calls"] = !*one.Alone
	}
	return nil
}
