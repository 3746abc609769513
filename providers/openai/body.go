package openai

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/plainjson"
)

// Body is a chat request as it goes over the wire
// (https://platform.openai.com/docs/api-reference/chat/create). A dialect
// changes it before it is encoded, once.
type Body struct {
	Model    string              `json:"model,omitempty"` // "" where the path names it
	Messages []providers.Message `json:"messages"`
	completion.Settings
	MaxCompletionTokens int            `json:"max_completion_tokens,omitempty"` // where the vendor takes no max_tokens
	Stream              bool           `json:"stream,omitempty"`
	StreamOptions       *StreamOptions `json:"stream_options,omitempty"`
}

// StreamOptions ask for the usage at the end of a stream.
type StreamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

func newBody(req *providers.Request, streamed bool) *Body {
	body := &Body{Model: req.Model, Messages: req.Messages, Settings: req.Settings}
	if streamed {
		body.Stream, body.StreamOptions = true, &StreamOptions{IncludeUsage: true}
	}
	return body
}

// encode returns what is sent: the body itself, where nothing stands beside OpenAI's own.
func (c *Client) encode(req *providers.Request, body *Body) (any, error) {
	if name := req.Lacks(c.dialect.Options); name != "" {
		return nil, Unsupported(name, "leave it out, or give it under dreamlab.vendor if the vendor has it")
	}
	if !c.dialect.TakesExtra {
		body.Tools = plainTools(body.Tools)
	}
	beside, messages := c.beside(req), c.messages(body.Messages)
	if len(beside) == 0 && messages == nil {
		return body, nil
	}
	sent := plainjson.Of(body)
	if messages != nil {
		sent = completion.Set(sent, "messages", plainjson.Of(messages))
	}
	for _, name := range slices.Sorted(maps.Keys(beside)) {
		sent = completion.Set(sent, name, beside[name])
	}
	return sent, nil
}

// messages returns the messages with the members that the vendor takes beside OpenAI's;
// nil where none has any.
func (c *Client) messages(all []providers.Message) []json.RawMessage {
	has := func(m providers.Message) bool { return len(c.members(m)) > 0 }
	if !slices.ContainsFunc(all, has) {
		return nil
	}
	messages := make([]json.RawMessage, len(all))
	for i, m := range all {
		text, members := plainjson.Of(m), c.members(m)
		for _, name := range slices.Sorted(maps.Keys(members)) {
			text = completion.Set(text, name, members[name])
		}
		messages[i] = text
	}
	return messages
}

// members returns what of a message the vendor takes beside OpenAI's. The reasoning of
// earlier turns has two names in use: it goes by the one that the vendor takes.
func (c *Client) members(m providers.Message) map[string]json.RawMessage {
	if c.dialect.TakesExtra || len(m.Extra) == 0 {
		return m.Extra
	}
	members := map[string]json.RawMessage{}
	for _, name := range c.dialect.Members {
		value := m.Extra[name]
		if other := reasonings[name]; len(value) == 0 && !slices.Contains(c.dialect.Members, other) {
			value = m.Extra[other]
		}
		if len(value) > 0 {
			members[name] = value
		}
	}
	return members
}

// reasonings leads from one name of the reasoning to the other.
var reasonings = map[string]string{"reasoning": "reasoning_content", "reasoning_content": "reasoning"}

// LimitCompletion has the body bound the answer by max_completion_tokens, for vendors
// and models that refuse max_tokens.
func LimitCompletion(body *Body) {
	body.MaxTokens, body.MaxCompletionTokens = 0, max(body.MaxTokens, body.MaxCompletionTokens)
}

// reasoner finds the names of OpenAI's reasoning models, o1 to o9 and gpt-5 and later,
// which refuse max_tokens (https://platform.openai.com/docs/guides/reasoning). Azure calls
// an older one gpt-35-turbo.
var reasoner = regexp.MustCompile(`^(o[1-9]|gpt-([5-9]|[12][0-9]))([-.]|$)`)

// Reasons tells whether a model is one of OpenAI's reasoning models, by the last part
// of its name.
func Reasons(model string) bool { return reasoner.MatchString(model[strings.LastIndex(model, "/")+1:]) }

// plainTools returns the tools with the members alone that OpenAI has: others, such
// as Anthropic's cache_control, are refused by some vendors.
func plainTools(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	var tools []struct {
		Type     json.RawMessage `json:"type,omitempty"`
		Function *struct {
			Name        json.RawMessage `json:"name,omitempty"`
			Description json.RawMessage `json:"description,omitempty"`
			Parameters  json.RawMessage `json:"parameters,omitempty"`
			Strict      json.RawMessage `json:"strict,omitempty"`
		} `json:"function,omitempty"`
	}
	if json.Unmarshal(raw, &tools) != nil {
		return raw // the vendor says what is wrong with it
	}
	return plainjson.Of(tools)
}

// Unsupported is the error with which a dialect refuses a parameter.
func Unsupported(param, advice string) error {
	return &providers.Error{
		Kind: providers.KindUnsupported, Param: param, Charge: providers.ChargeNone,
		Message: "the vendor does not take the parameter " + param + ": " + advice,
	}
}
