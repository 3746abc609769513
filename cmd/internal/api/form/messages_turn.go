package form

import (
	"encoding/json"
	"strconv"

	"dreamlab/cmd/internal/api/wire"
)

// turnsOf takes system and messages out of a request and returns a chat's messages.
func turnsOf(m members) ([]message, error) {
	var all []message
	if raw, given := m["system"]; given {
		said, err := blocksText("system", raw)
		if err != nil {
			return nil, err
		}
		if said != "" {
			all = append(all, message{Role: "system", Content: said})
		}
	}
	items, err := list("messages", m["messages"])
	if err != nil {
		return nil, err
	}
	delete(m, "system")
	delete(m, "messages")
	for i, raw := range items {
		where := "messages[" + strconv.Itoa(i) + "]"
		var one struct {
			Role    string          `json:"role"`
			Content json.RawMessage `json:"content"`
		}
		if err := json.Unmarshal(raw, &one); err != nil || one.Role != "user" && one.Role != "assistant" {
			return nil, wire.Invalid(where+".role", "%s.role has to be user or assistant.", where)
		}
		if isText(one.Content) {
			said, err := text(where+".content", one.Content)
			if err != nil {
				return nil, err
			}
			all = append(all, message{Role: one.Role, Content: said})
			continue
		}
		t := turn{where: where + ".content", role: one.Role}
		if err := t.read(one.Content); err != nil {
			return nil, err
		}
		all = append(all, t.messages()...)
	}
	return all, nil
}

// block is one of a message's content.
type block struct {
	Type    string          `json:"type"`
	Text    string          `json:"text"`
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Input   json.RawMessage `json:"input"`
	UseID   string          `json:"tool_use_id"`
	Content json.RawMessage `json:"content"`
	Failed  bool            `json:"is_error"`
	Source  struct {
		Type  string `json:"type"`
		Media string `json:"media_type"`
		Data  string `json:"data"`
		URL   string `json:"url"`
	} `json:"source"`
}

// turn is one message, whose results of tools are messages of their own in a chat.
type turn struct {
	where, role string
	results     []message
	parts       []part
	calls       []toolCall
}

func (t *turn) read(raw json.RawMessage) error {
	items, err := list(t.where, raw)
	if err != nil {
		return err
	}
	for i, item := range items {
		where := t.where + "[" + strconv.Itoa(i) + "]"
		var b block
		if err := json.Unmarshal(item, &b); err != nil {
			return wire.Invalid(where, "%s has to be a block of a content.", where)
		}
		if err := t.add(where, b); err != nil {
			return err
		}
	}
	return nil
}

func (t *turn) add(where string, b block) error {
	switch b.Type {
	case "text":
		t.parts = append(t.parts, part{Type: "text", Text: b.Text})
	case "image":
		address := b.Source.URL
		if b.Source.Type == "base64" {
			address = "data:" + b.Source.Media + ";base64," + b.Source.Data
		}
		if address == "" {
			return unsupported(where+".source", "has to be base64 or a url")
		}
		t.parts = append(t.parts, part{Type: "image_url", ImageURL: &imageURL{URL: address}})
	case "tool_use":
		arguments := string(b.Input)
		if none(b.Input) {
			arguments = "{}"
		}
		t.calls = append(t.calls, toolCall{ID: b.ID, Type: "function", Function: functionCall{b.Name, arguments}})
	case "tool_result":
		said, err := blocksText(where+".content", b.Content)
		if err != nil {
			return err
		}
		if b.Failed {
			said = "Error: " + said
		}
		t.results = append(t.results, message{Role: "tool", Content: said, ToolCallID: b.UseID})
	case "thinking", "redacted_thinking": // of an earlier turn; nothing of it is needed here
	default:
		return unsupported(where+".type", "is of a kind that is not offered here")
	}
	return nil
}

// messages returns the chat's messages: results go before what is said after them.
func (t *turn) messages() []message {
	all := t.results
	if len(t.parts) == 0 && len(t.calls) == 0 {
		return all
	}
	said := message{Role: t.role, ToolCalls: t.calls}
	switch {
	case t.plain() && len(t.parts) > 0:
		said.Content = joined(t.parts)
	case len(t.parts) > 0:
		said.Content = t.parts
	}
	return append(all, said)
}

func (t *turn) plain() bool {
	for _, p := range t.parts {
		if p.Type != "text" {
			return false
		}
	}
	return true
}

// blocksText reads a content that is text alone: a string, or blocks of text.
func blocksText(where string, raw json.RawMessage) (string, error) {
	if none(raw) {
		return "", nil
	}
	if isText(raw) {
		return text(where, raw)
	}
	items, err := list(where, raw)
	if err != nil {
		return "", err
	}
	parts := make([]part, len(items))
	for i, item := range items {
		at := where + "[" + strconv.Itoa(i) + "]"
		var b block
		if err := json.Unmarshal(item, &b); err != nil || b.Type != "text" {
			return "", unsupported(at, "has to be a block of text")
		}
		parts[i] = part{Type: "text", Text: b.Text}
	}
	return joined(parts), nil
}
