package tasks

import (
	"encoding/json"
	"slices"
	"strings"
)

// chatGPTNode is a message in the tree of a conversation of ChatGPT's export.
type chatGPTNode struct {
	Parent  string
	Message *chatGPTMessage
}

type chatGPTMessage struct {
	Author  struct{ Role string }
	Content struct {
		Type  string            `json:"content_type"`
		Parts []json.RawMessage // texts, and objects that point to pictures
	}
	Recipient string
	Weight    *float64 // 0 where ChatGPT does not show it
}

// takeChatGPT reads a conversation of ChatGPT's export, conversations.json: of its
// tree the branch that ends at the current node.
func takeChatGPT(row map[string]json.RawMessage) *InputError {
	nodes, fault := typed[map[string]chatGPTNode]("mapping", row["mapping"])
	if fault != nil {
		return fault
	}
	current, fault := typed[string]("current_node", orNull(row["current_node"]))
	if fault != nil {
		return fault
	}
	if _, ok := nodes[current]; !ok {
		return invalid("current_node", "this is ChatGPT's export, and the current node is none of its mapping")
	}
	var turns []turn
	for _, m := range branchTo(nodes, current) {
		turns = m.addTo(turns)
	}
	setTurns(row, turns)
	if _, ok := row["conversation_id"]; !ok && len(row["id"]) > 0 {
		row["conversation_id"] = row["id"]
	}
	for _, name := range []string{"current_node", "id"} {
		delete(row, name)
	}
	return nil
}

// branchTo returns the messages from the root to a node. Parents that go in a circle
// end it.
func branchTo(nodes map[string]chatGPTNode, id string) []*chatGPTMessage {
	var branch []*chatGPTMessage
	for range nodes {
		node, ok := nodes[id]
		if !ok {
			break
		}
		if node.Message != nil {
			branch = append(branch, node.Message)
		}
		id = node.Parent
	}
	slices.Reverse(branch)
	return branch
}

// addTo adds the message to the turns, unless it is hidden, empty or a tool's. What
// one side says in several messages, as around the use of a tool, becomes one.
func (m *chatGPTMessage) addTo(turns []turn) []turn {
	text := m.text()
	if !m.shown() || text == "" {
		return turns
	}
	if last := len(turns) - 1; last >= 0 && turns[last].Role == m.Author.Role {
		turns[last].Content += "\n\n" + text
		return turns
	}
	return append(turns, turn{Role: m.Author.Role, Content: text})
}

// shown tells whether the user or the model said it to the other.
func (m *chatGPTMessage) shown() bool {
	said := m.Author.Role == "user" || m.Author.Role == "assistant"
	toAll := m.Recipient == "" || m.Recipient == "all"
	worded := m.Content.Type == "text" || m.Content.Type == "multimodal_text"
	return said && toAll && worded && (m.Weight == nil || *m.Weight != 0)
}

func (m *chatGPTMessage) text() string {
	var parts []string
	for _, raw := range m.Content.Parts {
		var part string
		if json.Unmarshal(raw, &part) == nil && strings.TrimSpace(part) != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "\n\n")
}
