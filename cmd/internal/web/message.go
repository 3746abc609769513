package web

import (
	"encoding/json"
	"strings"

	"dreamlab/cmd/internal/web/say"
)

// message is a turn of a conversation.
type message struct {
	Role      string            `json:"role"`
	Content   json.RawMessage   `json:"content"`
	ToolCalls []json.RawMessage `json:"tool_calls,omitempty"`
}

// Text returns the words of a message; what is no text is named in brackets.
func (m message) Text() string {
	var text string
	if json.Unmarshal(m.Content, &text) == nil && (text != "" || len(m.ToolCalls) == 0) {
		return text
	}
	var parts []struct{ Type, Text string }
	if json.Unmarshal(m.Content, &parts) != nil {
		return strings.TrimSuffix(string(m.Content), "null") + toolsOf(m)
	}
	words := make([]string, len(parts))
	for i, part := range parts {
		words[i] = part.Text
		if part.Text == "" {
			words[i] = "[" + part.Type + "]"
		}
	}
	return strings.Join(words, "\n") + toolsOf(m)
}

// toolsOf returns the calls of tools as a block of code, which shows them as they are.
func toolsOf(m message) string {
	if len(m.ToolCalls) == 0 {
		return ""
	}
	calls := make([]string, len(m.ToolCalls))
	for i, call := range m.ToolCalls {
		calls[i] = say.Pretty(call)
	}
	return "[tool calls]\n```\n" + strings.Join(calls, "\n") + "\n```"
}
