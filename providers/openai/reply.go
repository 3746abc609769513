package openai

import (
	"bytes"
	"encoding/json"

	"dreamlab/providers"
	"dreamlab/providers/completion"
)

// members is what is read of a chat.completion object or of a chunk, as raw JSON;
// the rest passes through unread.
type members struct {
	id, object, kind, created, model, choices, usage, fault, extension, tier []byte

	speaks bool   // there is a member in which flat errors say what happened
	beside []pair // what else there is
}

// pair is a member that has no part in OpenAI's form.
type pair struct{ key, value []byte }

func membersOf(object []byte, extension string) members {
	var m members
	m.read(object, extension)
	return m
}

// read looks at an object. What was read before is overwritten.
func (m *members) read(object []byte, extension string) {
	*m = members{beside: m.beside[:0]}
	for key, value := range completion.Members(object) {
		switch string(key) {
		case "id":
			m.id = value
		case "object":
			m.object = value
		case "created":
			m.created = value
		case "model":
			m.model = value
		case "choices":
			m.choices = value
		case "usage":
			m.usage = value
		case "error":
			m.fault = value
		default:
			m.other(key, value, extension)
		}
	}
}

func (m *members) other(key, value []byte, extension string) {
	if !completion.Present(value) {
		return
	}
	m.beside = append(m.beside, pair{key, value})
	switch string(key) {
	case "type":
		m.kind = value
	case "service_tier":
		m.tier = value
	case "message", "detail", "errors", "error_code", "__type":
		m.speaks = m.speaks || string(value) != "[]"
	default:
		if extension != "" && string(key) == extension {
			m.extension = value
		}
	}
}

// failed tells an error from an answer: by its member "error", by its type, or
// by a message where the choices should be.
func (m *members) failed() bool {
	if completion.Present(m.fault) && string(m.fault) != `""` && string(m.fault) != "false" {
		return true
	}
	return string(m.object) == `"error"` || string(m.kind) == `"error"` || m.speaks && !completion.Present(m.choices)
}

// mended returns the object with its choices as they were read, and without a
// usage that makes no sense.
func (m *members) mended(object, choices []byte) []byte {
	strange := completion.Present(m.usage) && parseUsage(m.usage).Missing
	same := len(choices) == len(m.choices) && (len(choices) == 0 || &choices[0] == &m.choices[0])
	if same && !strange {
		return object
	}
	if !same {
		object = completion.Set(object, "choices", choices)
	}
	if strange {
		object = completion.Set(object, "usage", []byte("null"))
	}
	return object
}

// usage is OpenAI's count of tokens
// (https://platform.openai.com/docs/api-reference/chat/object). Some servers
// write it as 12.0.
type usage struct {
	Prompt     *float64 `json:"prompt_tokens"`
	Completion float64  `json:"completion_tokens"`
	Total      float64  `json:"total_tokens"`
	In         struct {
		Cached  float64 `json:"cached_tokens"`
		Written float64 `json:"cache_write_tokens"` // at OpenRouter, and of Bedrock's answers
	} `json:"prompt_tokens_details"`
	Written float64 `json:"cache_creation_input_tokens"` // Anthropic's word, which proxies pass on
	Out     struct {
		Reasoning float64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

// maxTokens bounds a count of tokens that is read at all. No call uses 10^12; a larger
// number would overflow when it is multiplied by a price.
const maxTokens = 1e12

// counts returns the usage, or Missing where the vendor gave none that makes sense.
func (u *usage) counts() providers.Usage {
	if u == nil || u.Prompt == nil || !countable(*u.Prompt) || !countable(u.Completion) {
		return providers.Usage{Missing: true}
	}
	output, cached := u.output(), min(max(u.In.Cached, 0), *u.Prompt)
	return providers.Usage{
		Input: int64(*u.Prompt), CachedInput: int64(cached),
		CacheWrite: int64(min(max(u.In.Written, u.Written, 0), *u.Prompt-cached)),
		Output:     int64(output), Reasoning: int64(min(max(u.Out.Reasoning, 0), output)),
	}
}

// output is what is billed as output. Some vendors count reasoning beside the
// completion, with it in the total (x.ai) or in neither (Gemini behind a gateway).
func (u *usage) output() float64 {
	if reasoning := u.Out.Reasoning; countable(reasoning) && reasoning > u.Completion {
		return u.Completion + reasoning
	}
	if rest := u.Total - *u.Prompt; countable(rest) {
		return max(u.Completion, rest)
	}
	return u.Completion
}

func countable(tokens float64) bool { return tokens >= 0 && tokens < maxTokens }

// parseUsage reads a usage object. One that can not be read is missing: it is
// no reason to lose the answer.
func parseUsage(data []byte) providers.Usage {
	var u usage
	if json.Unmarshal(data, &u) != nil {
		return providers.Usage{Missing: true}
	}
	return u.counts()
}

// whole reads an answer that was not streamed.
func (c *Client) whole(a *answer, reply *providers.Reply) (*providers.Reply, error) {
	body, err := a.read()
	if err != nil {
		return nil, err
	}
	body = bytes.ToValidUTF8(bytes.TrimSpace(body), []byte("\uFFFD"))
	if a.translate != nil {
		body = a.translate(body)
	}
	if wire := c.dialect.Wire; wire != nil {
		if body, err = wire.Whole(a.head(), body); err != nil {
			return nil, a.unreadable("the answer can not be translated", err)
		}
	}
	if object := firstOf(body); object != nil {
		body = object
	}
	if !completion.IsObject(body) {
		return nil, a.unreadable("the answer is no chat completion", nil)
	}
	m := membersOf(body, "")
	reply.Usage = parseUsage(m.usage)
	if m.failed() {
		return nil, c.inBand(a, body, reply.Usage)
	}
	if err := c.read(a, reply, &m, body); err != nil {
		if !reply.Usage.Missing {
			err.Charge, err.Usage = providers.ChargeUsage, reply.Usage
		}
		return nil, err
	}
	return reply, nil
}

// read takes the choices of a whole answer in.
func (c *Client) read(a *answer, reply *providers.Reply, m *members, body []byte) *providers.Error {
	if len(m.choices) <= 2 || m.choices[0] != '[' {
		return a.unreadable("the answer holds no choice", nil)
	}
	choices, first, err := completion.Whole(m.choices, c.dialect.Hidden)
	if err != nil {
		return a.judged(err, reply.Usage)
	}
	if first.Finish == "" {
		return a.unreadable("the answer holds no choice", nil)
	}
	reply.Body, reply.Message = completion.Without(m.mended(body, choices), c.dialect.Hidden...), first.Message
	reply.Content, reply.Refusal, reply.Finish = first.Content, first.Refusal, first.Finish
	reply.Model = string(completion.AppendText(nil, m.model))
	reply.Service = string(completion.AppendText(nil, m.tier))
	return nil
}

// wholeAsStream serves the vendors that answer with a whole completion where
// a stream was asked for.
func (c *Client) wholeAsStream(
	a *answer, reply *providers.Reply, sink providers.Sink,
) (*providers.Reply, error) {
	reply, err := c.whole(a, reply)
	if err != nil {
		return nil, err
	}
	cut, err := completion.Chunks(reply.Body, "")
	if err != nil {
		return nil, a.unreadable("the answer is no chat completion", err)
	}
	reply.Shown = true
	for _, chunk := range []providers.Chunk{
		{Data: cut.Says, Shows: true}, {Data: cut.Ends, Ends: true}, {Data: cut.Counted},
	} {
		if err := sink(chunk); err != nil {
			return reply, a.given(reply, err)
		}
	}
	return reply, nil
}

// given is the error of a sink that wanted no more.
func (a *answer) given(reply *providers.Reply, err error) *providers.Error {
	e := a.fault(providers.KindCancelled, "the reader of the answer stopped", err)
	if !reply.Usage.Missing {
		e.Charge, e.Usage = providers.ChargeUsage, reply.Usage
	}
	return e
}
