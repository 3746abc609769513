package tasks

import "encoding/json"

// ChatInput is the input of chat.run.
type ChatInput struct {
	// Request is the client's body of POST /v1/chat/completions, checked.
	Request json.RawMessage `json:"request"`
	// Alias is the route that traffic follows, "" where the client named a model.
	Alias string `json:"alias,omitempty"`
	// Conversation is the client's metadata.conversation_id, or "".
	Conversation string `json:"conversation,omitempty"`
	Stream       bool   `json:"stream,omitempty"`
	Usage        bool   `json:"usage,omitempty"` // stream_options.include_usage
	// Keep is false with "store": false: no experience, and input and result
	// are cleared once delivered.
	Keep bool `json:"keep"`
	// Memory lets the tenant's memory be put in front of the conversation.
	Memory bool `json:"memory,omitempty"`
}
