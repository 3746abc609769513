package form

import (
	"encoding/json"

	"dreamlab/cmd/internal/api/wire"
)

// completions is OpenAI's older form, a prompt without roles
// (https://platform.openai.com/docs/api-reference/completions/create).
var completions = form{ask: askCompletion, renamed: map[string]string{"messages": "prompt"}}

func askCompletion(body []byte) (any, reply, error) {
	m, err := readMembers("", body)
	if err != nil {
		return nil, nil, err
	}
	prompt, err := promptOf(m["prompt"])
	if err != nil {
		return nil, nil, err
	}
	delete(m, "prompt")
	chat := map[string]any{"messages": []message{{Role: "user", Content: prompt}}}
	m.passed(chat, map[string]string{
		"model": "model", "max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "n": "n",
		"stream": "stream", "stream_options": "stream_options", "stop": "stop", "seed": "seed", "user": "user",
		"presence_penalty": "presence_penalty", "frequency_penalty": "frequency_penalty", "logit_bias": "logit_bias",
		"metadata": "metadata", "store": "store", "dreamlab": "dreamlab",
	})
	m.neutral(map[string][]string{"echo": {"false"}, "best_of": {"1"}, "suffix": {`""`}})
	if err := m.rest(""); err != nil {
		return nil, nil, err
	}
	return chat, completionReply{}, nil
}

// promptOf reads a prompt: a string, or a list of one.
func promptOf(raw json.RawMessage) (string, error) {
	if none(raw) {
		return "", wire.Invalid("prompt", "prompt is missing: send the text to answer.")
	}
	if isText(raw) {
		return text("prompt", raw)
	}
	items, err := list("prompt", raw)
	if err != nil || len(items) != 1 || !isText(items[0]) {
		return "", unsupported("prompt", "has to be one string: ask once for each, and send text instead of tokens")
	}
	return text("prompt[0]", items[0])
}

type completionReply struct{}

type textChoice struct {
	Text     string  `json:"text"`
	Index    int     `json:"index"`
	Logprobs *string `json:"logprobs"`
	Finish   *string `json:"finish_reason"`
}

type textCompletion struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []textChoice    `json:"choices"`
	Usage   json.RawMessage `json:"usage,omitempty"`
	Ours    json.RawMessage `json:"dreamlab,omitempty"`
}

// turn turns a completion or a chunk: both have one shape here.
func (completionReply) turn(body []byte) (textCompletion, error) {
	c, err := read(body)
	if err != nil {
		return textCompletion{}, err
	}
	var counted struct{ Usage json.RawMessage }
	if err := json.Unmarshal(body, &counted); err != nil {
		return textCompletion{}, err
	}
	out := textCompletion{
		ID: "cmpl-" + bare(c.ID), Object: "text_completion", Created: c.Created, Model: c.Model,
		Choices: []textChoice{}, Usage: counted.Usage, Ours: c.Ours,
	}
	for _, one := range c.Choices {
		said := valueOf(one.Message.Content) + valueOf(one.Delta.Content)
		out.Choices = append(out.Choices, textChoice{Text: said, Index: one.Index, Finish: one.Finish})
	}
	return out, nil
}

func (r completionReply) whole(body []byte) (any, error) { return r.turn(body) }

func (r completionReply) chunk(out *events, body []byte) error {
	turned, err := r.turn(body)
	if err != nil {
		return err
	}
	return out.data(turned)
}

func (completionReply) end(out *events) error {
	out.WriteString("data: [DONE]\n\n")
	return nil
}

func (completionReply) fail(out *events, fault []byte) error {
	return out.named("error", json.RawMessage(fault))
}

func (completionReply) beat(out *events) { out.comment() }
