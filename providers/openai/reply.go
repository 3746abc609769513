package openai

import (
	"encoding/json"
	"strconv"

	"dreamlab/providers"
)

// completion is what is read of a chat.completion object; the rest passes
// through unread.
type completion struct {
	Model   string          `json:"model"`
	Error   json.RawMessage `json:"error"`
	Usage   json.RawMessage `json:"usage"`
	Choices []struct {
		Message json.RawMessage `json:"message"`
		Finish  string          `json:"finish_reason"`
	} `json:"choices"`
}

// usage is OpenAI's count of tokens
// (https://platform.openai.com/docs/api-reference/chat/object). Some servers
// write it as 12.0.
type usage struct {
	Prompt     *float64 `json:"prompt_tokens"`
	Completion float64  `json:"completion_tokens"`
	In         struct {
		Cached float64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	Out struct {
		Reasoning float64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

// mostTokens is beyond what any answer can have been billed for.
const mostTokens = 1e12

// counts returns the usage, or Missing where the vendor gave none that makes sense.
func (u *usage) counts() providers.Usage {
	if u == nil || u.Prompt == nil || !countable(*u.Prompt) || !countable(u.Completion) {
		return providers.Usage{Missing: true}
	}
	return providers.Usage{
		Input: int64(*u.Prompt), CachedInput: int64(min(max(u.In.Cached, 0), *u.Prompt)),
		Output: int64(u.Completion), Reasoning: int64(min(max(u.Out.Reasoning, 0), u.Completion)),
	}
}

func countable(tokens float64) bool { return tokens >= 0 && tokens < mostTokens }

// parseUsage reads a usage object. One that can not be read is missing: it is
// no reason to lose the answer.
func parseUsage(data []byte) providers.Usage {
	var u usage
	if json.Unmarshal(data, &u) != nil {
		return providers.Usage{Missing: true}
	}
	return u.counts()
}

// words maps the vendors' reasons for an end to OpenAI's.
var words = map[string]string{
	"eos":                           "stop",
	"end_turn":                      "stop",
	"stop_sequence":                 "stop",
	"max_tokens":                    "length",
	"model_length":                  "length",
	"function_call":                 "tool_calls",
	"tool_use":                      "tool_calls",
	"content_filtered":              "content_filter",
	"safety":                        "content_filter",
	"model_context_window_exceeded": "length",
}

func finish(word string) string {
	if known, ok := words[word]; ok {
		return known
	}
	return word
}

// whole reads an answer that was not streamed.
func (c *Client) whole(a *answer, reply *providers.Reply) (*providers.Reply, error) {
	body, err := a.read()
	if err != nil {
		return nil, err
	}
	var done completion
	if err := json.Unmarshal(body, &done); err != nil {
		return nil, a.garbled("the answer is no chat completion", err)
	}
	if present(done.Error) {
		return nil, c.inBand(a, body, parseUsage(done.Usage))
	}
	if len(done.Choices) == 0 {
		return nil, a.garbled("the answer holds no choice", nil)
	}
	first := done.Choices[0]
	var message struct{ Content, Refusal *string }
	if err := json.Unmarshal(first.Message, &message); err != nil {
		return nil, a.garbled("the answer holds no message", err)
	}
	reply.Body, reply.Message = inOurWords(body), first.Message
	reply.Content, reply.Refusal = text(message.Content), text(message.Refusal)
	reply.Model, reply.Finish, reply.Usage = done.Model, finish(first.Finish), parseUsage(done.Usage)
	return reply, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// wholeAsStream serves the vendors that answer with a whole completion where
// a stream was asked for: it is handed over as one chunk.
func (c *Client) wholeAsStream(
	a *answer, reply *providers.Reply, sink providers.Sink,
) (*providers.Reply, error) {
	reply, err := c.whole(a, reply)
	if err != nil {
		return nil, err
	}
	chunk, err := asChunk(reply.Body)
	if err != nil {
		return nil, a.garbled("the answer is no chat completion", err)
	}
	reply.Body = nil
	reply.Shown = true
	if err := sink(providers.Chunk{Data: chunk, Shows: true}); err != nil {
		return reply, a.given(reply, err)
	}
	return reply, nil
}

// asChunk turns a chat.completion into one chat.completion.chunk.
func asChunk(body []byte) ([]byte, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, err
	}
	var choices []map[string]json.RawMessage
	if err := json.Unmarshal(object["choices"], &choices); err != nil {
		return nil, err
	}
	for _, choice := range choices {
		choice["delta"] = asDelta(choice["message"])
		delete(choice, "message")
	}
	encoded, err := encode(choices)
	if err != nil {
		return nil, err
	}
	object["choices"], object["object"] = encoded, json.RawMessage(`"chat.completion.chunk"`)
	return encode(object)
}

// asDelta numbers the tool calls of a message, as a stream does.
func asDelta(message json.RawMessage) json.RawMessage {
	var object map[string]json.RawMessage
	var calls []map[string]json.RawMessage
	if json.Unmarshal(message, &object) != nil || json.Unmarshal(object["tool_calls"], &calls) != nil {
		return message
	}
	for i, call := range calls {
		call["index"] = json.RawMessage(strconv.Itoa(i))
	}
	numbered, err := encode(calls)
	if err != nil {
		return message
	}
	object["tool_calls"] = numbered
	delta, err := encode(object)
	if err != nil {
		return message
	}
	return delta
}

// given is the error of a sink that wanted no more.
func (a *answer) given(reply *providers.Reply, err error) *providers.Error {
	e := a.fault(providers.KindCancelled, "the reader of the answer stopped", err)
	if !reply.Usage.Missing {
		e.Charge, e.Usage = providers.ChargeUsage, reply.Usage
	}
	return e
}
