package tasks

import (
	"bytes"
	"encoding/json"

	"dreamlab/store/plainjson"
)

// takeExchange reads a line of a log of requests: what was sent to a model under
// "request", and what came back under "response", each as an object, as its text, or
// as either under "body".
func takeExchange(row map[string]json.RawMessage) *InputError {
	request, fault := loggedBody("request", row["request"])
	if fault != nil {
		return fault
	}
	response, fault := loggedBody("response", row["response"])
	if fault != nil {
		return fault
	}
	if len(request["messages"]) == 0 {
		return invalid("request", "this is a log of requests, and this request holds no messages")
	}
	messages, fault := typed[[]json.RawMessage]("request.messages", request["messages"])
	if fault != nil {
		return fault
	}
	answer := answerOf(response)
	if answer == nil {
		return invalid("response", "this is a log of requests, and this response holds no answer")
	}
	if system, ok := request["system"]; ok { // Anthropic's place for it
		messages = append([]json.RawMessage{roleWith("system", system)}, messages...)
	}
	row["messages"] = plainjson.Of(append(messages, answer))
	return nil
}

// loggedBody reads a body that may be kept as a text, and stand under "body".
func loggedBody(param string, raw json.RawMessage) (map[string]json.RawMessage, *InputError) {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte{'"'}) {
		text, fault := typed[string](param, raw)
		if fault != nil {
			return nil, fault
		}
		raw = json.RawMessage(text)
	}
	members, fault := object(param, raw)
	if fault != nil {
		return nil, fault
	}
	if body, ok := members["body"]; ok {
		delete(members, "body")
		if members["messages"] == nil && members["choices"] == nil {
			return loggedBody(join(param, "body"), body)
		}
	}
	return members, nil
}

// answerOf returns the message of a response, nil where there is none: OpenAI's first
// choice, Ollama's message, or Anthropic's content.
func answerOf(response map[string]json.RawMessage) json.RawMessage {
	var choices []struct{ Message json.RawMessage }
	if json.Unmarshal(orNull(response["choices"]), &choices) == nil && len(choices) > 0 {
		return choices[0].Message
	}
	if message, ok := response["message"]; ok {
		return message
	}
	if content, ok := response["content"]; ok {
		return roleWith("assistant", content)
	}
	return nil
}

func roleWith(role string, content json.RawMessage) json.RawMessage {
	return plainjson.Of(Message{Role: role, Content: content})
}
