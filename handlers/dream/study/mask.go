package study

import (
	"encoding/json"

	"dreamlab/providers"
	"dreamlab/providers/redact"
	"dreamlab/store/plainjson"
)

// maskMessages masks what messages say, and the tools that they call. It
// returns nothing for what is no list of messages.
func maskMessages(raw json.RawMessage) json.RawMessage {
	var messages []providers.Message
	if json.Unmarshal(raw, &messages) != nil {
		return nil
	}
	for i := range messages {
		m := &messages[i]
		m.Content, m.ToolCalls = redact.JSON(m.Content), redact.JSON(m.ToolCalls)
	}
	return plainjson.Of(messages)
}
