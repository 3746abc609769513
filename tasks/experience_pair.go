package tasks

import (
	"bytes"
	"encoding/json"

	"dreamlab/store/plainjson"
)

// takeInstruction reads Alpaca's form: an instruction, where needed with an input,
// and the output. Before them may stand a system text and earlier turns, as pairs of
// question and answer under "history".
func takeInstruction(row map[string]json.RawMessage) *InputError {
	var instruction, input, output, system string
	fault := texts(row, map[string]*string{
		"instruction": &instruction, "input": &input, "output": &output, "system": &system,
	})
	if fault != nil {
		return fault
	}
	turns := withSystem(system)
	if raw, ok := row["history"]; ok {
		pairs, fault := typed[[][2]string]("history", raw)
		if fault != nil {
			return fault
		}
		for _, pair := range pairs {
			turns = append(turns, exchange(pair[0], pair[1])...)
		}
		delete(row, "history")
	}
	if input != "" {
		instruction += "\n\n" + input
	}
	setTurns(row, append(turns, exchange(instruction, output)...))
	return nil
}

func exchange(question, answer string) []turn {
	return []turn{{Role: "user", Content: question}, {Role: "assistant", Content: answer}}
}

// takeCompletion reads a prompt with its completion: both are texts, or lists of
// messages.
func takeCompletion(row map[string]json.RawMessage) *InputError {
	messages := []json.RawMessage{}
	for _, side := range []struct{ name, role string }{{"prompt", "user"}, {"completion", "assistant"}} {
		raw := bytes.TrimSpace(row[side.name])
		if bytes.HasPrefix(raw, []byte{'['}) {
			list, fault := typed[[]json.RawMessage](side.name, raw)
			if fault != nil {
				return fault
			}
			messages = append(messages, list...)
			continue
		}
		text, fault := typed[string](side.name, raw)
		if fault != nil {
			return fault
		}
		messages = append(messages, plainjson.Of(turn{Role: side.role, Content: text}))
	}
	row["messages"] = plainjson.Of(messages)
	return nil
}

// takePreference reads OpenAI's form of preference pairs, which the datasets of DPO have: the prompt and the
// preferred answer are the conversation
// (https://platform.openai.com/docs/guides/direct-preference-optimization).
func takePreference(row map[string]json.RawMessage) *InputError {
	input, fault := object("input", row["input"])
	if fault != nil {
		return fault
	}
	messages, fault := typed[[]json.RawMessage]("input.messages", orNull(input["messages"]))
	if fault != nil {
		return fault
	}
	answers, fault := typed[[]json.RawMessage]("preferred_output", row["preferred_output"])
	if fault != nil {
		return fault
	}
	row["messages"] = plainjson.Of(append(messages, answers...))
	return nil
}
