package tasks

import (
	"encoding/json"
	"fmt"
)

// shareGPTRoles maps the names of the speakers in rows of ShareGPT, and of the trainers that
// use its form, to OpenAI's roles. A "function" answers a call that was made under
// "function_call" before.
var shareGPTRoles = map[string]string{
	"human": "user", "user": "user", "system": "system",
	"gpt": "assistant", "chatgpt": "assistant", "assistant": "assistant", "model": "assistant",
	"bing": "assistant", "bard": "assistant", "function_call": "assistant",
	"observation": "function", "tool": "function", "function_response": "function",
}

// takeShareGPT reads a row whose "conversations" holds messages with "from" and
// "value", or with "role" and "content".
func takeShareGPT(row map[string]json.RawMessage) *InputError {
	list, fault := typed[[]map[string]json.RawMessage]("conversations", row["conversations"])
	if fault != nil {
		return fault
	}
	var system string
	if fault := texts(row, map[string]*string{"system": &system}); fault != nil {
		return fault
	}
	turns := withSystem(system)
	for i, said := range list {
		t, fault := shareGPTTurn(fmt.Sprintf("conversations[%d]", i), said)
		if fault != nil {
			return fault
		}
		turns = append(turns, t)
	}
	setTurns(row, turns)
	return nil
}

func shareGPTTurn(param string, said map[string]json.RawMessage) (turn, *InputError) {
	from, value := "from", "value"
	if _, ok := said[from]; !ok {
		from, value = "role", "content"
	}
	name, fault := typed[string](join(param, from), orNull(said[from]))
	if fault != nil {
		return turn{}, fault
	}
	text, fault := typed[string](join(param, value), orNull(said[value]))
	if fault != nil {
		return turn{}, fault
	}
	t := turn{Role: shareGPTRoles[name], Content: text}
	switch {
	case t.Role == "":
		return t, invalid(join(param, from), "must be one of: human, gpt, system, function_call, observation")
	case name == "function_call" && !json.Valid([]byte(text)):
		return t, invalid(join(param, value), "a call is JSON with name and arguments")
	case name == "function_call":
		t.Content, t.Call = "", json.RawMessage(text)
	}
	return t, nil
}

// withSystem begins a conversation with a system message, where there is one.
func withSystem(text string) []turn {
	if text == "" {
		return nil
	}
	return []turn{{Role: "system", Content: text}}
}
