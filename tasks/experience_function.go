package tasks

import (
	"bytes"
	"encoding/json"
	"fmt"

	"dreamlab/store/plainjson"
)

// toolsForFunctions writes messages of OpenAI's older form, where one function was
// called under "function_call" and its answer had the role "function", with
// tool_calls. What can not be read is left as it is, for its reader to tell of.
func toolsForFunctions(raw json.RawMessage) json.RawMessage {
	if !bytes.Contains(raw, []byte(`"function_call"`)) {
		return raw
	}
	var messages []map[string]json.RawMessage
	if json.Unmarshal(raw, &messages) != nil {
		return raw
	}
	last := ""
	for i, m := range messages {
		if call, ok := m["function_call"]; ok && !isNull(call) && len(m["tool_calls"]) == 0 {
			last = fmt.Sprintf("call_%d", i)
			m["tool_calls"] = plainjson.Of([]map[string]any{{"id": last, "type": "function", "function": call}})
			delete(m, "function_call")
		}
		if string(m["role"]) == `"function"` && last != "" {
			m["role"], m["tool_call_id"] = json.RawMessage(`"tool"`), plainjson.Of(last)
		}
	}
	return plainjson.Of(messages)
}
