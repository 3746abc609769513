package form

import (
	"encoding/json"
	"strconv"

	"dreamlab/cmd/internal/api/wire"
)

// inputOf takes instructions and input out of a request and returns a chat's
// messages.
func inputOf(m members) ([]message, error) {
	var all []message
	if raw, given := m["instructions"]; given {
		said, err := text("instructions", raw)
		if err != nil {
			return nil, err
		}
		all = append(all, message{Role: "system", Content: said})
	}
	raw, given := m["input"]
	delete(m, "instructions")
	delete(m, "input")
	if !given {
		return nil, wire.Invalid("input", "input is missing: send a text or a list of items.")
	}
	if isText(raw) {
		said, err := text("input", raw)
		return append(all, message{Role: "user", Content: said}), err
	}
	items, err := list("input", raw)
	if err != nil {
		return nil, err
	}
	for i, item := range items {
		if all, err = appendItem(all, "input["+strconv.Itoa(i)+"]", item); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// item is one of a response's input or output.
type item struct {
	Type      string          `json:"type"`
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments string          `json:"arguments"`
	Output    json.RawMessage `json:"output"`
}

func appendItem(all []message, where string, raw json.RawMessage) ([]message, error) {
	var it item
	if err := json.Unmarshal(raw, &it); err != nil {
		return nil, wire.Invalid(where, "%s has to be an item.", where)
	}
	switch it.Type {
	case "", "message":
		content, err := contentOf(where+".content", it.Content)
		return append(all, message{Role: it.Role, Content: content}), err
	case "function_call":
		call := toolCall{ID: it.CallID, Type: "function", Function: functionCall{it.Name, it.Arguments}}
		if last := len(all) - 1; last >= 0 && all[last].Role == "assistant" {
			all[last].ToolCalls = append(all[last].ToolCalls, call) // of the same turn
			return all, nil
		}
		return append(all, message{Role: "assistant", ToolCalls: []toolCall{call}}), nil
	case "function_call_output":
		content, err := contentOf(where+".output", it.Output)
		return append(all, message{Role: "tool", Content: content, ToolCallID: it.CallID}), err
	case "reasoning": // of an earlier turn; nothing of it is needed here
		return all, nil
	case "item_reference":
		return nil, unsupported(where, "refers to an item that was not kept: send \"store\": false, and the items themselves")
	}
	return nil, unsupported(where+".type", "is of a kind that is not offered here")
}

// contentOf reads the content of a message: a text, or parts of texts and images.
func contentOf(where string, raw json.RawMessage) (any, error) {
	if none(raw) {
		return "", nil
	}
	if isText(raw) {
		return text(where, raw)
	}
	items, err := list(where, raw)
	if err != nil {
		return nil, err
	}
	parts := make([]part, len(items))
	plain := true
	for i, item := range items {
		if parts[i], err = partOf(where+"["+strconv.Itoa(i)+"]", item); err != nil {
			return nil, err
		}
		plain = plain && parts[i].Type == "text"
	}
	if plain {
		return joined(parts), nil
	}
	return parts, nil
}

// joined puts texts together: not every vendor takes parts.
func joined(parts []part) string {
	all := ""
	for i, p := range parts {
		if i > 0 {
			all += "\n"
		}
		all += p.Text
	}
	return all
}

func partOf(where string, raw json.RawMessage) (part, error) {
	var one struct {
		Type     string  `json:"type"`
		Text     string  `json:"text"`
		Refusal  string  `json:"refusal"`
		ImageURL *string `json:"image_url"`
		Detail   string  `json:"detail"`
	}
	if err := json.Unmarshal(raw, &one); err != nil {
		return part{}, wire.Invalid(where, "%s has to be a part of a content.", where)
	}
	switch one.Type {
	case "input_text", "output_text", "text":
		return part{Type: "text", Text: one.Text}, nil
	case "refusal":
		return part{Type: "text", Text: one.Refusal}, nil
	case "input_image":
		if one.ImageURL == nil {
			return part{}, unsupported(where, "has to give its image as image_url")
		}
		return part{Type: "image_url", ImageURL: &imageURL{URL: *one.ImageURL, Detail: one.Detail}}, nil
	}
	return part{}, unsupported(where+".type", "is of a kind that is not offered here")
}
