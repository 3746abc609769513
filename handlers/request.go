package handlers

import (
	"dreamlab/providers"
	"dreamlab/tasks"
)

// RequestOf puts a client's request into the router's words.
func RequestOf(r *tasks.ChatRequest) providers.Request {
	return providers.Request{Messages: messagesOf(r.Messages), Settings: r.Settings}
}

// messagesOf turns "developer", which open models were not taught, into "system".
func messagesOf(messages []tasks.Message) []providers.Message {
	out := make([]providers.Message, len(messages))
	for i, m := range messages {
		role := m.Role
		if role == "developer" {
			role = "system"
		}
		out[i] = providers.Message{
			Role: role, Content: m.Content, Name: m.Name, ToolCalls: m.ToolCalls, ToolCallID: m.ToolCallID,
			Extra: m.Extra,
		}
	}
	return out
}
