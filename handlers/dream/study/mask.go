package study

import (
	"encoding/json"

	"dreamlab/providers"
	"dreamlab/providers/redact"
	"dreamlab/store/plainjson"
)

// maskMessages masks what messages say, and the tools that they call. It
// returns nothing for what is no list of messages. It looks at them twice, since a name
// may be introduced after it was said.
func maskMessages(mask *redact.Masker, raw json.RawMessage) json.RawMessage {
	mask.JSON(raw)
	var messages []providers.Message
	if json.Unmarshal(raw, &messages) != nil {
		return nil
	}
	for i := range messages {
		m := &messages[i]
		m.Content, m.ToolCalls = mask.JSON(m.Content), mask.JSON(m.ToolCalls)
	}
	return plainjson.Of(messages)
}

// Opening is what a user says first in a prompt: all turns of a conversation, and its copies, share it.
func Opening(prompt json.RawMessage) string {
	var messages []providers.Message
	if json.Unmarshal(prompt, &messages) != nil {
		return ""
	}
	for _, m := range messages {
		if m.Role == "user" {
			return m.Text()
		}
	}
	return ""
}
