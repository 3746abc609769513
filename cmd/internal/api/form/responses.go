package form

import (
	"encoding/json"

	"dreamlab/cmd/internal/api/wire"
)

// responses is OpenAI's newer form, without what it keeps between requests
// (https://platform.openai.com/docs/api-reference/responses/create).
var responses = form{ask: askResponse, renamed: map[string]string{
	"messages": "input", "max_completion_tokens": "max_output_tokens", "max_tokens": "max_output_tokens",
	"response_format": "text.format", "reasoning_effort": "reasoning.effort",
}}

// stateless are the values of what a response may keep or fetch that ask for
// nothing of it. Encrypted reasoning may be asked for: there is none here.
var stateless = map[string][]string{
	"background": {"false"}, "truncation": {`"disabled"`}, "include": {"[]", `["reasoning.encrypted_content"]`},
	"service_tier": {`"auto"`, `"default"`}, "top_logprobs": {"0"},
}

func askResponse(body []byte) (any, reply, error) {
	m, err := readMembers("", body)
	if err != nil {
		return nil, nil, err
	}
	r := &responseReply{asked: shownOf(m)}
	chat := map[string]any{}
	if chat["messages"], err = inputOf(m); err != nil {
		return nil, nil, err
	}
	m.passed(chat, map[string]string{
		"model": "model", "max_output_tokens": "max_completion_tokens", "temperature": "temperature", "top_p": "top_p",
		"parallel_tool_calls": "parallel_tool_calls", "metadata": "metadata", "store": "store", "user": "user",
		"prompt_cache_key": "prompt_cache_key", "safety_identifier": "safety_identifier",
		"prompt_cache_retention": "prompt_cache_retention", "dreamlab": "dreamlab",
	})
	for _, move := range []func(members, map[string]any) error{
		responseTools, responseChoice, responseFormat, responseReasoning, responseStream,
	} {
		if err := move(m, chat); err != nil {
			return nil, nil, err
		}
	}
	m.neutral(stateless)
	if err := m.rest(""); err != nil {
		return nil, nil, err
	}
	return chat, r, nil
}

// shownOf keeps of a request what the response repeats.
func shownOf(m members) map[string]json.RawMessage {
	shown := map[string]json.RawMessage{}
	for name, without := range map[string]string{
		"instructions": "null", "max_output_tokens": "null", "metadata": "{}", "parallel_tool_calls": "true",
		"temperature": "null", "tool_choice": `"auto"`, "tools": "[]", "top_p": "null", "user": "null",
		"reasoning": `{"effort":null,"summary":null}`, "text": `{"format":{"type":"text"}}`,
	} {
		shown[name] = json.RawMessage(without)
		if raw, given := m[name]; given {
			shown[name] = raw
		}
	}
	return shown
}

func responseStream(m members, chat map[string]any) error {
	on, err := flag("stream", m["stream"])
	if err != nil {
		return err
	}
	delete(m, "stream")
	if _, given := m["stream_options"]; given && on { // obfuscation is padding: none is added
		delete(m, "stream_options")
	}
	if on {
		streamed(chat)
	}
	return nil
}

func responseReasoning(m members, chat map[string]any) error {
	raw, given := m["reasoning"]
	if !given {
		return nil
	}
	delete(m, "reasoning")
	r, err := readMembers("reasoning", raw)
	if err != nil {
		return err
	}
	r.passed(chat, map[string]string{"effort": "reasoning_effort"})
	// The reasoning is shown as it comes, which is more than a summary of any kind.
	delete(r, "summary")
	return r.rest("reasoning.")
}

// responseFormat moves text.format to where chats have it.
func responseFormat(m members, chat map[string]any) error {
	raw, given := m["text"]
	if !given {
		return nil
	}
	delete(m, "text")
	t, err := readMembers("text", raw)
	if err != nil {
		return err
	}
	t.neutral(map[string][]string{"verbosity": {`"medium"`}})
	format, given := t["format"]
	delete(t, "format")
	if err := t.rest("text."); err != nil || !given {
		return err
	}
	f, err := readMembers("text.format", format)
	if err != nil {
		return err
	}
	if kind, err := text("text.format.type", f["type"]); err != nil || kind != "json_schema" {
		chat["response_format"] = format
		return err
	}
	delete(f, "type")
	chat["response_format"] = map[string]any{"type": "json_schema", "json_schema": f}
	return nil
}

func responseTools(m members, chat map[string]any) error {
	return m.tools(chat, func(where string, item json.RawMessage) (function, error) {
		var one struct {
			Type string `json:"type"`
			function
		}
		if err := json.Unmarshal(item, &one); err != nil {
			return function{}, wire.Invalid(where, "%s has to be a tool.", where)
		}
		if one.Type != "function" {
			return function{}, unsupported(where+".type", "has to be function: other tools are not offered here")
		}
		return one.function, nil
	})
}

func responseChoice(m members, chat map[string]any) error {
	raw, given := m["tool_choice"]
	if !given {
		return nil
	}
	delete(m, "tool_choice")
	if _, asked := chat["tools"]; !asked { // which some clients send with every request
		return nil
	}
	if isText(raw) {
		chat["tool_choice"] = raw
		return nil
	}
	var one struct{ Type, Name string }
	if err := json.Unmarshal(raw, &one); err != nil || one.Type != "function" {
		return unsupported("tool_choice", "has to be auto, none, required or a function")
	}
	chat["tool_choice"] = named(one.Name)
	return nil
}
